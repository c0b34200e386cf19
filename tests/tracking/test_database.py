"""The making of a local store, and what is found in its place."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import Engine

from runner.process.errors import UserError
from runner.settings import Tracking
from runner.tracking import database, open_store
from runner.tracking.database import content_of

ROOT = Path(__file__).resolve().parents[2]
OLD = 3600.0


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A store at many moments of its making, by the moments; the last is whole."""
    folder = tmp_path_factory.mktemp("stages")
    copies: list[Path] = []
    statements = 0

    def keep(connection: Any, *arguments: Any) -> None:
        nonlocal statements
        statements += 1
        part = folder / "mlflow.db.part"
        if statements % 60 == 1 and part.exists():
            copies.append(folder / f"{statements:05}.db")
            shutil.copy(part, copies[-1])
            if (journal := part.with_name(f"{part.name}-journal")).exists():
                shutil.copy(journal, f"{copies[-1]}-journal")

    sqlalchemy.event.listen(Engine, "after_cursor_execute", keep)
    try:
        open_store(Tracking(), folder)
    finally:
        sqlalchemy.event.remove(Engine, "after_cursor_execute", keep)
    assert len(copies) > 15
    return [*copies, folder / "mlflow.db"]


def aged(stage: Path, folder: Path) -> Path:
    """A copy of a stage that nobody has written to for long, where the store belongs."""
    copy = folder / "mlflow.db"
    shutil.copy(stage, copy)
    if (journal := Path(f"{stage}-journal")).exists():
        shutil.copy(journal, folder / "mlflow.db-journal")
    content_of(copy, "outputs")  # Plays the journal back, which is writing.
    os.utime(copy, (time.time() - OLD,) * 2)
    return copy


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "mlartifacts")


def test_a_store_is_nothing_then_half_made_then_whole(stages: list[Path], tmp_path: Path) -> None:
    found = [content_of(aged(stage, tmp_path), "outputs") for stage in stages]
    # Between the last table and the first experiment MLflow can go on; whether that is seen is chance.
    order = [content for content, _ in groupby(found) if content != "other"]
    assert order == ["nothing", "half made", "store"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_one_left_half_made_is_set_aside_and_made_anew(
    stages: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    half_made = [stage for stage in stages if content_of(stage, "outputs") == "half made"]
    left = aged(half_made[int(share * len(half_made))], tmp_path)
    before = left.read_bytes()

    store = open_store(Tracking(), tmp_path)

    assert store.client.get_experiment(store.experiment_id).name == "tflite-pruning"
    with_journal = [*names(tmp_path), "mlflow_half_made.db-journal"]  # Some stages have one, empty by now.
    assert with_journal[:4] == ["mlflow.db", "mlflow.db.lock", "mlflow_half_made.db", with_journal[-1]]
    assert (tmp_path / "mlflow_half_made.db").read_bytes() == before
    assert capsys.readouterr().err == (
        f"outputs: {tmp_path}/mlflow.db was left half made and holds no run. It is moved to"
        " mlflow_half_made.db, and the store is made anew.\n"
    )


def test_nothing_is_overwritten_when_one_is_set_aside(stages: list[Path], tmp_path: Path) -> None:
    aged(next(stage for stage in stages if content_of(stage, "outputs") == "half made"), tmp_path)
    (tmp_path / "mlflow_half_made.db").write_text("of an earlier time")
    open_store(Tracking(), tmp_path)
    assert (tmp_path / "mlflow_half_made.db").read_text() == "of an earlier time"
    assert (tmp_path / "mlflow_half_made_2.db").is_file()


def test_a_store_that_another_program_is_making_is_waited_for(
    stages: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_made = next(stage for stage in stages if content_of(stage, "outputs") == "half made")
    os.utime(aged(half_made, tmp_path))

    def goes_on(seconds: float) -> None:
        shutil.copy(stages[-1], tmp_path / "mlflow.db")

    monkeypatch.setattr(time, "sleep", goes_on)
    open_store(Tracking(), tmp_path)
    assert names(tmp_path) == ["mlflow.db", "mlflow.db.lock"]


def test_a_half_made_store_from_the_future_is_not_waited_for_longer(
    stages: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_made = next(stage for stage in stages if content_of(stage, "outputs") == "half made")
    os.utime(aged(half_made, tmp_path), (time.time() + 86_400,) * 2)
    monkeypatch.setattr(database, "_AT_WORK_SECONDS", 0.3)
    wait, waits = time.sleep, count(1)

    def wait_a_little(seconds: float) -> None:
        assert next(waits) < 100
        wait(0.02)

    monkeypatch.setattr(time, "sleep", wait_a_little)
    open_store(Tracking(), tmp_path)

    assert (tmp_path / "mlflow_half_made.db").is_file()


def test_a_program_that_never_ends_making_a_store_is_told(
    stages: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_made = next(stage for stage in stages if content_of(stage, "outputs") == "half made")
    file = aged(half_made, tmp_path)
    os.utime(file)
    before = file.read_bytes()
    monkeypatch.setattr(database, "_MOST_WAITED_SECONDS", 0.3)
    wait = time.sleep

    def write_on(seconds: float) -> None:
        wait(0.05)
        os.utime(file)

    monkeypatch.setattr(time, "sleep", write_on)
    with pytest.raises(
        UserError, match=r"^outputs: .*mlflow\.db is half made, and another program has written"
    ):
        open_store(Tracking(), tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE mine (x)", "INSERT INTO runs (run_uuid, lifecycle_stage) VALUES ('r', 'active')"],
)
def test_what_holds_anything_is_never_set_aside(stages: list[Path], tmp_path: Path, statement: str) -> None:
    left = aged([stage for stage in stages if content_of(stage, "outputs") == "half made"][-1], tmp_path)
    connection = sqlite3.connect(left)
    connection.execute(statement)
    connection.commit()
    connection.close()
    assert content_of(left, "outputs") == "other"
    with suppress(UserError):
        open_store(Tracking(), tmp_path)
    assert [name for name in names(tmp_path) if "half_made" in name] == []


def test_a_store_whose_experiments_were_all_purged_stays_where_it_is(
    stages: list[Path], tmp_path: Path
) -> None:
    left = aged(stages[-1], tmp_path)
    connection = sqlite3.connect(left)
    for table in ("experiment_tags", "experiments"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("INSERT INTO registered_models (name) VALUES ('precious')")
    connection.commit()
    connection.close()
    open_store(Tracking(), tmp_path)
    assert content_of(left, "outputs") == "store"
    connection = sqlite3.connect(left)
    assert connection.execute("SELECT name FROM registered_models").fetchall() == [("precious",)]
    connection.close()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "mlflow.db").symlink_to(tmp_path / "disk" / "store.db")
    open_store(Tracking(), tmp_path / "outputs")
    assert (tmp_path / "outputs" / "mlflow.db").is_symlink()
    assert content_of(tmp_path / "disk" / "store.db", "outputs") == "store"


def test_a_journal_of_something_else_is_not_played_back(stages: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mlflow.db-journal").write_bytes(b"of a database that is gone")
    open_store(Tracking(), tmp_path)
    assert (tmp_path / "mlflow_half_made.db-journal").read_bytes() == b"of a database that is gone"
    assert content_of(tmp_path / "mlflow.db", "outputs") == "store"


@pytest.mark.parametrize("size", [100, 4096, 100_000, 900_000])
def test_a_cut_store_is_told_in_one_message(stages: list[Path], tmp_path: Path, size: int) -> None:
    (tmp_path / "mlflow.db").write_bytes(stages[-1].read_bytes()[:size])
    with pytest.raises(UserError, match=r"^outputs: .*mlflow\.db") as caught:
        open_store(Tracking(), tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "mlflow.db").read_bytes() == stages[-1].read_bytes()[:size]


@pytest.mark.parametrize("start", [4096, 100_000, 500_000])
def test_a_garbled_store_is_told_in_one_message(stages: list[Path], tmp_path: Path, start: int) -> None:
    content = bytearray(stages[-1].read_bytes())
    content[start : start + 200_000] = bytes(number % 251 for number in range(200_000))
    (tmp_path / "mlflow.db").write_bytes(content)
    told = "outputs: "
    try:
        open_store(Tracking(), tmp_path)  # Where what is garbled is not read for this, it opens.
    except UserError as error:
        told = str(error)
    assert told.startswith("outputs: ")
    assert "\n" not in told
    assert [name for name in names(tmp_path) if "half_made" in name] == []


@pytest.mark.slow
def test_makers_that_are_killed_leave_nothing_that_stands_in_the_way(tmp_path: Path) -> None:
    moments = ["700", "made", "named"]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_makers.py")), str(tmp_path), *moments],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines()]
    assert [(moment, killed, opened) for moment, killed, opened, _ in told] == [
        (moment, "-9", "0") for moment in moments
    ]
    # Not before it was whole did it have its name.
    assert ["mlflow.db" in left.split(",") for *_, left in told] == [False, False, True]
    assert names(tmp_path / "700") == ["mlflow.db", "mlflow.db.lock"]
