"""Corrects the addresses of artifacts in a local store whose folder was moved or copied.

MLflow keeps the absolute path of each experiment's and each run's artifacts in the database. After a move the
database still names the old folder, and MLflow would silently write there.
"""

import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runner.tracking.mlflow_internals import ADDRESS_COLUMNS

ARTIFACTS = "mlartifacts"
"""The folder beside a database that its artifacts are in."""
_LOCK_SECONDS = 60.0
_ADDRESS = re.compile(rf"(file:.*/{ARTIFACTS})((?:/.*)?)")


@dataclass(frozen=True)
class _Row:
    """An address in the database: a folder of artifacts and the rest of the path below it."""

    column: tuple[str, str, str]
    key: object
    folder: str
    rest: str

    @property
    def is_experiment(self) -> bool:
        return self.column[0] == "experiments"


def follow_moved(database: Path, experiment: str) -> None:
    """Points a database to the artifacts beside it where its addresses name a folder of before a move.

    Only addresses in a folder `mlartifacts`, which the runner has made, are corrected. Where the old folder
    still exists and has artifacts that are missing here, nothing is changed.

    Args:
        database: A whole store, absolute; its lock is held.
        experiment: The experiment about to be used. A note on the screen says where its new artifacts go, if
            that is another folder or has changed.

    Raises:
        sqlite3.Error: The database cannot be read or written.
    """
    here = database.parent / ARTIFACTS
    with closing(sqlite3.connect(database, timeout=_LOCK_SECONDS)) as connection:
        used = connection.execute(
            "SELECT experiment_id FROM experiments WHERE name = ?", (experiment,)
        ).fetchone()
        rows = _rows_elsewhere(connection, here)
        for folder in dict.fromkeys(row.folder for row in rows):
            old, own = _path(folder), [row for row in rows if row.folder == folder]
            is_used = used is not None and any(row.is_experiment and row.key == used[0] for row in own)
            if _stays(old, here, database, own):
                note = f"note: the artifacts of {database} are in {old}, and new ones go there too. To have"
                note += f" all in one place, copy them to {here}"
            else:
                _correct(connection, own, here)
                note = f"note: {database} was moved: its artifacts were in {old}, and are now looked for and"
                note += f" written in {here}"
            if is_used:
                print(note, file=sys.stderr)


def _rows_elsewhere(connection: sqlite3.Connection, here: Path) -> list[_Row]:
    rows = []
    for column in ADDRESS_COLUMNS:
        table, key, name = column
        for number, address in connection.execute(f"SELECT {key}, {name} FROM {table}"):
            if found := _ADDRESS.fullmatch(address or ""):
                rows.append(_Row(column, number, found[1], found[2]))
    elsewhere = {folder for folder in {row.folder for row in rows} if not _same(_path(folder), here)}
    return [row for row in rows if row.folder in elsewhere]


def _stays(old: Path, here: Path, database: Path, rows: list[_Row]) -> bool:
    """Whether the old folder stays in use: it exists, and not all of its content is here."""
    if not old.is_dir():
        return False
    paths = [unquote(row.rest).lstrip("/") for row in rows if not row.is_experiment]
    if any((old / path).exists() and not (here / path).exists() for path in paths):
        return True
    is_copy = (old.parent / database.name).exists()
    return not is_copy and not any((here / path).exists() for path in paths)


def _correct(connection: sqlite3.Connection, rows: list[_Row], here: Path) -> None:
    with connection:  # One transaction.
        for row in rows:
            # Missing artifacts may come back in the old place: on a disk that is not mounted, for one.
            if row.is_experiment or (here / unquote(row.rest).lstrip("/")).exists():
                table, key, name = row.column
                connection.execute(
                    f"UPDATE {table} SET {name} = ? WHERE {key} = ?", (here.as_uri() + row.rest, row.key)
                )


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))
