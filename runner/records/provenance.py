"""Where a result comes from: code, versions, seed, command."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import __version__
from runner.process.threads import available_cores
from runner.recipe.recipe import Recipe
from runner.settings import RunSettings

if TYPE_CHECKING:
    from runner.records.fingerprint import Ingredients

_PACKAGES = ("tensorflow", "tf_keras", "numpy", "hydra-core", "omegaconf", "mlflow", "pandas")

COMPUTING = ("python", "runner", "tensorflow", "tf_keras", "numpy")
"""Those of `versions()` that decide about weights."""


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Returns the commit that `folder` is checked out at and whether there are changes; Nones outside git."""
    sha = _git(folder, "rev-parse", "HEAD")
    if sha is None:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return sha, bool(changes)


def provenance(
    recipe: Recipe, settings: RunSettings, ingredients: "Ingredients", folder: Path
) -> dict[str, Any]:
    """Returns what `provenance.json` holds.

    Args:
        recipe: The resolved recipe; its hash is recorded.
        settings: The command, the seed, and the threads: sums depend on these in their last bits.
        ingredients: What the run computes from.
        folder: Where the command was given; its git state is recorded.
    """
    sha, dirty = git_state(folder)
    return {
        "git_sha": sha,
        "git_dirty": dirty,
        "versions": versions(),
        "source_sha256": dict(ingredients.source),
        "plugins_sha256": dict(ingredients.plugins),
        "platform": platform.platform(),
        "device": device(),
        "seed": settings.seed,
        "threads": settings.threads or available_cores(),
        "argv": list(settings.argv),
        "recipe_hash": recipe.hash,
        "data_sha256": ingredients.data,
        "model_sha256": dict(ingredients.files),
    }


def computed_with() -> dict[str, str]:
    """Names what decides about weights beside the recipe, its files and the runner's own source.

    The number of threads is not among it, though sums depend on it in their last bits: with it, a sweep that
    is continued with another launcher, or on another machine, would find nothing of what has finished. It is
    in `provenance.json`. The device is among it: a GPU multiplies in another precision.

    Returns:
        The versions of `COMPUTING`, and `device`.
    """
    found = versions()
    return {name: found[name] for name in COMPUTING} | {"device": device()}


@cache
def device() -> str:
    """Returns what TensorFlow computes with here: `CPU`, or the name of the GPU."""
    import tensorflow as tf

    for gpu in tf.config.get_visible_devices("GPU"):
        # The first one is the one that it takes.
        return str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))
    return "CPU"


def versions() -> dict[str, str]:
    """Returns the versions of Python, the runner and the packages that results depend on."""
    found = {"python": platform.python_version(), "runner": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
