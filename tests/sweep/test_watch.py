"""What is shown of a sweep while it goes on, from what its jobs have written."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from runner.records.sweep_records import JobRecord, write_record
from runner.sweep.log import logged
from runner.sweep.watch import Watch


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=80, height=20, force_terminal=terminal, color_system=None)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


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
    write_record(folder, JobRecord(4, "seed=4", "interrupted", "killed", began=time.time()))
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
    watch = Watch(sweep, 5, screen)
    watch.look()
    assert printed(screen) == ""

    go_on(sweep)
    watch.look()
    watch.look()

    assert printed(screen) == "job 1 seed=1: accuracy 0.9100, sparsity 87.50%, 7 s\n" + FAILURES


def test_a_terminal_keeps_failures_only_and_rewrites_the_rest(sweep: Path) -> None:
    screen = console(terminal=True)
    watch = Watch(sweep, 5, screen)
    watch.start()
    go_on(sweep)
    wait_for(lambda: "2 of 5 jobs done" in printed(screen))
    watch.stop()
    watch.stop()

    shown = printed(screen)
    assert "4  seed=4  training: epoch 1/5" in shown
    assert "0  seed=0  finished before" in shown
    assert "2 of 5 jobs done (1 before), 2 failed, 1 running, about" in shown
    # What stays when the rewritten lines are gone.
    assert "job 2 seed=2: failed after 2 s" in shown
    assert "job 1 seed=1" not in shown


def test_what_ends_just_before_the_end_is_told(sweep: Path) -> None:
    screen = console(terminal=False)
    watch = Watch(sweep, 5, screen)
    watch.start()
    go_on(sweep)
    watch.stop()

    assert FAILURES in printed(screen)


def test_it_can_be_stopped_before_it_has_begun(sweep: Path) -> None:
    screen = console(terminal=False)
    Watch(sweep, 5, screen).stop()
    assert printed(screen) == ""


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
