import time
from dataclasses import replace

import pytest

from runner.process import interruption
from runner.report.parts import Run
from runner.settings import RunSettings
from runner.training import Progress
from runner.verify import SparsityCheck
from tests.report.made_run import FILE, RECIPE, Reported, made_run, row

PROGRESS = Progress(1, 7, {}, {}, epoch_ended=False)


@pytest.fixture
def reported() -> Reported:
    return Reported()


@pytest.fixture
def run(reported: Reported) -> Run:
    return Run(RECIPE, RunSettings(), reported)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_reasons", ["interrupted"])


def test_stages_are_timed_also_when_they_fail(run: Run, reported: Reported) -> None:
    def fail() -> None:
        with run.stage("broken", "breaking"):
            raise ValueError("oops")

    for _ in range(2):
        with run.stage("slow", "waiting"):
            time.sleep(0.02)
    with pytest.raises(ValueError, match="oops"):
        fail()

    assert reported.said == ["waiting", "waiting", "breaking"]
    assert list(run.seconds) == ["slow", "broken"]
    assert 0.04 <= run.seconds["slow"] < 1  # Both times together.
    assert run.seconds["broken"] < 0.02


def test_a_stage_may_say_what_it_does_now(run: Run, reported: Reported) -> None:
    with run.stage("dense", "looking"):
        run.say("dense training")

    assert reported.said == ["looking", "dense training"]
    assert list(run.seconds) == ["dense"]


def test_a_training_is_reported_with_its_length(run: Run, reported: Reported) -> None:
    run.watch(3, 30)(PROGRESS)

    assert reported.steps == [(7, 3, 30)]


@pytest.mark.usefixtures("interrupted")
def test_an_interrupt_that_got_lost_ends_the_run_at_its_next_step_or_stage(
    run: Run, reported: Reported
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run.watch(3, 30)(PROGRESS)
    with pytest.raises(KeyboardInterrupt), run.stage("data", "loading"):
        raise AssertionError("no stage may begin")
    with pytest.raises(KeyboardInterrupt):
        run.say("dense training")

    assert (reported.said, reported.steps, run.seconds) == ([], [], {})


def test_a_part_cannot_be_read_before_its_stage(run: Run) -> None:
    with pytest.raises(AttributeError, match="prepared"):
        run.prepared  # noqa: B018


def test_a_run_fails_by_its_check_its_files_or_its_budget() -> None:
    assert made_run().failures == []
    broken = replace(FILE, variant="int8", loads=False, error="no such operator")
    missing = made_run(
        proof={"rows": [row("saved", 749, "saved: a zero is missing")]},
        exports={"files": [FILE, broken], "check": SparsityCheck((), ("outputs differ",))},
    )
    assert missing.failures == [
        "The sparsity check did not pass:",
        "saved: a zero is missing",
        "outputs differ",
        "These TFLite files could not be made, or do not run:",
        "int8: no such operator",
    ]
