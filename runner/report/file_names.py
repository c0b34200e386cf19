"""File names made from layer names and other texts, which may contain any character."""

import re
from collections.abc import Sequence

_LONGEST = 80


def safe_names(titles: Sequence[str]) -> list[str]:
    """Makes a file name of each title: letters, digits, `_`, `-` and `.` only, and no two the same.

    Returns:
        Names of at most 80 characters and a number; they differ also where a file system ignores case.
    """
    names: list[str] = []
    taken: set[str] = set()
    for title in titles:
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", title).strip(".")[:_LONGEST] or "_"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names
