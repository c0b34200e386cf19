"""The process of a job, stood in for by this one."""

import os
import signal
from pathlib import Path
from types import FrameType

import pytest

from runner.process import interruption
from runner.process.errors import UserError
from runner.records.sweep_records import Sweep, write_sweep
from runner.sweep.worker import worker


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interruption, "_reasons", [])
    monkeypatch.delenv("SUBMITIT_EXECUTOR", raising=False)
    (tmp_path / "here").mkdir()
    write_sweep(tmp_path / "sweep", Sweep((), ("seed=1",), "sqlite:///x", "x", "0", started=(0, 3)))
    return tmp_path / "sweep"


def test_it_stands_where_the_command_was_given_and_writes_to_the_jobs_log(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with worker(sweep, 1, tmp_path / "here") as number:
        print("training")
        assert Path.cwd() == tmp_path / "here"
    print("after")

    # The launcher's second job is the sweep's fourth: those before it had finished.
    assert number == 3
    assert (sweep / "records" / "3.log").read_text() == "training\n"
    assert capsys.readouterr().out == "after\n"


@pytest.mark.parametrize("missing", ["cwd", "sweep"])
def test_a_machine_that_does_not_see_the_folders(sweep: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "elsewhere" if missing == "sweep" else sweep
    cwd = tmp_path / "elsewhere" if missing == "cwd" else tmp_path
    with (
        pytest.raises(UserError, match=r"elsewhere is not there on .* must share the folder"),
        worker(folder, 0, cwd),
    ):
        raise AssertionError("no job may begin")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_wish_to_end_is_noted(sweep: Path, tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with pytest.raises(KeyboardInterrupt), worker(sweep, 0, tmp_path):
        os.kill(os.getpid(), number)

    assert interruption.interrupted()
    assert signal.getsignal(number) is before
    # A launcher may send the next job to the same process.
    with pytest.raises(KeyboardInterrupt), worker(sweep, 1, tmp_path):
        raise AssertionError("no job may begin")


def test_a_preempted_job_is_interrupted_once_it_is_requeued(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requeued = []

    def requeue(number: int, frame: FrameType | None) -> None:
        requeued.append(number)
        raise SystemExit(144)

    def lose_the_machine() -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # SLURM warns; submitit lets it pass.
        try:
            os.kill(os.getpid(), signal.SIGUSR2)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGUSR2)  # And insists.
            raise

    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    before = signal.signal(signal.SIGUSR2, requeue), signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended, worker(sweep, 0, tmp_path):
            lose_the_machine()
    finally:
        signal.signal(signal.SIGUSR2, before[0])
        signal.signal(signal.SIGTERM, before[1])

    assert ended.value.code == 144
    assert requeued == [signal.SIGUSR2]
    assert interruption.interrupt_reason() == "preempted, and requeued"
