"""Where a result comes from: code, versions, seed, command."""

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runner import __version__
from runner.records.source_content import source_content

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
    *,
    folder: Path,
    seed: int,
    threads: int,
    argv: tuple[str, ...],
    recipe_hash: str,
    data_sha256: str,
    model_sha256: Mapping[str, str],
    plugins: Mapping[str, str],
) -> dict[str, Any]:
    """Returns what `provenance.json` holds.

    Args:
        folder: Where the command was given; its git state is recorded.
        seed: The run's seed.
        threads: What the run computes with; sums depend on it in their last bits.
        argv: The command.
        recipe_hash: Of the resolved recipe.
        data_sha256: Of the data's content.
        model_sha256: Of the files that the recipe's model names, by key; the recipe's hash has their names.
        plugins: SHA-256 of each plugin's code.
    """
    sha, dirty = git_state(folder)
    return {
        "git_sha": sha,
        "git_dirty": dirty,
        "versions": versions(),
        "source_sha256": source_content(),
        "plugins_sha256": dict(plugins),
        "platform": platform.platform(),
        "device": device(),
        "seed": seed,
        "threads": threads,
        "argv": list(argv),
        "recipe_hash": recipe_hash,
        "data_sha256": data_sha256,
        "model_sha256": dict(model_sha256),
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
