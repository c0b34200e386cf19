"""Which process a run belongs to, written so that a later one can tell whether it has died."""

import os
import socket
from pathlib import Path

PROCESS_TAG = "process"
"""The tag of a run in MLflow that names its process."""


def own_process() -> str:
    """Names this process: host, process number, when it began, and among which processes it counts.

    Numbers are given again, so the beginning counts too; containers of one host number their processes each
    for itself.
    """
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())} {_numbering()}"


def has_died(process: str) -> bool:
    """Tells whether a process has died; False wherever that cannot be known from here.

    Args:
        process: As `own_process` named it; what earlier versions wrote has no last word.
    """
    host, number, began, numbering, *_ = [*process.split(" "), "", "", "", ""]
    if host != socket.gethostname() or not number.isdigit():
        return False  # Another machine's may well be alive.
    if numbering and numbering != _numbering():
        return False  # Another container's as well.
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # Somebody else's, so alive.
    return began != _began(int(number))


def _began(process: int) -> str:
    """Returns when a process began, in the kernel's ticks; empty where the system does not tell."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _numbering() -> str:
    """Returns the kernel's name of the set of processes that this one is numbered in; empty as above."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
