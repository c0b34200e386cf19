"""A local store whose folder was moved or copied: its artifacts are looked for, and written, where it is now.

MLflow keeps the absolute path of each experiment's and each run's artifacts in the database. Moved together
with them, the database goes on naming the old place, and MLflow would write there without a word.
"""

import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIFACTS = "mlartifacts"
"""The folder beside a database that its artifacts are in."""
_LOCK_SECONDS = 60.0
_ADDRESS = re.compile(rf"(file:.*/{ARTIFACTS})((?:/.*)?)")
# Where MLflow keeps addresses of artifacts: the table, its key, the column.
_COLUMNS = (
    ("experiments", "experiment_id", "artifact_location"),
    ("runs", "run_uuid", "artifact_uri"),
    ("logged_models", "model_id", "artifact_location"),
    ("model_versions", "rowid", "source"),
    ("model_versions", "rowid", "storage_location"),
)


@dataclass(frozen=True)
class _Row:
    """An address in the database that lies in another folder of artifacts than the one beside it.

    Args:
        column: Where it stands; one of `_COLUMNS`.
        key: Of its row.
        folder: The address of the folder of artifacts.
        rest: What the address has after it.
    """

    column: tuple[str, str, str]
    key: object
    folder: str
    rest: str

    @property
    def is_experiment(self) -> bool:
        return self.column[0] == "experiments"


def follow_moved(database: Path, experiment: str) -> None:
    """Corrects a database's addresses of artifacts where these lie beside it, and not where it says.

    Only what the runner has made is corrected: artifacts in a folder `mlartifacts`, which lay beside the
    database. Where that folder still is and has artifacts that are missing here, nothing is changed.

    Args:
        database: A whole store, absolute; its lock is held.
        experiment: The experiment that is about to be used: the user is told where its new artifacts go, if
            that is elsewhere or has changed.

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
                told = f"note: the artifacts of {database} are in {old}, and new ones go there too. To have"
                told += f" all in one place, copy them to {here}"
            else:
                _correct(connection, own, here)
                told = f"note: {database} was moved: its artifacts were in {old}, and are now looked for and"
                told += f" written in {here}"
            if is_used:
                print(told, file=sys.stderr)


def _rows_elsewhere(connection: sqlite3.Connection, here: Path) -> list[_Row]:
    rows = []
    for column in _COLUMNS:
        table, key, name = column
        for number, address in connection.execute(f"SELECT {key}, {name} FROM {table}"):
            if found := _ADDRESS.fullmatch(address or ""):
                rows.append(_Row(column, number, found[1], found[2]))
    elsewhere = {folder for folder in {row.folder for row in rows} if not _same(_path(folder), here)}
    return [row for row in rows if row.folder in elsewhere]


def _stays(old: Path, here: Path, database: Path, rows: list[_Row]) -> bool:
    """Tells whether the old folder is the one to use: it is there, and what is in it is not all here."""
    if not old.is_dir():
        return False
    paths = [unquote(row.rest).lstrip("/") for row in rows if not row.is_experiment]
    if any((old / path).exists() and not (here / path).exists() for path in paths):
        return True
    is_copy = (old.parent / database.name).exists()
    return not is_copy and not any((here / path).exists() for path in paths)


def _correct(connection: sqlite3.Connection, rows: list[_Row], here: Path) -> None:
    with connection:  # All of it or nothing.
        for row in rows:
            # What is not here may come back where it was: a disk that is not mounted, for one.
            if row.is_experiment or (here / unquote(row.rest).lstrip("/")).exists():
                table, key, name = row.column
                connection.execute(
                    f"UPDATE {table} SET {name} = ? WHERE {key} = ?", (here.as_uri() + row.rest, row.key)
                )


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))
