"""The presets of `launch=NAME`: what starts the jobs of a sweep."""

from pathlib import Path

from runner.process.errors import did_you_mean
from runner.process.packaged import packaged_folder

GROUP = "launch"
DEFAULT = "local"

_PLUGINS = ("joblib", "submitit_slurm", "submitit_local", "ray")


def launcher_names() -> list[str]:
    """Returns the name of every preset, the default first."""
    names = {path.stem for path in _folder().glob("*.yaml")}
    return [DEFAULT, *sorted(names - {DEFAULT})]


def describe_launchers() -> dict[str, str]:
    """Returns the description of each preset, by name: the first comment of its file."""
    return {name: _description(_folder() / f"{name}.yaml") for name in launcher_names()}


def unknown_launcher(name: str) -> str:
    """Writes the message for a name that no preset has."""
    names = launcher_names()
    return f"There is no launcher '{name}'.{did_you_mean(name, names)} Launchers: {', '.join(names)}"


def missing_plugin(name: str) -> str | None:
    """Writes the message for a launcher or sweeper that is not installed; None for an unsupported one.

    Args:
        name: As its group in Hydra's configuration and its own: `hydra/launcher/joblib`.
    """
    if name == "hydra/sweeper/optuna":
        return "The sweeper 'optuna' is not installed: pip install 'tflite-pruning-runner[search]'"
    name = name.removeprefix("hydra/launcher/")
    if name not in _PLUGINS:
        return None
    return f"The launcher '{name}' is not installed: pip install 'tflite-pruning-runner[parallel]'"


def _folder() -> Path:
    return packaged_folder("conf") / GROUP


def _description(file: Path) -> str:
    comments = (line.removeprefix("#").strip() for line in file.read_text(encoding="utf-8").splitlines())
    return next(comment for comment in comments if not comment.startswith("@"))
