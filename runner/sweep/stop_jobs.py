"""Stops or waits for the jobs that still run when their launcher has failed, or the user has interrupted."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from runner.sweep.launching import Launch

_PATIENCE_SECONDS = 5.0


def stop_jobs(launch: Launch, error: BaseException | None) -> BaseException | None:
    """Returns when no job runs any more: waits for submitted jobs, or stops them after an interrupt.

    Args:
        launch: How the jobs were started.
        error: What ended the launcher early; None where it ended by itself.

    Returns:
        The error; KeyboardInterrupt where the user has interrupted the wait.
    """
    try:
        if error is not None and not isinstance(error, KeyboardInterrupt):
            _wait_for_submitted(launch)
    except KeyboardInterrupt as interrupt:
        error = interrupt
    if isinstance(error, KeyboardInterrupt):
        _cancel_submitted(launch)
    if launch.engine == "ray" and "ray" in sys.modules:
        import ray

        ray.shutdown()
    return error


def _wait_for_submitted(launch: Launch) -> None:
    for number in _submitted(launch):
        if launch.engine == "slurm":
            from submitit import SlurmJob

            SlurmJob(folder=launch.submissions or ".", job_id=number).wait()
        elif _is_running(int(number)):
            os.waitpid(int(number), 0)


def _cancel_submitted(launch: Launch) -> None:
    numbers = _submitted(launch)
    if launch.engine == "slurm":
        if numbers:
            # Jobs that run get to close their runs; submitit ignores the signal that SLURM sends otherwise.
            subprocess.run(["scancel", "--signal=INT", *numbers], check=False)
            subprocess.run(["scancel", *numbers], check=False)
        return
    workers = {worker for number in numbers for worker in _freed(int(number))}
    for sign in (signal.SIGINT, signal.SIGKILL):
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, sign)
        until = time.monotonic() + _PATIENCE_SECONDS
        while (workers := workers & _parents().keys()) and time.monotonic() < until:
            time.sleep(0.05)


def _submitted(launch: Launch) -> list[str]:
    """Returns submitit's job numbers, which are the names of the folders of the jobs."""
    if launch.submissions is None:
        return []
    return sorted(path.parent.name for path in launch.submissions.glob("*/*_submitted.pkl"))


def _freed(controller: int) -> list[int]:
    """Kills the process by which submitit's local executor watches a job, and returns the job's own."""
    if not _is_running(controller):
        return []
    # It must not start another one meanwhile; and on SIGINT it would print a traceback.
    os.kill(controller, signal.SIGSTOP)
    workers = [process for process, parent in _parents().items() if parent == controller]
    os.kill(controller, signal.SIGKILL)
    return workers


def _is_running(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False  # It has ended, and its number may belong to another process by now.


def _parents() -> dict[int, int]:
    """Maps every running process to its parent."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It has ended meanwhile.
            state, parent = file.read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            # A zombie has ended.
            if state != "Z":
                found[int(file.parent.name)] = int(parent)
    return found
