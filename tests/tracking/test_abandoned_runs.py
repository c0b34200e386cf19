"""Runs of dead processes, in a real store."""

import socket
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from runner.settings import Tracking
from runner.tracking import Store, find_store, open_run, open_store
from runner.tracking.abandoned_runs import PROCESS_TAG, own_process, settle_dead


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    outputs = tmp_path_factory.mktemp("outputs")
    return open_store(Tracking(uri=f"sqlite:///{outputs}/mlflow.db", experiment="x"), outputs)


@pytest.fixture(scope="module")
def dead() -> str:
    """A process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return f"{socket.gethostname()} {ended.pid} 1 {own_process().split()[3]}"


def left_running(store: Store, process: str, parent: str | None = None) -> str:
    tags = {PROCESS_TAG: process} | ({"mlflow.parentRunId": parent} if parent else {})
    run_id: str = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    return run_id


def status(store: Store, run_id: str) -> str:
    return str(store.client.get_run(run_id).info.status)


def test_runs_of_dead_processes_are_closed_and_no_others(store: Store, dead: str) -> None:
    runs = {
        "dead": left_running(store, dead),
        "alive": left_running(store, own_process()),
        "elsewhere": left_running(store, f"not-{dead}"),
        "untold": left_running(store, ""),
    }
    settle_dead(store.client, store.experiment_id)
    found = {name: status(store, run_id) for name, run_id in runs.items()}
    assert found == {"dead": "KILLED", "alive": "RUNNING", "elsewhere": "RUNNING", "untold": "RUNNING"}
    ended = store.client.get_run(runs["dead"]).info.end_time
    settle_dead(store.client, store.experiment_id)
    assert store.client.get_run(runs["dead"]).info.end_time == ended


def test_a_sweep_and_its_jobs_are_each_judged_by_their_own_process(store: Store, dead: str) -> None:
    parent = left_running(store, dead)
    died, lives = left_running(store, dead, parent), left_running(store, own_process(), parent)
    settle_dead(store.client, store.experiment_id)
    assert [status(store, run) for run in (parent, died, lives)] == ["KILLED", "KILLED", "RUNNING"]


def test_whatever_opens_the_store_settles_it(store: Store, dead: str, tmp_path: Path) -> None:
    first = left_running(store, dead)
    open_store(Tracking(uri=store.uri, experiment="x"), tmp_path)
    assert status(store, first) == "KILLED"
    second = left_running(store, dead)
    find_store(store.uri, "x", where="outputs")
    assert status(store, second) == "KILLED"


def test_who_may_only_read_leaves_the_run_as_it_is(
    store: Store, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_running(store, dead)

    def refused(*arguments: object) -> None:
        raise MlflowException("attempt to write a readonly database")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", refused)
        assert find_store(store.uri, "x", where="outputs").experiment == "x"
    assert status(store, run) == "RUNNING"


def test_only_runs_that_can_be_judged_here_are_asked_for(
    store: Store, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_dead(store.client, store.experiment_id)
    with open_run(store, run_name="ended", params={}, tags={}):
        pass
    left_running(store, f"not-{dead}")
    here = left_running(store, own_process())
    found: list[str] = []
    search = MlflowClient.search_runs

    def watched(*arguments: object, **options: object) -> object:
        page = search(*arguments, **options)  # type: ignore[arg-type]
        found.extend(run.info.run_id for run in page)
        return page

    monkeypatch.setattr(MlflowClient, "search_runs", watched)
    settle_dead(store.client, store.experiment_id)
    assert here in found
    assert {store.client.get_run(run).data.tags[PROCESS_TAG].split()[0] for run in found} == {
        socket.gethostname()
    }
    assert {status(store, run) for run in found} == {"RUNNING"}
