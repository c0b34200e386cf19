"""Messages for errors that Hydra raises about the command line."""

import errno
import os
import re
import traceback
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from runner.cli.hydra_private import failed_folder, failed_override
from runner.cli.launchers import launcher_names, missing_plugin, unknown_launcher
from runner.process.errors import did_you_mean
from runner.process.wording import shown
from runner.recipe.library import recipe_names, unknown_recipe

_NO_SUCH_KEY = re.compile(r"Could not (?:override|append to config\. An item is already at) '([^']+)'")
_RECIPE_PARTS = ("data", "model", "training", "layers", "export")
_LIBRARIES = ("hydra", "omegaconf", "antlr4")


def explain(error: BaseException) -> str | None:
    """Writes one message for an error that composing the configuration raised.

    Returns:
        The message, or None where the error is not about the user's input.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, MissingConfigException):
        return _missing(str(error.missing_cfg_file)) or _plain(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        unknown = _NO_SUCH_KEY.match(str(error))
        if unknown and not unknown[1].startswith("hydra"):
            return _unknown_setting(unknown[1])
        return _plain(error)
    # Hydra also lets bare ValueErrors and assertions out, for instance for `--cfg job --multirun`.
    if str(error).startswith("Config group override must be"):
        names = f"{', '.join(recipe_names())}; launch=NAME too: {', '.join(launcher_names())}"
        return f"recipe=NAME takes a name: {names}"
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG and error.filename:
        return f"There is no file with the name {shown(Path(error.filename).name)}: it is too long for one"
    if isinstance(error, OSError) and (setting := failed_folder(error)):
        reason = os.strerror(error.errno) if error.errno else str(error)
        return f"{setting}: the folder cannot be made ({reason}). outputs=DIR chooses where files go"
    raised_in = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not raised_in or raised_in[-1].partition(".")[0] not in _LIBRARIES:
        return None
    override = failed_override(error)
    return f"{override}: {_plain(error)}" if override else _plain(error)


def _missing(config: str) -> str | None:
    group, _, name = config.partition("/")
    if group == "recipe":
        return unknown_recipe(name)
    if group == "launch":
        return unknown_launcher(name)
    return missing_plugin(config)


def _unreadable(error: OverrideParseException) -> str:
    if error.override in recipe_names():
        return f"'{error.override}' is not KEY=VALUE. Did you mean recipe={error.override}?"
    lines = [
        line for line in error.message.splitlines() if not line.startswith(("Error parsing", "See http"))
    ]
    return (
        f"Cannot read '{error.override}': {' '.join(lines)}. An argument is KEY=VALUE; a value"
        " with special characters is quoted twice, once for the shell, as in"
        " 'recipe.layers.RULE.targets=\"re:(a|b).*\"'"
    )


def _unknown_setting(key: str) -> str:
    if key.partition(".")[0] in _RECIPE_PARTS:
        return f"There is no setting '{key}'. Did you mean 'recipe.{key}'?"
    from runner.settings import setting_names

    names = setting_names()
    return (
        f"There is no setting '{key}'.{did_you_mean(key, names)} Settings: {', '.join(names)}, and"
        " recipe.KEY for every key of the recipe"
    )


def _plain(error: BaseException) -> str:
    causes = [error, error.__cause__]
    lines = [line.strip() for cause in causes if cause is not None for line in str(cause).splitlines()]
    # OmegaConf adds where in its own tree it was.
    added = ("full_key:", "object_type=", "reference_type=")
    return "\n".join(line for line in lines if line and not line.startswith(added)) or type(error).__name__
