"""The private parts of MLflow that the runner uses, so that an upgrade of MLflow breaks one module.

MLflow has no public way to make a store in a given file, to learn the version of its tables without changing
them, or to move the addresses of artifacts with a folder. When MLflow itself opens a database, it makes the
tables that are missing: it upgrades an older store, and adds its tables to any other database.
"""

import re
from functools import cache
from pathlib import Path

import mlflow
from alembic.script import ScriptDirectory

ADDRESS_COLUMNS = (
    ("experiments", "experiment_id", "artifact_location"),
    ("runs", "run_uuid", "artifact_uri"),
    ("logged_models", "model_id", "artifact_location"),
    ("model_versions", "rowid", "source"),
    ("model_versions", "rowid", "storage_location"),
)
"""Where a database holds addresses of artifacts: table, key, column."""

_WRONG_VERSION = re.compile(r"database schema \(found version (\w+)")


def make_store(database: Path, artifacts: Path) -> None:
    """Makes a SQLite store in a new file.

    Args:
        database: The file, absolute.
        artifacts: The folder of the default experiment's artifacts, absolute.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # A server's client does not need it.

    SqlAlchemyStore(f"sqlite:///{database}", artifacts.as_uri()).engine.dispose()


@cache
def revisions() -> tuple[str | None, frozenset[str]]:
    """Returns the revision of the installed MLflow's tables, and all that it can upgrade to it."""
    scripts = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def found_revision(error: Exception) -> str | None:
    """Returns the revision of a store that MLflow refuses; it says "out-of-date" of a newer one too."""
    found = _WRONG_VERSION.search(str(error))
    return found[1] if found else None


def is_mlflow_table(name: str) -> bool:
    """Whether MLflow makes a table of this name, in the end or on the way."""
    # Alembic, which makes the tables, copies some of them meanwhile.
    return name.startswith(("alembic_", "_alembic_")) or name in _tables()


@cache
def _tables() -> frozenset[str]:
    import mlflow.store.db.utils  # noqa: F401 - imports all that adds tables to `Base`
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.tracking.dbmodels.initial_models import Base as First

    return frozenset(Base.metadata.tables) | frozenset(First.metadata.tables)
