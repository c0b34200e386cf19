"""One job of a sweep."""

import re
import sys
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import cast

import pytest

from runner.cli.composition import load_plugins
from runner.process.errors import RunFailed, UserError
from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.source_content import source_content
from runner.records.sweep_records import JobRecord, Sweep, read_records, read_sweep, write_record, write_sweep
from runner.settings import RunSettings, Tracking
from runner.sweep.job import recorded, require_same_code
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


def test_a_job_that_has_begun_is_running(sweep: Path) -> None:
    with recorded(sweep, 0):
        [record] = read_records(sweep)

    assert (record.status, record.reason, record.seconds) == ("running", None, None)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", None),
        (RunFailed("a zero is missing"), "failed", "a zero is missing"),
        (ZeroDivisionError("oops"), "failed", "ZeroDivisionError: oops"),
    ],
)
def test_the_record_says_how_the_job_ended(
    sweep: Path, error: BaseException, status: str, reason: str | None
) -> None:
    with pytest.raises(type(error)), recorded(sweep, 0):
        raise error

    [record] = read_records(sweep)
    assert (record.status, record.reason) == (status, reason)
    assert record.seconds is not None


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    """Of a job with a plugin that this process has imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "swept_plugin", raising=False)
    (tmp_path / "swept_plugin.py").write_text("a = 1\n")
    load_plugins(["swept_plugin"])
    return RunSettings(plugins=("swept_plugin",))


def begun(folder: Path, **found: dict[str, str]) -> Sweep:
    write_sweep(folder / "sweep", Sweep((), ("seed=1",), "sqlite:////mlflow.db", "x", "0", **found))  # type: ignore[arg-type]
    return read_sweep(folder / "sweep")


def test_equal_code_is_taken(tmp_path: Path, settings: RunSettings) -> None:
    found = begun(tmp_path, plugins=plugin_content(["swept_plugin"]), source=source_content())
    (tmp_path / "swept_plugin.py").write_text("a = 2\n")  # Not what this process has imported.
    require_same_code(found, settings)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"plugins": {"swept_plugin": "0" * 64}}, "plugins: 'swept_plugin': the code is not what it was"),
        (
            {"source": {"pruning": "0" * 64, "run/experiment.py": "1" * 64}},
            "runner/pruning, runner/run/experiment.py: the code is not what it was when the sweep began; runs"
            " of different code are not compared. Begin the sweep again.",
        ),
    ],
)
def test_other_code_is_refused_by_name(
    tmp_path: Path, settings: RunSettings, found: dict[str, dict[str, str]], told: str
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(told)}"):
        require_same_code(begun(tmp_path, **found), settings)


def test_a_plugin_of_this_job_alone_and_a_sweep_of_an_earlier_version_are_taken(
    tmp_path: Path, settings: RunSettings
) -> None:
    require_same_code(begun(tmp_path), settings)
    require_same_code(begun(tmp_path, plugins={"another": "0" * 64}), settings)
