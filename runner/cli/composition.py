"""One job of the command line: from Hydra's composed configuration to a recipe and settings."""

import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.library import find_recipe, place, recipe_names
from runner.recipe.override_syntax import override_key
from runner.recipe.overrides import keep_written_rate, mark_leftovers, with_rule_hints
from runner.recipe.plugin_content import imported_as_hashed
from runner.recipe.recipe_file import lineage, origins
from runner.recipe.vetting import vet

if TYPE_CHECKING:
    from runner.recipe.recipe import Recipe
    from runner.settings import RunSettings


def read_job(
    config: DictConfig, hydra: DictConfig, *, run_dir: Path | None = None
) -> tuple["Recipe", "RunSettings"]:
    """Reads the recipe and the settings of one job.

    Args:
        config: The composed configuration: the settings, and the recipe under `recipe`.
        hydra: Hydra's own part of it.
        run_dir: The job's own folder in a sweep's; None for a run by itself.

    Raises:
        UserError: Something of it is wrong.
    """
    try:
        recipe = _read_recipe(config, hydra)
    except UserError as error:
        raise UserError(_hinted(str(error), hydra)) from error
    return recipe, _read_settings(config, run_dir, tuple(_overrides(hydra).values()))


def task_overrides(hydra: DictConfig) -> list[str]:
    """Returns the overrides of the recipe and the settings as they were written."""
    written: Any = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    return list(written)


def placed(message: str, config: DictConfig, hydra: DictConfig) -> str:
    """Puts before each line of a message that begins with a recipe's key where that key was written.

    Args:
        message: Lines such as `recipe.data.name: ...`, as the stages of a run raise them.
        config: The composed configuration.
        hydra: Hydra's own part of it.
    """
    name = str(hydra.runtime.choices.get("recipe")).removesuffix(".yaml")
    where = origins(name, _overrides(hydra))
    lines = []
    for line in message.splitlines():
        key = re.match(r"recipe(\.\w+)+", line)
        lines.append(f"{where(key[0])}: {line}" if key and OmegaConf.is_dict(config.get("recipe")) else line)
    return _hinted("\n".join(lines), hydra)


def _hinted(message: str, hydra: DictConfig) -> str:
    name = str(hydra.runtime.choices.get("recipe")).removesuffix(".yaml")
    return with_rule_hints(message, name, _overrides(hydra))


def load_plugins(modules: Sequence[str]) -> None:
    """Imports the user's modules, which register schedules, models and datasets, and notes their content.

    Args:
        modules: Their names, as for `import`; the current directory is searched first.

    Raises:
        UserError: A module cannot be imported, or was changed meanwhile.
    """
    # The console script, unlike `python -m`, does not search the current directory.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with imported_as_hashed(modules):
        for module in modules:
            try:
                importlib.import_module(module)
            except UserError:
                raise
            except ImportError as error:
                raise UserError(f"plugins: cannot import {shown(module)}: {error}") from error
            except (Exception, SystemExit) as error:
                raise UserError(
                    f"plugins: {shown(module)} fails on import: {type(error).__name__}: {error}"
                ) from error


def _read_recipe(config: DictConfig, hydra: DictConfig) -> "Recipe":
    from runner.recipe.recipe import Recipe

    chosen = hydra.runtime.choices.get("recipe")
    if not isinstance(chosen, str) or not OmegaConf.is_dict(config.get("recipe")):
        raise UserError(
            f"recipe={'null' if chosen is None else chosen} names no single recipe. Choose one of"
            f" {', '.join(recipe_names())}; several at once take --multirun recipe=A,B"
        )
    name = chosen.removesuffix(".yaml")
    overrides = _overrides(hydra)
    where = origins(name, overrides)
    vet(OmegaConf.to_container(config.recipe, resolve=False), where)
    try:
        mapping: Any = OmegaConf.to_container(config.recipe, resolve=True)
    except OmegaConfBaseException as error:
        key = str(error.full_key or "recipe")
        raise UserError(f"{where(key)}: {key}: {str(error).splitlines()[0]}") from error
    keep_written_rate(mapping, lineage(name), overrides, where)
    recipe = Recipe.from_mapping(mapping, name=name, source=place(find_recipe(name)), where=where)
    return mark_leftovers(recipe, overrides)


def _read_settings(config: DictConfig, run_dir: Path | None, overrides: tuple[str, ...]) -> "RunSettings":
    from runner.settings import RunSettings

    try:
        settings = {
            str(key): OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for key, value in config.items()
            if key not in ("recipe", "hydra")
        }
    except OmegaConfBaseException as error:
        raise UserError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    # What a dry run would write to is gone when the command ends.
    kept = None if settings.get("dry_run") is True else run_dir
    argv = ("runner", *sys.argv[1:])
    return RunSettings.from_mapping(settings, argv=argv, overrides=overrides, run_dir=kept)


def _overrides(hydra: DictConfig) -> dict[str, str]:
    """Maps the dotted key of each override to the override as it was written."""
    keyed = {override_key(override): override for override in task_overrides(hydra)}
    return {key: override for key, override in keyed.items() if key.startswith("recipe.")}
