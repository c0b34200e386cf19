"""Whether a database is one that the installed MLflow can use, found out without changing it.

MLflow itself, when it opens a database, makes the tables that it misses there: it brings an older store up to
its own version, and puts its tables into any other database that it is pointed at.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
from alembic.script import ScriptDirectory

from runner.errors import UserError

_LOCK_SECONDS = 60.0


def is_store(database: Path, where: str) -> bool:
    """Tells whether there is an MLflow store in a SQLite database.

    Args:
        database: An existing file.
        where: The setting that names it, for messages.

    Returns:
        False where there is none yet, or one whose making was cut short, which MLflow completes.

    Raises:
        UserError: Another version of MLflow made it, or it cannot be read.
    """
    try:
        with closing(_connected(database)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "experiments" not in tables or not _first_row(connection, "experiments"):
                return False
            version = _first_row(connection, "alembic_version") if "alembic_version" in tables else None
    except sqlite3.Error as error:
        raise UserError(f"{where}: {database} cannot be read ({error}).") from error
    problem = version_problem(str(version[0]), f"sqlite:///{database}") if version else None
    if problem:
        raise UserError(f"{where}: {problem}")
    return True


def version_problem(found: str, uri: str) -> str | None:
    """Says what is wrong with a store's version, and what helps.

    Args:
        found: The revision of the store's tables.
        uri: The store's address.

    Returns:
        One line, or None where the installed MLflow has the same revision.
    """
    expected, known = _revisions()
    if found == expected:
        return None
    made = f"the MLflow store {uri} was made by"
    versions = f"its tables are {found}, MLflow {mlflow.__version__} here wants {expected}"
    if found in known:
        advice = f"Copy it for safety, then bring it up: mlflow db upgrade {uri}"
        return f"{made} an older MLflow ({versions}). {advice}"
    return f"{made} a newer MLflow ({versions}). Use it with the version that made it, or name another store."


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """Returns the revision of the installed MLflow, and all that it can bring up to it."""
    scripts = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def _connected(database: Path) -> sqlite3.Connection:
    # Not read-only: a process killed while it wrote leaves a journal that the next reader has to roll back.
    return sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=_LOCK_SECONDS)


def _first_row(connection: sqlite3.Connection, table: str) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    return row
