"""Paths that a user writes in a recipe or setting."""

from pathlib import Path

from runner.process.errors import UserError


def named_path(written: str | Path, where: str) -> Path:
    """Returns the absolute path that a user means; a relative one counts from the current directory.

    Args:
        written: As the user wrote it; `~` and `~user` are home folders.
        where: The key, for messages.

    Raises:
        UserError: There is no such home folder, or the system cannot look the path up: its name is too long,
            or a folder on the way may not be read.
    """
    try:
        path = Path(written).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(
            f"{where}: {written}: there is no home folder {Path(written).parts[0]}. A folder whose name"
            " begins with ~ is written ./~NAME"
        ) from error
    try:
        path.exists()
    except OSError as error:
        raise UserError(f"{where}: {path}: cannot be read ({error.strerror})") from error
    return path


def check_regular(path: Path, where: str) -> None:
    """Refuses a pipe, a device and a socket: reading one may wait or go on for ever.

    Args:
        path: The file to be read, after links. One that is missing is left to its reader's own message.
        where: The key and the file, for messages.

    Raises:
        UserError: The path is neither a file nor a folder.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{where}: this is a pipe, a device or a socket; a file on a disk is needed")
