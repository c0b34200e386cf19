"""Directories for results: made anew, never one that is there."""

from datetime import datetime
from itertools import count
from pathlib import Path

from runner.process.errors import UserError


def make_run_directory(outputs: Path, recipe: str, now: datetime, wanted: Path | None = None) -> Path:
    """Makes the directory that a run writes to.

    Args:
        outputs: The output folder.
        recipe: The recipe's name.
        now: The time in the directory's name.
        wanted: The directory of a sweep's job, which may exist if it is empty; None for
            `outputs/runs/<date>_<time>_<recipe>`.

    Returns:
        A directory that held nothing before; `_2`, `_3` ... is added where the name was taken.

    Raises:
        UserError: The directory cannot be written.
    """
    base = wanted or outputs / "runs" / f"{now:%Y-%m-%d_%H-%M-%S}_{recipe.replace('/', '_')}"
    try:
        return make_new_directory(base, may_be_empty=wanted is not None)
    except OSError as error:
        raise UserError(
            f"outputs={outputs}: cannot write there ({error.strerror}). Choose another: outputs=DIR"
        ) from error


def make_new_directory(wanted: Path, *, may_be_empty: bool = False) -> Path:
    """Makes a directory, under another name where its own is taken: two processes never share one.

    Args:
        wanted: The directory; `_2`, `_3` ... is added to its name where that was taken.
        may_be_empty: Whether a directory that is there is taken if it is empty.

    Raises:
        OSError: It cannot be made.
    """
    for number in count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not may_be_empty or not path.is_dir() or any(path.iterdir()):
                continue
        return path
    raise AssertionError("counting does not end")
