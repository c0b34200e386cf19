"""Where the folders that travel with the package are: the settings and the shipped recipes."""

from pathlib import Path
from typing import Literal

import runner


def packaged_folder(name: Literal["conf", "recipes"]) -> Path:
    """Finds a folder that a wheel carries inside the package and a checkout has on top.

    Args:
        name: `"conf"` (the runner's own settings) or `"recipes"` (the shipped experiments).

    Returns:
        `runner/_<name>` of an installed wheel, else the repository's `<name>`.
    """
    package = Path(runner.__file__).resolve().parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name
