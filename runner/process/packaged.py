"""Finds the folders that are installed with the package: the settings and the shipped recipes."""

from pathlib import Path
from typing import Literal

import runner


def packaged_folder(name: Literal["conf", "recipes"]) -> Path:
    """Returns a folder that a wheel has inside the package and a checkout at the top.

    Args:
        name: `"conf"` (the runner's own settings) or `"recipes"` (the shipped experiments).

    Returns:
        `runner/_<name>` of an installed wheel, else the repository's `<name>`.
    """
    package = Path(runner.__file__).resolve().parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name
