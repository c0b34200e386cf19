import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from runner.compare.gather import (
    NoResult,
    NothingToCompare,
    gather_experiment,
    gather_sweep,
    require_sweep,
)
from runner.process.errors import UserError
from runner.records.sweep_records import JobRecord, read_records, read_sweep, write_record, write_sweep
from runner.settings import Tracking
from runner.tracking import open_run, open_store
from tests.compare.logged_sweep import EXPERIMENT, LoggedSweep, log_failed, log_run


@pytest.fixture
def folder(logged: LoggedSweep, tmp_path: Path) -> Path:
    """A copy of the sweep's folder, to be changed."""
    copy = tmp_path / "sweeps" / logged.folder.name
    shutil.copytree(logged.folder, copy)
    return copy


def test_a_sweeps_runs_are_read_in_the_order_of_its_jobs(logged: LoggedSweep) -> None:
    gathered = gather_sweep(logged.folder)
    assert [result.run_id for result in gathered.results] == list(logged.runs)
    assert [result.seed for result in gathered.results] == [1, 2, 3, 1, 2, 3]
    assert gathered.results[4].metrics["test/accuracy"] == 0.985
    assert gathered.results[4].total_steps == 60
    assert gathered.notes == ()
    assert gathered.parent_run_id == logged.parent
    assert (gathered.title, gathered.experiment) == ("sweep 2025-01-31_12-00-00-000000", EXPERIMENT)


def test_jobs_without_a_result_are_told_in_a_line_each(logged: LoggedSweep, folder: Path) -> None:
    records = read_records(folder)
    write_record(
        folder, replace(records[0], status="failed", reason="the loss is NaN\nat step 3", run_id=None)
    )
    write_record(folder, replace(records[1], run_id="0" * 32))
    write_record(folder, replace(records[2], run_id=logged.parent))
    (folder / "records" / "5.json").unlink()
    gathered = gather_sweep(folder)
    assert [result.run_id for result in gathered.results] == list(logged.runs[3:5])
    assert gathered.notes == (
        "job 0 (recipe=mnist_constant seed=1) failed: the loss is NaN at step 3",
        "1 of 6 jobs have not begun",
        f"job 1 (recipe=mnist_constant seed=2): its run {'0' * 32} is not in the store",
        f"job 2 (recipe=mnist_constant seed=3): its run {logged.parent} is not of a recipe",
    )


def test_a_deleted_job_folder_is_one_line_and_its_numbers_stay(folder: Path) -> None:
    for number in (1, 2):
        gone = folder / str(number)
        gone.rmdir()
        write_record(folder, replace(read_records(folder)[number], folder=str(gone)))
    gathered = gather_sweep(folder)
    assert len(gathered.results) == 6
    assert gathered.notes == (
        f"the files of job 1 (recipe=mnist_constant seed=2) and 1 more are gone ({folder / '1'}); the"
        f" numbers are"
        " MLflow's",
    )


def test_runs_deleted_in_mlflow_are_left_out(logged: LoggedSweep, folder: Path) -> None:
    logged.store.client.delete_run(logged.runs[3])
    logged.store.client.delete_run(logged.parent)
    try:
        gathered = gather_sweep(folder)
    finally:
        logged.store.client.restore_run(logged.runs[3])
        logged.store.client.restore_run(logged.parent)
    assert len(gathered.results) == 5
    assert gathered.notes == (
        f"job 3 (recipe=mnist_polynomial seed=1): its run {logged.runs[3]} is deleted in MLflow",
    )


def test_a_sweeps_run_that_is_gone_is_told(folder: Path) -> None:
    write_sweep(folder, replace(read_sweep(folder), parent_run_id="0" * 32))
    gathered = gather_sweep(folder)
    assert gathered.parent_run_id is None
    assert gathered.notes == (f"the sweep's own run {'0' * 32} is not in the store: nothing is logged to it",)


def test_many_lost_jobs_are_summed_up(folder: Path) -> None:
    for number in range(6, 16):
        write_record(folder, JobRecord(number, f"seed={number}", "failed", f"NaN at step {number}"))
    notes = gather_sweep(folder).notes
    assert len(notes) == 5
    assert notes[0] == "job 6 (seed=6) failed: NaN at step 6"
    assert notes[-1] == "and 6 more lines like these"


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_job_whose_run_has_no_end_is_lost(
    logged: LoggedSweep, folder: Path, status: Literal["failed", "interrupted"]
) -> None:
    run_id = log_run(logged.store, "mnist_polynomial", 9, 0.99, sparsity_check="not made")
    logged.store.client.update_run(run_id, status="RUNNING")
    try:
        write_record(folder, JobRecord(6, "seed=9", status, "the machine went away", run_id))
        gathered = gather_sweep(folder)
        assert gathered.results[-1].failure == "the machine went away"
        assert gathered.results[-1].seed == 9
        assert gathered.notes[0] == f"job 6 (seed=9) {status}: the machine went away"
        write_record(folder, JobRecord(6, "seed=9", "finished", None, run_id))
        assert len(gather_sweep(folder).results) == 6
    finally:
        logged.store.client.delete_run(run_id)


def test_jobs_that_failed_alike_are_one_line(folder: Path) -> None:
    for number in (6, 7):
        write_record(folder, JobRecord(number, f"seed={number}", "failed", "NaN"))
    for number in range(8, 16):
        write_record(folder, JobRecord(number, f"seed={number}", "skipped", "job 6 failed"))
    assert gather_sweep(folder).notes == (
        "2 jobs (6, 7) failed: NaN",
        "8 jobs (8, 9, 10, 11, 12, ...) skipped: job 6 failed",
    )


def test_without_any_result_there_is_nothing_to_compare(folder: Path) -> None:
    for record in read_records(folder):
        write_record(folder, replace(record, status="failed", reason="NaN", run_id=None))
    with pytest.raises(NoResult) as caught:
        gather_sweep(folder)
    assert str(caught.value) == (
        f"{folder}: no job of the sweep has a result to compare.\n6 jobs (0, 1, 2, 3, 4, ...) failed: NaN"
    )


def test_a_store_that_was_moved_with_its_sweep_is_found_by_its_new_address(
    logged: LoggedSweep, folder: Path
) -> None:
    write_sweep(folder, replace(read_sweep(folder), tracking_uri="sqlite:////gone/outputs/mlflow.db"))
    with pytest.raises(UserError) as missing:
        gather_sweep(folder)
    assert str(missing.value) == (
        f"{folder}/sweep.json: there is no MLflow store /gone/outputs/mlflow.db."
        " --tracking-uri URI names another."
    )
    moved = folder.parent.parent / "mlflow.db"
    shutil.copy(logged.outputs / "mlflow.db", moved)
    with pytest.raises(UserError) as caught:
        gather_sweep(folder)
    assert str(caught.value).endswith(f"Was it moved with the sweep? --tracking-uri sqlite:///{moved}")
    assert len(gather_sweep(folder, f"sqlite:///{moved}").results) == 6
    with pytest.raises(UserError, match=r"^--tracking-uri: nowhere is a folder"):
        gather_sweep(folder, "nowhere")
    with pytest.raises(UserError, match=r"^--tracking-uri: nowhere is a folder"):
        gather_experiment("schedules", folder, "nowhere")


def test_an_experiment_is_all_its_finished_runs_the_latest_of_each(logged: LoggedSweep) -> None:
    again = log_run(logged.store, "mnist_constant", 2, 0.5)
    try:
        gathered = gather_experiment(EXPERIMENT, logged.outputs)
    finally:
        logged.store.client.delete_run(again)
    expected = [logged.runs[0], *logged.runs[2:], again]
    assert [result.run_id for result in gathered.results] == expected
    assert gathered.notes == ("1 run left out: another one repeats the same job",)
    assert gathered.parent_run_id is None


def test_an_experiments_failed_runs_are_read(logged: LoggedSweep) -> None:
    failed = [
        log_failed(logged.store, "mnist_constant", 8, "budget missed", accuracy=0.5),
        log_failed(logged.store, "mnist_constant", 9, "the loss became nan"),
        # Seed 1 has a result, and another recipe has none at all.
        log_failed(logged.store, "mnist_constant", 1, "the disk was full"),
        log_failed(logged.store, "mnist_2x4", 1, "it crashed"),
    ]
    try:
        gathered = gather_experiment(EXPERIMENT, logged.outputs)
    finally:
        for run_id in failed:
            logged.store.client.delete_run(run_id)
    assert [result.run_id for result in gathered.results] == [*logged.runs, failed[0], failed[1], failed[3]]
    told = {result.run_id: (result.failure, result.missed_budget) for result in gathered.results}
    assert told[failed[0]] == (None, True)
    assert told[failed[1]] == ("the loss became nan", False)
    assert told[logged.runs[0]] == (None, False)
    assert [one.failure for one in gathered.results if one.recipe == "mnist_2x4"] == ["it crashed"]


def test_an_experiment_of_which_all_failed_says_why(logged: LoggedSweep) -> None:
    store = open_store(Tracking(experiment="all failed"), logged.outputs)
    log_failed(store, "mnist_constant", 1, "the loss became nan")
    with pytest.raises(NothingToCompare) as caught:
        gather_experiment("all failed", logged.outputs)
    assert str(caught.value) == (
        "--experiment all failed: has no run of a recipe with a result. 1 failed, such as:"
        " the loss became nan"
    )


def test_a_run_that_goes_on_is_not_read(logged: LoggedSweep) -> None:
    store = open_store(Tracking(experiment="going on"), logged.outputs)
    done = log_run(store, "mnist_constant", 1, 0.5)
    with open_run(
        store, run_name="mnist_constant seed=2", params={"seed": 2}, tags={"recipe": "mnist_constant"}
    ):
        gathered = gather_experiment("going on", logged.outputs)
    assert gathered.notes == ()
    assert [result.run_id for result in gathered.results] == [done]


def test_an_experiment_without_runs(logged: LoggedSweep) -> None:
    with pytest.raises(
        NothingToCompare, match=r"^--experiment Default: has no run of a recipe with a result\.$"
    ):
        gather_experiment("Default", logged.outputs)


def test_what_is_no_sweep_is_told(logged: LoggedSweep, tmp_path: Path) -> None:
    require_sweep(logged.folder)
    for folder, told in (
        (
            logged.folder.with_name("2025-01-31_12-00-00"),
            "there is no such folder. Did you mean '2025-01-31_12-00-",
        ),
        (logged.folder / "0", f"is one job of a sweep. Compare the sweep: {logged.folder}"),
        (tmp_path, "is not a sweep's folder (it has no sweep.json)"),
    ):
        with pytest.raises(UserError) as caught:
            require_sweep(folder)
        assert str(caught.value).startswith(f"{folder}: {told}")
