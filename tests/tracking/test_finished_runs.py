"""Runs that are there already, in a real store."""

from pathlib import Path

import pytest

from runner.settings import Tracking
from runner.tracking import Store, open_run, open_store, runs_by_id
from runner.tracking.runs import close_left_open, find_finished, find_on_other_data


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(Tracking(uri=f"sqlite:///{tmp_path}/mlflow.db", experiment="x"), tmp_path)


def logged(store: Store, fingerprint: str, accuracy: float, **tags: str) -> str:
    with open_run(store, run_name="r", params={}, tags={"fingerprint": fingerprint, **tags}) as tracker:
        tracker.log_metrics({"test/accuracy": accuracy})
    return tracker.run_id


def test_the_last_finished_run_of_a_fingerprint_is_found(store: Store) -> None:
    logged(store, "a", 0.1)
    last = logged(store, "a", 0.2)
    logged(store, "b", 0.3)
    with (
        pytest.raises(ZeroDivisionError),
        open_run(store, run_name="r", params={}, tags={"fingerprint": "a"}),
    ):
        raise ZeroDivisionError
    found = find_finished(store, "a")
    assert found is not None
    assert (found.run_id, found.status, found.metrics) == (last, "FINISHED", {"test/accuracy": 0.2})
    assert find_finished(store, "c") is None


def test_a_run_on_other_data_is_found(store: Store) -> None:
    for seed, data in ((1, "old"), (2, "new")):
        tags = {"recipe_hash": "r", "data_sha256": data}
        with open_run(store, run_name="r", params={"seed": seed}, tags=tags):
            pass
    assert find_on_other_data(store, "r", 1, "new") is not None
    assert find_on_other_data(store, "r", 1, "old") is None
    assert find_on_other_data(store, "r", 2, "new") is None
    assert find_on_other_data(store, "other", 1, "new") is None


def test_a_deleted_run_is_not_found(store: Store) -> None:
    run_id = logged(store, "a", 0.1)
    store.client.delete_run(run_id)
    assert find_finished(store, "a") is None
    assert runs_by_id(store, [run_id, "0" * 32]) == {}


def test_runs_are_read_by_id(store: Store) -> None:
    first, second = logged(store, "a", 0.1, variation="x"), logged(store, "b", 0.2)
    read = runs_by_id(store, [second, first])
    assert {run_id: run.metrics["test/accuracy"] for run_id, run in read.items()} == {first: 0.1, second: 0.2}
    assert read[first].tags["variation"] == "x"


def test_children_are_shown_under_their_parent(store: Store) -> None:
    with (
        open_run(store, run_name="parent", params={}, tags={}) as parent,
        open_run(store, run_name="child", params={}, tags={}, parent_run_id=parent.run_id) as child,
    ):
        pass
    assert store.client.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id
    assert "mlflow.parentRunId" not in store.client.get_run(parent.run_id).data.tags


def test_runs_that_are_left_open_are_closed_by_id(store: Store) -> None:
    finished = logged(store, "a", 0.1)
    left, other = (store.client.create_run(store.experiment_id).info.run_id for _ in range(2))

    close_left_open(store, [finished, left, "0" * 32])

    statuses = {run.run_id: run.status for run in runs_by_id(store, [finished, left, other]).values()}
    assert statuses == {finished: "FINISHED", left: "KILLED", other: "RUNNING"}
