"""The display of a sweep while its jobs run."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from runner.records.sweep_records import JobRecord, Sweep, write_record
from runner.sweep.job_log import logged
from runner.sweep.live import JobLine, JobLines, LiveSweep, read_line, shortened

RUNNING = JobRecord(3, "polynomial seed=1", "running", began=100.0)
REQUEST = Sweep((), ("",) * 5, "", "", "")
FINISHED = replace(RUNNING, status="finished", seconds=12.4)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (JobLine(RUNNING), "starting"),
        (JobLine(RUNNING, doing="training: epoch 1/5"), "training: epoch 1/5"),
        (
            JobLine(FINISHED, score="accuracy 0.9123", sparsity=0.875),
            "accuracy 0.9123, sparsity 87.50%, 12 s",
        ),
        (JobLine(FINISHED), "12 s"),
        (JobLine(replace(FINISHED, status="failed", reason="NaN")), "failed after 12 s"),
        (JobLine(JobRecord(3, "a", "reused")), "finished before"),
        (JobLine(JobRecord(3, "a", "skipped", "job 1 failed")), "left out: job 1 failed"),
        (JobLine(JobRecord(3, "a", "interrupted")), "interrupted"),
        (JobLine(JobRecord(3, "a", "interrupted", "preempted")), "interrupted: preempted"),
    ],
)
def test_the_state_of_a_job(line: JobLine, text: str) -> None:
    assert line.text() == text
    assert str(line) == f"job 3 {line.record.name}: {text}"


def drawn(lines: list[JobLine], width: int, height: int = 30) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO())
    console.print(JobLines(lines, "1 of 8 jobs done"))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_job_has_a_line_at_80_columns() -> None:
    doing = "training: epoch 1/5, step 20/100, loss 0.3456, accuracy 0.9123, sparsity 50.00%"
    name = "polynomial sparsity=0.9 seed=2"
    lines = [
        JobLine(replace(RUNNING, number=10, name=name), doing),
        JobLine(FINISHED, score="accuracy 0.5000"),
    ]

    assert drawn(lines, 80) == [
        " 3  polynomial seed=1               accuracy 0.5000, 12 s",
        "10  polynomial sparsity=0.9 seed=2  training: epoch 1/5, step 20/100, loss 0.34…",
        "1 of 8 jobs done",
    ]
    # A long name gives way, so that there is room for what the job is doing.
    [line, _] = drawn([JobLine(replace(RUNNING, name="x" * 100), doing)], 80)
    assert line == f"3  {'x' * 36}…  training: epoch 1/5, step 20/100, los…"


@pytest.mark.parametrize(
    ("score", "result"),
    [
        ("accuracy 0.9123", "accuracy 0.9123, 3 h 5 min"),
        ("mean squared error 0.01235", "mean squared error 0.01235, 3 h 5 min"),
    ],
)
def test_neither_the_seed_nor_the_seconds_are_cut(score: str, result: str) -> None:
    name = "polynomial dense_units=16 learning_rate=0.001 sparsity=0.9 seed=12"
    record = replace(FINISHED, name=name, seconds=11100.0)
    [line, _] = drawn([JobLine(record, score=score, sparsity=0.5)], 80)
    assert line == f"3  polynomial dense_units=16 le… seed=12  {result}"
    [line, _] = drawn([JobLine(record, score=score, sparsity=0.5)], 130)
    assert line == f"3  {name}  {result.replace(', ', ', sparsity 50.00%, ')}"
    [line, _] = drawn([JobLine(record, score=score, sparsity=0.5)], 40)
    assert "seed=12" in line
    assert line.endswith("3 h 5 min")


def test_a_name_is_cut_around_its_seed() -> None:
    assert shortened("a seed=1", 8) == "a seed=1"
    assert shortened("constant seed=1 sparsity=0.5", 20) == "constant spa… seed=1"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"
    assert shortened("seed=1 " + "x" * 30, 10) == " xx…seed=1"


def test_of_more_jobs_than_lines_those_that_run_and_the_latest_are_shown() -> None:
    ended = [JobLine(replace(FINISHED, number=n, began=float(n), seconds=1.0)) for n in range(20)]
    running = JobLine(replace(RUNNING, number=5, name="it"), "training")
    lines = [*ended[:5], running, *ended[6:]]

    assert [line.split()[0] for line in drawn(lines, 80, height=7)] == ["5", "17", "18", "19", "1"]


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (
            '{"test_accuracy": 0.91, "sparsity": {"pruned_layers": 0.875}}',
            "accuracy 0.9100, sparsity 87.50%, 7 s",
        ),
        ('{"test_accuracy": null, "test_mean_squared_error": 1.0969976}', "mean squared error 1.097, 7 s"),
        *(
            (damaged, "7 s")
            for damaged in ("", "{", "[]", "null", '{"sparsity": 1}', '{"test_accuracy": "x"}', "\xff")
        ),
    ],
)
def test_a_job_whose_summary_is_damaged_is_shown_without_its_numbers(
    tmp_path: Path, summary: str, text: str
) -> None:
    (tmp_path / "summary.json").write_text(summary, encoding="latin-1")
    record = JobRecord(0, "seed=1", "finished", folder=str(tmp_path), seconds=7.0)
    assert read_line(record).text() == text
    assert read_line(replace(record, folder=str(tmp_path / "summary.json"))).text() == "7 s"


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=80, height=20, force_terminal=terminal, color_system=None)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_trial_shows_the_objectives_of_its_search() -> None:
    record = replace(FINISHED, values=(0.49741, 6240.0))
    metrics = ["val/accuracy", "tflite_int8/bytes"]
    assert read_line(record, metrics).text() == "val/accuracy 0.4974, tflite_int8/bytes 6,240, 12 s"
    assert read_line(replace(record, status="failed", values=()), metrics).text() == "failed after 12 s"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of five jobs: one had finished before, one finishes, two fail alike, one runs."""
    write_record(tmp_path, JobRecord(0, "seed=0", "reused"))
    return tmp_path


def go_on(folder: Path) -> None:
    own = folder / "1"
    own.mkdir()
    summary = {"test_accuracy": 0.91, "sparsity": {"pruned_layers": 0.875}}
    (own / "summary.json").write_text(json.dumps(summary))
    write_record(folder, JobRecord(1, "seed=1", "finished", folder=str(own), began=1.0, seconds=7.0))
    for number in (2, 3):
        reason = "the loss became nan\nsmaller rates help"
        write_record(folder, JobRecord(number, f"seed={number}", "failed", reason, began=1.0, seconds=2.0))
    write_record(folder, JobRecord(4, "seed=4", "running", began=time.time()))
    with logged(folder, 4):
        print("training: epoch 1/5")


FAILURES = """\
job 2 seed=2: failed after 2 s
  the loss became nan
  smaller rates help
job 3 seed=3: failed after 2 s
  as job 2
"""


def test_a_line_for_each_job_that_ends_and_the_reason_of_a_failure_once(sweep: Path) -> None:
    screen = console(terminal=False)
    live = LiveSweep(sweep, REQUEST, screen)
    live.update()
    assert printed(screen) == ""

    go_on(sweep)
    live.update()
    live.update()

    assert printed(screen) == "job 1 seed=1: accuracy 0.9100, sparsity 87.50%, 7 s\n" + FAILURES


def test_a_terminal_keeps_failures_only_and_rewrites_the_rest(sweep: Path) -> None:
    screen = console(terminal=True)
    live = LiveSweep(sweep, REQUEST, screen)
    live.start()
    go_on(sweep)
    wait_for(lambda: "2 of 5 jobs done" in printed(screen))
    live.stop()
    live.stop()

    shown = printed(screen)
    assert "4  seed=4  training: epoch 1/5" in shown
    assert "0  seed=0  finished before" in shown
    assert "2 of 5 jobs done (1 before), 2 failed, 1 running, about" in shown
    # What stays when the rewritten lines are gone.
    assert "job 2 seed=2: failed after 2 s" in shown
    assert "job 1 seed=1" not in shown


def test_what_ends_just_before_the_end_is_told(sweep: Path) -> None:
    screen = console(terminal=False)
    live = LiveSweep(sweep, REQUEST, screen)
    live.start()
    go_on(sweep)
    live.stop()

    assert FAILURES in printed(screen)


def test_a_damaged_record_does_not_end_the_display(sweep: Path) -> None:
    screen = console(terminal=False)
    live = LiveSweep(sweep, REQUEST, screen)
    go_on(sweep)
    damaged = sweep / "records" / "1.json"
    record = damaged.read_text()
    damaged.write_text("{")
    live.start()
    live.update()
    damaged.write_text(record)
    live.stop()

    assert FAILURES in printed(screen)
    assert live.reasons == {"the loss became nan\nsmaller rates help"}


def test_it_can_be_stopped_before_it_has_begun(sweep: Path) -> None:
    screen = console(terminal=False)
    LiveSweep(sweep, REQUEST, screen).stop()
    assert printed(screen) == ""


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
