"""Messages for full disks and folders that cannot be written."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.process.errors import RunFailed

# HDF5 has the number only in its message; an error while it closes a file is a RuntimeError of h5py.
_IN_WORDS = re.compile(r"\berrno = (\d+), error message = ")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# These may concern a file of a plugin, so they count only for files of the run.
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


@contextmanager
def unwritable_told(folder: Path) -> Iterator[None]:
    """Raises `RunFailed` with one message where a file could not be written.

    Args:
        folder: The folder that the block writes to.

    Raises:
        RunFailed: A disk is full, or the folder cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        problem = unwritable(error, folder)
        if problem is None:
            raise
        raise RunFailed(problem) from error


def unwritable(error: BaseException, folder: Path | None = None) -> str | None:
    """Returns the message for a file that could not be written, or None for any other error.

    Args:
        error: The error.
        folder: The folder of the run's files, if known.
    """
    code, name = _errno(error), getattr(error, "filename", None)
    file = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None
    in_folder = folder is not None and file is not None and file.is_relative_to(folder)
    if code is None or not (code in _FULL or (code in _REFUSED and in_folder)):
        return None
    place = folder if in_folder else file or folder or "a file"
    remedy = (
        "Make room, or choose another folder with outputs=DIR." if place == folder else "Make room there."
    )
    return f"{place}: cannot be written ({os.strerror(code)}). {remedy}"


def _errno(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    written = _IN_WORDS.search(str(error)) if isinstance(error, OSError | RuntimeError) else None
    return int(written[1]) if written else None
