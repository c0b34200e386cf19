"""The end of a sweep."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runner.process.errors import RunFailed, UserError
from runner.records.sweep_records import JobRecord, Status, Sweep, read_records, write_record, write_sweep
from runner.settings import Tracking
from runner.sweep.launching import Launch
from runner.sweep.session import ParentRun, Session, continuing, unsuccessful
from runner.tracking import open_run, open_store


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("runner", "--multirun", "seed=1,2"), "python -m runner --multirun seed=1,2 resume=true"),
        (
            ("runner", "-m", "recipe=glob(mnist_*)", "resume=true", "recipe.model.filters=[4,8]"),
            "python -m runner -m 'recipe=glob(mnist_*)' 'recipe.model.filters=[4,8]' resume=true",
        ),
        (("runner", "-m", "resume=false"), "python -m runner -m resume=true"),
    ],
)
def test_the_command_that_continues(argv: tuple[str, ...], command: str) -> None:
    assert continuing(argv) == command


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (["finished", "failed", "reused", "finished"], "1 of 4 jobs failed: job 1"),
        (["failed"], "1 of 1 job failed: job 0"),
        (["interrupted", "finished"], "1 of 2 jobs did not finish: job 0"),
        (
            ["failed", "skipped", "interrupted", "failed", "skipped"],
            "2 of 5 jobs failed: jobs 0, 3\n3 of 5 jobs did not finish: jobs 1, 2, 4",
        ),
    ],
)
def test_what_failed_is_told_apart_from_what_did_not_finish(statuses: list[Status], told: str) -> None:
    assert unsuccessful([JobRecord(n, "", status) for n, status in enumerate(statuses)]) == told


class Opened:
    """A sweep of four jobs in a store of its own: one finished, one failed, one runs, one is not begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sweep"
        self.store = open_store(Tracking(experiment="x"), folder)
        stack = ExitStack()
        tracker = stack.enter_context(open_run(self.store, run_name="sweep", params={}, tags={}))
        self.run_id = tracker.run_id
        jobs = tuple(f"seed={seed}" for seed in range(4))
        sweep = Sweep(
            ("runner", "-m"), jobs, self.store.uri, "x", self.run_id, factors={"seed": tuple("0123")}
        )
        write_sweep(self.folder, sweep)
        write_record(self.folder, JobRecord(0, "seed=0", "finished", began=1.0, seconds=2.0))
        write_record(self.folder, JobRecord(1, "seed=1", "failed", "it broke", began=1.0, seconds=2.0))
        write_record(self.folder, JobRecord(2, "seed=2", "running", began=1.0))
        self.session = Session(self.folder, sweep, Launch(), ParentRun(self.store, tracker, (), stack))

    @property
    def status(self) -> str:
        return str(self.store.client.get_run(self.run_id).info.status)


@pytest.mark.parametrize(
    ("error", "state", "reason", "run"),
    [
        (KeyboardInterrupt(), "interrupted", "", "KILLED"),
        (RunFailed("the launcher gave up"), "killed", "its process ended before it did", "FAILED"),
    ],
)
def test_what_ended_a_sweep_early_is_raised_after_its_table(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    state: str,
    reason: str,
    run: str,
) -> None:
    sweep = Opened(tmp_path)

    with pytest.raises(type(error)) as raised:
        sweep.session.close(error)

    assert raised.value is error
    table = pd.read_csv(sweep.folder / "jobs.csv")
    assert table["status"].tolist() == ["finished", "failed", state, "not_begun"]
    assert table["reason"].fillna("").tolist() == ["", "it broke", reason, ""]
    assert read_records(sweep.folder)[2].status == state
    out = capsys.readouterr().out
    assert out.count("it broke") == 1
    assert "job 3: not begun" in out
    assert "to continue: python -m runner -m resume=true" in out
    assert sweep.status == run


def test_a_damaged_record_does_not_hide_what_ended_the_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Opened(tmp_path)
    (sweep.folder / "records" / "2.json").write_text("{")
    interrupt = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt) as raised:
        sweep.session.close(interrupt)

    assert raised.value is interrupt
    assert "2.json: cannot be read as the runner wrote it" in capsys.readouterr().out
    assert sweep.status == "KILLED"


def test_a_damaged_record_is_reported_when_all_jobs_were_started(tmp_path: Path) -> None:
    sweep = Opened(tmp_path)
    (sweep.folder / "records" / "2.json").write_text("{")

    with pytest.raises(UserError, match=r"2\.json: cannot be read as the runner wrote it"):
        sweep.session.close(None)


def test_a_search_that_is_interrupted_before_its_first_job(tmp_path: Path) -> None:
    sweep = Opened(tmp_path)
    for path in (sweep.folder / "records").iterdir():
        path.unlink()
    sweep.session.sweep = replace(sweep.session.sweep, jobs=(), objective=("val/accuracy",), trials=5)
    interrupt = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt) as raised:
        sweep.session.close(interrupt)

    assert raised.value is interrupt
    assert sweep.status == "KILLED"
