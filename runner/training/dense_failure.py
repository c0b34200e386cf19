"""Failures of dense trainings, remembered within one sweep, so that its other jobs do not try again.

<outputs>/dense/.<key>.failed.json   the sweep and the reason; other sweeps ignore it
"""

import json
from contextlib import suppress
from pathlib import Path

from runner.process.errors import RunFailed
from runner.process.interruption import interrupted


def known_failure(folder: Path, sweep: str | None) -> str | None:
    """Returns why the training failed in another job of the sweep; None where none has.

    Args:
        folder: The checkpoint's.
        sweep: The sweep's run in MLflow; None for a run by itself, which always tries.
    """
    if sweep is None:
        return None
    try:
        found = json.loads(_marker(folder).read_text(encoding="utf-8"))
        return str(found["reason"]) if found["sweep"] == sweep else None
    except (OSError, ValueError, TypeError, KeyError):
        return None  # Nothing is known; the training is tried.


def remember_failure(folder: Path, sweep: str | None, failure: RunFailed) -> None:
    """Remembers for the other jobs of a sweep that the training has failed; what was interrupted has not.

    Args:
        folder: The checkpoint's.
        sweep: The sweep's run in MLflow; None for a run by itself.
        failure: What the training raised.
    """
    if sweep is None or interrupted():
        return
    marker = _marker(folder)
    temporary = marker.with_suffix(".part")
    # Where it cannot be written, the other jobs try themselves.
    with suppress(OSError):
        temporary.write_text(json.dumps({"sweep": sweep, "reason": str(failure)}) + "\n", encoding="utf-8")
        temporary.replace(marker)


def forget_failure(folder: Path) -> None:
    """Removes the failure of an earlier sweep, once the weights exist."""
    with suppress(OSError):
        _marker(folder).unlink(missing_ok=True)


def _marker(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.failed.json")
