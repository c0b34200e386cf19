import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from runner.process.errors import UserError
from runner.settings import Tracking
from runner.tracking import (
    Store,
    find_store,
    metric_history,
    open_run,
    open_store,
    runs,
    runs_by_id,
    runs_where,
)

FINISHED = "attributes.status = 'FINISHED'"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two finished runs, one failed, one deleted; making a store takes seconds."""
    return open_store(Tracking(experiment="mine"), tmp_path_factory.mktemp("outputs"))


@pytest.fixture(scope="module")
def ids(store: Store) -> dict[str, str]:
    made = {}
    for name in ("first", "second", "deleted"):
        with open_run(store, run_name=name, params={"seed": 7}, tags={"recipe": name}) as run:
            run.log_metrics({"val/accuracy": 0.5, "test/loss": float("nan")}, step=10)
            run.log_metrics({"val/accuracy": 0.75}, step=20)
            run.log_metrics({"val/accuracy": 0.25}, step=5)
        made[name] = run.run_id
        time.sleep(0.002)  # Runs are ordered by their start, in milliseconds.
    store.client.delete_run(made["deleted"])
    try:
        with open_run(store, run_name="failed", params={}, tags={}) as run:
            made["failed"] = run.run_id
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    return made


@pytest.fixture
def one_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_RUNS_PER_PAGE", 1)
    monkeypatch.setattr(runs, "_IDS_PER_QUERY", 2)


def test_the_latest_runs_come_first(store: Store, ids: dict[str, str]) -> None:
    found = runs_where(store, FINISHED)
    assert [run.run_id for run in found] == [ids["second"], ids["first"]]
    assert found[0].status == "FINISHED"
    assert found[0].params == {"seed": "7"}
    assert found[0].tags["recipe"] == "second"
    assert found[0].started > found[1].started > 0
    assert [run.run_id for run in runs_where(store, FINISHED, most=1)] == [ids["second"]]
    assert [run.run_id for run in runs_where(store, "tags.recipe = 'first'")] == [ids["first"]]


def test_the_metric_of_the_last_step_is_the_last_and_nan_is_left_out(
    store: Store, ids: dict[str, str]
) -> None:
    assert runs_where(store, FINISHED)[0].metrics == {"val/accuracy": 0.75}


@pytest.mark.usefixtures("one_a_page")
def test_pages_are_turned(store: Store, ids: dict[str, str]) -> None:
    assert [run.run_id for run in runs_where(store, FINISHED)] == [ids["second"], ids["first"]]
    assert len(runs_by_id(store, ids.values(), deleted=True)) == len(ids) == 4


def test_runs_are_found_by_their_ids_whatever_became_of_them(store: Store, ids: dict[str, str]) -> None:
    wanted = [ids["deleted"], ids["failed"], "0" * 32, ids["failed"]]
    found = runs_by_id(store, wanted, deleted=True)
    assert set(found) == {ids["deleted"], ids["failed"]}
    assert (found[ids["deleted"]].deleted, found[ids["deleted"]].status) == (True, "FINISHED")
    assert (found[ids["failed"]].deleted, found[ids["failed"]].status) == (False, "FAILED")
    assert set(runs_by_id(store, wanted)) == {ids["failed"]}
    assert runs_by_id(store, []) == {}


def test_a_history_is_ordered_by_steps(store: Store, ids: dict[str, str]) -> None:
    assert metric_history(store, ids["first"], "val/accuracy") == ((5, 0.25), (10, 0.5), (20, 0.75))
    assert metric_history(store, ids["first"], "test/loss") == ()
    assert metric_history(store, ids["first"], "nothing") == ()


def test_a_store_that_does_not_answer_is_told(store: Store, ids: dict[str, str], tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(store.uri.removeprefix("sqlite:///"), database)
    damaged = find_store(f"sqlite:///{database}", "mine", where="outputs")
    assert len(runs_where(damaged, FINISHED)) == 2
    connection = sqlite3.connect(database)
    connection.execute("DROP TABLE metrics")
    connection.execute("DROP TABLE params")
    connection.close()
    told = r"^MLflow at sqlite:.*mlflow\.db cannot be read \("
    with pytest.raises(UserError, match=told):
        metric_history(damaged, ids["first"], "val/accuracy")
    with pytest.raises(UserError, match=told):
        runs_where(damaged, FINISHED)
