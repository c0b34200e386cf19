"""The size of the memory, so that what cannot fit is refused at once."""

import os
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")


def total_memory() -> int:
    """Returns the memory in bytes of this machine, or of the container if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(total, int(_LIMIT.read_text()))
    except (OSError, ValueError):  # No container, or one without a limit ("max").
        return total


def gigabytes(count: float) -> str:
    """Formats a number of bytes as `1.5 GB`."""
    return f"{count / 1e9:,.1f} GB"
