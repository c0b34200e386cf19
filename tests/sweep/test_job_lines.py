"""The jobs of a sweep that goes on, a line each."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from runner.records.sweep_records import JobRecord
from runner.sweep.job_lines import JobLine, LiveSweep, factors_line

RUNNING = JobRecord(3, "polynomial seed=1", "interrupted", "its process ended", began=100.0)
FINISHED = replace(RUNNING, status="finished", reason=None, seconds=12.4)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (JobLine(RUNNING), "starting"),
        (JobLine(RUNNING, doing="training: epoch 1/5"), "training: epoch 1/5"),
        (JobLine(FINISHED, accuracy=0.91234, sparsity=0.875), "accuracy 0.9123, sparsity 87.50%, 12 s"),
        (JobLine(FINISHED), "12 s"),
        (JobLine(replace(FINISHED, status="failed", reason="NaN")), "failed after 12 s"),
        (JobLine(JobRecord(3, "a", "reused")), "finished before"),
        (JobLine(JobRecord(3, "a", "skipped", "job 1 failed")), "left out: job 1 failed"),
    ],
)
def test_what_becomes_of_a_job(line: JobLine, told: str) -> None:
    assert line.told == told
    assert str(line) == f"job 3 {line.record.name}: {told}"


def drawn(lines: list[JobLine], width: int, height: int = 30) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO())
    console.print(LiveSweep(lines, "1 of 8 jobs done"))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_job_has_a_line_at_80_columns() -> None:
    doing = "training: epoch 1/5, step 20/100, loss 0.3456, accuracy 0.9123, sparsity 50.00%"
    name = "polynomial sparsity=0.9 seed=2"
    lines = [JobLine(replace(RUNNING, number=10, name=name), doing), JobLine(FINISHED, accuracy=0.5)]

    assert drawn(lines, 80) == [
        " 3  polynomial seed=1               accuracy 0.5000, 12 s",
        "10  polynomial sparsity=0.9 seed=2  training: epoch 1/5, step 20/100, loss 0.34…",
        "1 of 8 jobs done",
    ]
    # A long name gives way, so that there is room for what the job is doing.
    [line, _] = drawn([JobLine(replace(RUNNING, name="x" * 100), doing)], 80)
    assert line == f"3  {'x' * 38}…  training: epoch 1/5, step 20/100, l…"


def test_of_more_jobs_than_lines_those_that_run_and_the_latest_are_shown() -> None:
    ended = [JobLine(replace(FINISHED, number=n, began=float(n), seconds=1.0)) for n in range(20)]
    running = JobLine(replace(RUNNING, number=5, name="it"), "training")
    lines = [*ended[:5], running, *ended[6:]]

    assert [line.split()[0] for line in drawn(lines, 80, height=7)] == ["5", "17", "18", "19", "1"]


def test_factors_with_their_levels() -> None:
    factors = {"schedule.name": ("a", "a", "b"), "seed": tuple(map(str, range(20)))}
    assert factors_line(factors) == "schedule.name (a, b), seed (0, 1, 2, 3, ... 19: 20 levels)"
