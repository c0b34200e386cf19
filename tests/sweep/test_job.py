"""A job that is started again by itself."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import cast

import pytest

from runner.process.errors import RunFailed
from runner.recipe.recipe import Recipe
from runner.records.sweep_records import JobRecord, Sweep, read_records, write_record, write_sweep
from runner.settings import RunSettings, Tracking
from runner.sweep.job import recorded
from runner.tracking import Store, open_run, open_store

FINISHED = JobRecord(0, "seed=1", "finished", run_id="abc", folder="/sweep/0")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    write_sweep(tmp_path / "sweep", Sweep((), ("seed=1",), f"sqlite:///{tmp_path}/mlflow.db", "x", "0"))
    return tmp_path / "sweep"


def test_what_had_finished_is_left_alone(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(sweep, FINISHED)

    with recorded(sweep, 0) as job:
        assert read_records(sweep) == [FINISHED]
        job.run(cast(Recipe, None), RunSettings())

    assert capsys.readouterr().out == "had finished when it was started again\n"
    assert read_records(sweep) == [FINISHED]


@pytest.fixture
def search(tmp_path: Path) -> tuple[Path, Store]:
    """A search, and the store that its jobs log to."""
    store = open_store(Tracking(experiment="x"), tmp_path)
    objective = ("val/accuracy", "-tflite_int8/bytes")
    write_sweep(
        tmp_path / "sweep", Sweep((), (), store.uri, "x", "0", objective=objective, fixed=("recipe", "seed"))
    )
    return tmp_path / "sweep", store


def finish(search: tuple[Path, Store], **metrics: float) -> JobRecord:
    """Has a job of the search log these metrics, and end."""
    folder, store = search
    overrides = ["recipe=a", "seed=1", "recipe.layers.all.schedule.sparsity=0.7123456"]
    with open_run(store, run_name="r", params={}, tags={}) as tracker:
        tracker.log_metrics({name.replace("__", "/"): value for name, value in metrics.items()})
    with recorded(folder, 0, overrides) as job:
        job.record = replace(job.record, status="finished", reason=None, run_id=tracker.run_id)
    [record] = read_records(folder)
    return record


def test_a_job_of_a_search_keeps_what_was_chosen_and_what_it_reached(search: tuple[Path, Store]) -> None:
    record = finish(search, val__accuracy=0.1 + 0.2, tflite_int8__bytes=1000)

    assert (record.name, record.status) == ("sparsity=0.7123", "finished")
    assert record.sampled == {"layers.all.schedule.sparsity": "0.7123456"}
    assert record.values == (0.1 + 0.2, 1000.0)  # To the last bit, as the sampler goes on from it.


@pytest.mark.parametrize(
    "metrics", [{"val__accuracy": 0.9}, {"val__accuracy": 0.9, "tflite_int8__bytes": nan}]
)
def test_a_job_without_the_searchs_number_has_failed(
    search: tuple[Path, Store], metrics: dict[str, float]
) -> None:
    with pytest.raises(RunFailed, match="objective: the run has logged no finite tflite_int8/bytes"):
        finish(search, **metrics)

    [record] = read_records(search[0])
    assert (record.status, record.values) == ("failed", ())
    assert record.reason == "objective: the run has logged no finite tflite_int8/bytes"
