"""What `python -m runner.compare` is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.compare.gathering import require_sweep
from runner.errors import UserError, did_you_mean
from runner.sweep.records import is_sweep

OPTIONS = ("experiment", "recipe", "outputs", "tracking.uri", "debug")


@dataclass(frozen=True)
class Asked:
    """What to compare, and where to write.

    Args:
        sweep: A sweep's folder; None for an experiment.
        experiment: MLflow's experiment; None for a sweep.
        recipes: Patterns of recipes or variations to compare; empty is all.
        outputs: Where an experiment's comparison is written and the default store lies, absolute.
        tracking_uri: MLflow's store; None is the sweep's own, or the default one.
    """

    sweep: Path | None
    experiment: str | None
    recipes: tuple[str, ...]
    outputs: Path
    tracking_uri: str | None


def read_arguments(arguments: Sequence[str]) -> Asked:
    """Reads the command line.

    Args:
        arguments: A sweep's folder or `experiment=NAME`, and options, each KEY=VALUE.

    Raises:
        UserError: Something of it is wrong, nothing is asked for, or the folder is not a sweep's.
    """
    given: dict[str, str] = {}
    folders = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if argument.startswith("-"):
            raise UserError(f"There is no option '{argument}'.{_near(argument)} See --help")
        if not equals or (key not in OPTIONS and Path(argument).exists()):
            folders.append(_folder(argument))
        elif key not in OPTIONS:
            raise UserError(f"There is no option '{key}'.{_near(key)} Options: {', '.join(OPTIONS)}")
        elif not value:
            raise UserError(f"{key}= is empty; leave it out or give it a value")
        elif key in given:
            raise UserError(f"{key} is given twice: {given[key]} and {value}")
        else:
            given[key] = value
    _require_one(folders, given)
    if given.get("debug", "false").lower() not in ("true", "false"):
        raise UserError(f"debug={given['debug']}: must be true or false")
    return Asked(
        sweep=folders[0] if folders else None,
        experiment=given.get("experiment"),
        recipes=tuple(part for part in given.get("recipe", "").split(",") if part),
        outputs=Path.cwd() / given.get("outputs", "outputs"),
        tracking_uri=given.get("tracking.uri"),
    )


def _folder(argument: str) -> Path:
    path = Path(argument)
    # A bare word that is no folder is rather an experiment, or a slip.
    if not path.exists() and "/" not in argument:
        near = did_you_mean(argument, OPTIONS) or f" experiment={argument} names an experiment."
        raise UserError(f"'{argument}' is neither a folder nor KEY=VALUE.{near}")
    folder = path.parent if path.is_file() else path
    require_sweep(folder)
    return folder


def _require_one(folders: Sequence[Path], given: dict[str, str]) -> None:
    outputs = Path.cwd() / given.get("outputs", "outputs")
    if len(folders) > 1:
        raise UserError(
            f"One sweep at a time, not {' and '.join(map(str, folders))}; experiment=NAME compares all of"
            " an experiment's runs"
        )
    if folders and "experiment" in given:
        raise UserError(
            f"Name a sweep's folder or an experiment, not both: {folders[0]}, {given['experiment']}"
        )
    if folders and "outputs" in given:
        raise UserError("outputs= goes with experiment=; a sweep's comparison is written into its own folder")
    if not folders and "experiment" not in given:
        sweeps = sorted(path for path in (outputs / "sweeps").glob("*") if is_sweep(path))
        latest = f" The latest sweep is {_shown(sweeps[-1])}" if sweeps else ""
        raise UserError(f"Name a sweep's folder or experiment=NAME; see --help.{latest}")


def _near(key: str) -> str:
    return did_you_mean(key.lstrip("-").partition("=")[0], OPTIONS)


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
