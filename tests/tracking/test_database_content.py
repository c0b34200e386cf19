import shutil
import sqlite3
from pathlib import Path

import pytest

from runner.process.errors import UserError
from runner.settings import Tracking
from runner.tracking import find_store, open_store
from runner.tracking.database import is_store, version_problem

OLDER = "451aebb31d03"
"""The first revision that MLflow's migrations know."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    open_store(Tracking(experiment="mine"), outputs)
    return outputs / "mlflow.db"


def changed(made: Path, folder: Path, *statements: str) -> Path:
    """A copy of the store in which something is otherwise; MLflow remembers stores by their paths."""
    copy = folder / "mlflow.db"
    shutil.copy(made, copy)
    connection = sqlite3.connect(copy)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return copy


def test_a_store_of_this_version(made: Path) -> None:
    assert is_store(made, "outputs")


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (
            OLDER,
            r"made by an older MLflow \(its tables are 451aebb31d03, .* bring it up: mlflow db upgrade",
        ),
        (
            "ffffffffffff",
            r"made by a newer MLflow \(.*\)\. Use it with the version that made it, or name another",
        ),
    ],
)
def test_another_version_is_told_in_one_line_and_left_as_it_is(
    made: Path, tmp_path: Path, revision: str, told: str
) -> None:
    # An older MLflow has fewer tables; the installed one would make them, and bring everything up.
    store = changed(
        made, tmp_path, f"UPDATE alembic_version SET version_num = '{revision}'", "DROP TABLE trace_info"
    )
    before = store.read_bytes()
    for attempt in (
        lambda: find_store(f"sqlite:///{store}", "mine", where="tracking.uri"),
        lambda: open_store(Tracking(uri=f"sqlite:///{store}"), tmp_path),
    ):
        with pytest.raises(UserError, match=told) as caught:
            attempt()
        assert str(caught.value).startswith("tracking.uri: the MLflow store sqlite:///")
        assert "\n" not in str(caught.value)
    assert store.read_bytes() == before


def test_what_is_no_store_yet(made: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cut_short = changed(made, tmp_path, "DELETE FROM experiment_tags", "DELETE FROM experiments")
    assert not is_store(cut_short, "outputs")
    other = tmp_path / "other" / "mine.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    assert not is_store(other, "outputs")


def test_a_damaged_database(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"x" * 2000)
    with pytest.raises(UserError, match=r"^outputs: .*mlflow\.db cannot be read \("):
        is_store(tmp_path / "mlflow.db", "outputs")


def test_an_address_is_named_in_the_problem() -> None:
    problem = version_problem("ffffffffffff", "postgresql://host/db")
    assert problem is not None
    assert problem.startswith("the MLflow store postgresql://host/db was made by a newer MLflow")


def test_a_killed_writers_journal_does_not_make_a_store_unreadable(made: Path, tmp_path: Path) -> None:
    store = changed(made, tmp_path)
    writer = sqlite3.connect(store)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    writer.executemany(
        "INSERT INTO experiments (experiment_id, name) VALUES (?, ?)",
        [(number, "x" * 200 + str(number)) for number in range(100, 600)],
    )
    # What is on the disk now is what a SIGKILL leaves: half a transaction and the journal that undoes it.
    left = tmp_path / "left"
    left.mkdir()
    for path in (store, store.with_name("mlflow.db-journal")):
        shutil.copy(path, left / path.name)
    writer.rollback()
    writer.close()
    assert is_store(left / "mlflow.db", "outputs")
