"""The SQLite file of a local store: made whole or not at all, even if its maker is killed.

mlflow.db               the store
mlflow.db.lock          held while the store is checked or made
mlflow.db.part          a store in the making; nothing opens it, and the next maker starts again
mlflow_half_made.db     a store without runs that another program left half made
"""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

import mlflow
from filelock import FileLock, Timeout

from runner.process.errors import UserError
from runner.process.named_file import named_path
from runner.tracking.mlflow_internals import is_mlflow_table, make_store, revisions
from runner.tracking.moved import ARTIFACTS

LOCK_SECONDS = 300.0
_AT_WORK_SECONDS = 5.0
"""Another program may still be making a half-made store that was written to less than this ago."""
_MOST_WAITED_SECONDS = 120.0
_POLL_SECONDS = 0.2
_SQLITE_LOCK_SECONDS = 60.0
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
# Files of SQLite beside a database that is being written.
_BESIDE = ("-journal", "-wal", "-shm")

Content = Literal["nothing", "half made", "store", "other"]
"""`half made`: some of MLflow's tables, no experiment, no run, and no other tables. `other`: tables of
another program, or all of MLflow's but no experiment yet; MLflow adds the missing parts."""


def database_path(uri: str, where: str) -> Path | None:
    """Returns the absolute path of a SQLite store; None for any other store.

    Args:
        uri: The store's address.
        where: The setting that names it, for messages.

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
    """Whether there is a file that is not empty."""
    return database.is_file() and database.stat().st_size > 0


def is_store(database: Path, where: str) -> bool:
    """Whether a SQLite database holds an MLflow store; see `content_of`."""
    return content_of(database, where) == "store"


def content_of(database: Path, where: str) -> Content:
    """Finds out what a SQLite database holds, without changing it.

    Args:
        database: An existing file.
        where: The setting that names it, for messages.

    Raises:
        UserError: Another version of MLflow made it, or it cannot be read.
    """
    try:
        with closing(_connected(database)) as connection:
            tables = {name for (name,) in connection.execute(_TABLES)}
            version = _first_row(connection, "alembic_version") if "alembic_version" in tables else None
            if "experiments" not in tables or not _first_row(connection, "experiments"):
                has_runs = "runs" in tables and _first_row(connection, "runs") is not None
                has_all_tables = version is not None and version[0] == revisions()[0]
                if has_runs or has_all_tables or not all(map(is_mlflow_table, tables)):
                    return "other"
                return "half made" if tables else "nothing"
    except sqlite3.Error as error:
        raise UserError(
            f"{where}: {database} cannot be read ({error}). Where no other program holds it, it is damaged:"
            " put back a copy of it, or move it away and a new one is made. The runs' folders are not in it."
        ) from error
    problem = version_problem(str(version[0]), f"sqlite:///{database}") if version else None
    if problem:
        raise UserError(f"{where}: {problem}")
    return "store"


def version_problem(found: str, uri: str) -> str | None:
    """Returns what is wrong with a store's version and what helps; None for the installed MLflow's version.

    Args:
        found: The revision of the store's tables.
        uri: The store's address.
    """
    expected, known = revisions()
    if found == expected:
        return None
    made = f"the MLflow store {uri} was made by"
    versions = f"its tables are {found}, MLflow {mlflow.__version__} here wants {expected}"
    if found in known:
        advice = f"Copy it for safety, then bring it up: mlflow db upgrade {uri}"
        return f"{made} an older MLflow ({versions}). {advice}"
    return f"{made} a newer MLflow ({versions}). Use it with the version that made it, or name another store."


@contextmanager
def whole_database(database: Path, where: str) -> Iterator[None]:
    """Makes the store where it is missing or half made, and holds its lock inside.

    A database of another program is left to MLflow, which adds its tables to it.

    Args:
        database: Its file, absolute.
        where: The setting that names it, for messages.

    Raises:
        UserError: Another version of MLflow made it, it cannot be read, or another process holds the lock or
            is still making it.
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
    """Finds out what a database holds, after waiting for another program that seems to be making a store."""
    began = quiet_since = time.monotonic()
    written, found = file.stat().st_mtime, content_of(file, where)
    if time.time() - written >= _AT_WORK_SECONDS:
        return found
    # From here on this process's own clock is used: a file's time may be ahead of it, even by years.
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
    part = database.with_name(f"{database.name}.part")
    _remove(part)  # Of a process that was killed here.
    try:
        make_store(part, database.parent / ARTIFACTS)
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


def _connected(database: Path) -> sqlite3.Connection:
    # Not read-only: a process killed while it wrote leaves a journal that the next reader has to roll back.
    return sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=_SQLITE_LOCK_SECONDS)


def _first_row(connection: sqlite3.Connection, table: str) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    return row
