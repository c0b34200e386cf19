"""Whether a database is one that the installed MLflow can use, found out without changing it.

MLflow itself, when it opens a database, makes the tables that it misses there: it brings an older store up to
its own version, and puts its tables into any other database that it is pointed at.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Literal

import mlflow
from alembic.script import ScriptDirectory

from runner.process.errors import UserError

_LOCK_SECONDS = 60.0
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"

Content = Literal["nothing", "half made", "store", "other"]
"""`half made`: some of MLflow's tables, no experiment, no run, and nothing of another program. `other`:
tables of another program, or all of MLflow's but no experiment yet; MLflow adds what is missing."""


def is_store(database: Path, where: str) -> bool:
    """Tells whether there is an MLflow store in a SQLite database; see `content_of`."""
    return content_of(database, where) == "store"


def content_of(database: Path, where: str) -> Content:
    """Tells what a SQLite database holds.

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
                has_all_tables = version is not None and version[0] == _revisions()[0]
                if has_runs or has_all_tables or not all(map(_is_mlflows, tables)):
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


def _is_mlflows(table: str) -> bool:
    # Alembic, which makes the tables, copies some on the way. The last ones exist for some steps only.
    return table.startswith(("alembic_", "_alembic_")) or table in _mlflow_tables()


@cache
def _mlflow_tables() -> frozenset[str]:
    import mlflow.store.db.utils  # noqa: F401 - imports all that adds tables to `Base`
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.tracking.dbmodels.initial_models import Base as First

    return frozenset(Base.metadata.tables) | frozenset(First.metadata.tables)


def _connected(database: Path) -> sqlite3.Connection:
    # Not read-only: a process killed while it wrote leaves a journal that the next reader has to roll back.
    return sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=_LOCK_SECONDS)


def _first_row(connection: sqlite3.Connection, table: str) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    return row
