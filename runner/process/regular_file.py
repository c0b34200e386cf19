"""A check that a named file is one that ends: reading a pipe or a device may wait or go on for ever."""

from pathlib import Path

from runner.process.errors import UserError


def check_regular(path: Path, where: str) -> None:
    """Refuses what is neither a file nor a folder; what is missing is left to the reader's own message.

    Args:
        path: What is about to be read; a link counts as what it leads to.
        where: How the message begins: the key and the file.

    Raises:
        UserError: It is a pipe, a device or a socket.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{where}: this is a pipe, a device or a socket; a file on a disk is needed")
