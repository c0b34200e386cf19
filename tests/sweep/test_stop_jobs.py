"""Jobs that submitit's local executor has started; stood in for by shells and sleeps."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sweep.launching import Launch
from runner.sweep.stop_jobs import stop_jobs

LATE = "trap 'echo ended; exit' INT; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch("submitit_local", 1, tmp_path)


def submitted(launch: Launch, script: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, text=True)
    folder = (launch.submissions or Path()) / str(process.pid)
    folder.mkdir()
    (folder / f"{process.pid}_submitted.pkl").touch()
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def quick(launch: Launch) -> Iterator["subprocess.Popen[str]"]:
    yield from submitted(launch, "sleep 0.5; echo done")


@pytest.fixture
def endless(launch: Launch) -> Iterator["subprocess.Popen[str]"]:
    # As submitit does: one process that watches, one below it that has the job.
    yield from submitted(launch, f'bash -c "{LATE}"; echo watched')


def test_what_a_failed_launcher_has_left_is_waited_for(
    launch: Launch, quick: "subprocess.Popen[str]"
) -> None:
    error = RuntimeError("another one gave no result")
    began = time.monotonic()

    assert stop_jobs(launch, error) is error

    assert time.monotonic() - began > 0.3
    assert quick.stdout is not None
    assert quick.stdout.read() == "done\n"
    assert stop_jobs(launch, error) is error  # Its number may be somebody else's now.


def test_ctrl_c_ends_the_job_well_and_its_watcher_first(
    launch: Launch, endless: "subprocess.Popen[str]"
) -> None:
    assert endless.stdout is not None
    assert endless.stdout.readline() == "ready\n"
    interrupt = KeyboardInterrupt()

    assert stop_jobs(launch, interrupt) is interrupt

    assert endless.stdout.read() == "ended\n"


def test_nothing_is_left_by_other_launchers() -> None:
    assert stop_jobs(Launch(), None) is None
    assert stop_jobs(Launch("joblib", 1), None) is None
