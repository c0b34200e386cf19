"""The file of a local store: made whole or not at all, whenever its maker is killed.

mlflow.db               the store
mlflow.db.lock          held while it is looked at or made
mlflow.db.part          what is being made; nobody opens it, and the next maker begins anew
mlflow_half_made.db     one that something else left half made, and that holds no run
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from runner.process.errors import UserError
from runner.process.named_file import named_path
from runner.tracking.migrations import Content, content_of
from runner.tracking.moved import ARTIFACTS

LOCK_SECONDS = 300.0
_AT_WORK_SECONDS = 5.0
"""A half-made store that was written to less than this ago may be in the making by another program."""
_MOST_WAITED_SECONDS = 120.0
_POLL_SECONDS = 0.2
# What SQLite keeps beside a database while it is written.
_BESIDE = ("-journal", "-wal", "-shm")


def database_path(uri: str, where: str) -> Path | None:
    """Returns the absolute path of a SQLite store, None for any other store.

    Args:
        uri: The store's address.
        where: The setting that it comes from, for messages.

    Raises:
        UserError: The address names no file that can hold a database.
    """
    if not uri.startswith("sqlite"):
        return None
    name = uri.partition(":///")[2]
    if not name or name == ":memory:":
        raise UserError(f"{where}: {uri} names no file. Write sqlite:///FILE.db")
    path = named_path(name, where)
    if "?" in name:
        raise UserError(f"{where}: {path} has a question mark, which MLflow takes for the end of the path")
    if path.is_dir():
        raise UserError(f"{where}: {path} is a folder. Write sqlite:///FILE.db")
    if has_content(path):
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                raise UserError(f"{where}: {path} is no SQLite database. Move it away, or name another file.")
    return path


def has_content(database: Path) -> bool:
    """Tells whether there is a file that is not empty."""
    return database.is_file() and database.stat().st_size > 0


@contextmanager
def whole_database(database: Path, where: str) -> Iterator[None]:
    """Sees to it that there is a whole store, and keeps other processes of the runner away meanwhile.

    A database of another program is left to MLflow, which puts its tables into it.

    Args:
        database: Its file, absolute.
        where: The setting that names it, for messages.

    Raises:
        UserError: Another version of MLflow made it, it cannot be read, or another process does not give way
            or goes on making it.
    """
    with _locked(database, where):
        file = Path(os.path.realpath(database))  # Where there is a link, it stays.
        found = _settled_content(file, where) if has_content(file) else "nothing"
        if found == "half made":
            aside = _set_aside(file)
            print(
                f"{where}: {database} was left half made and holds no run. It is moved to {aside.name}, and"
                " the store is made anew.",
                file=sys.stderr,
            )
        if found in ("nothing", "half made"):
            _make(file)
        yield


def _settled_content(file: Path, where: str) -> Content:
    """Tells what a database holds; waits as long as another program seems to be making a store of it."""
    began = quiet_since = time.monotonic()
    written, found = file.stat().st_mtime, content_of(file, where)
    if time.time() - written >= _AT_WORK_SECONDS:
        return found
    # From here on this process's own clock counts: a file's time may lie ahead of it, even by years.
    while found == "half made" and time.monotonic() - quiet_since < _AT_WORK_SECONDS:
        if time.monotonic() - began > _MOST_WAITED_SECONDS:
            raise UserError(
                f"{where}: {file} is half made, and another program has written to it for"
                f" {_MOST_WAITED_SECONDS:g} s. Wait for that program, or name another store: tracking.uri=URI"
            )
        time.sleep(_POLL_SECONDS)
        found = content_of(file, where)
        if file.stat().st_mtime != written:
            written, quiet_since = file.stat().st_mtime, time.monotonic()
    return found


def _make(database: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # A server's client does without.

    part = database.with_name(f"{database.name}.part")
    _remove(part)  # of a process that was killed here
    try:
        store = SqlAlchemyStore(f"sqlite:///{part}", (database.parent / ARTIFACTS).as_uri())
        store.engine.dispose()
        for end in _BESIDE:  # A journal of another database would be played back into this one.
            beside = Path(f"{database}{end}")
            if beside.exists():
                _set_aside(beside)
        if not has_content(database):  # Another program may have made one meanwhile.
            part.replace(database)
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    for end in ("", *_BESIDE):
        Path(f"{part}{end}").unlink(missing_ok=True)


def _set_aside(file: Path) -> Path:
    for number in count(1):
        more = f"_{number}" if number > 1 else ""
        aside = file.with_name(f"{file.stem}_half_made{more}{file.suffix}")
        if not aside.exists():
            return file.rename(aside)
    raise AssertionError("counting does not end")


@contextmanager
def _locked(database: Path, where: str) -> Iterator[None]:
    # Several processes that create one database at once break it.
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=database.parent):
            pass  # Where no file can be made, the lock would be waited for to the end.
        with FileLock(f"{database}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise UserError(
            f"{where}: another process has held {database}.lock for {LOCK_SECONDS:g} s. If none is running,"
            " delete the file."
        ) from error
