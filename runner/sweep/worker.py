"""The process that a launcher has started for a job of a sweep, on this machine or another."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from runner.process.errors import UserError
from runner.process.interruption import interrupt, note_interrupt, stop_if_interrupted
from runner.records.sweep_records import is_sweep, read_sweep
from runner.sweep.job_log import logged


@contextmanager
def worker(folder: Path, place: int, cwd: Path) -> Iterator[int]:
    """Changes to the command's folder, writes output to the job's log, and ends the job well on a signal.

    Args:
        folder: The sweep's, absolute.
        place: The place of the job among those that the launcher starts, from 0.
        cwd: The folder where the command was given.

    Yields:
        The job's number.

    Raises:
        UserError: This machine does not see the command's folders.
    """
    stop_if_interrupted()  # A launcher may give the next job to a process that was interrupted.
    try:
        os.chdir(cwd)
    except OSError as error:
        raise UserError(_unseen(cwd)) from error
    if not is_sweep(folder):
        raise UserError(_unseen(folder))
    number = read_sweep(folder).number_of(place)
    with logged(folder, number), _interruptible(), _preemptible():
        yield number


def _unseen(folder: Path) -> str:
    return f"{folder} is not there on {socket.gethostname()}. The machines of a sweep must share the folder."


@contextmanager
def _interruptible() -> Iterator[None]:
    """Handles signals as the command itself does."""
    # A scheduler sends SIGTERM before the signal by which submitit requeues; submitit lets it pass.
    numbers = [signal.SIGINT] if _is_submitted() else [signal.SIGINT, signal.SIGTERM]
    with _handling(numbers, interrupt):
        yield


@contextmanager
def _preemptible() -> Iterator[None]:
    """Ends a job like an interrupted one when submitit has requeued it because the machine is taken away.

    Raises:
        SystemExit: The one by which submitit ends the process.
    """
    number = getattr(signal, "SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2"))
    requeue: Any = signal.getsignal(number)
    if not (_is_submitted() and callable(requeue)):
        yield
        return
    ends: list[SystemExit] = []

    def preempt(number: int, frame: FrameType | None) -> None:
        if ends:
            return  # The scheduler has sent the signal again.
        try:
            requeue(number, frame)
        except SystemExit as end:
            ends.append(end)
            note_interrupt("preempted, and requeued")
            raise KeyboardInterrupt from None

    with _handling([number], preempt):
        try:
            yield
        except KeyboardInterrupt:
            if not ends:
                raise
    if ends:
        raise ends[0]


def _is_submitted() -> bool:
    return "SUBMITIT_EXECUTOR" in os.environ


@contextmanager
def _handling(
    numbers: list[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may set handlers.
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if earlier is not None:  # None is a handler that was not set from Python, and cannot be restored.
                signal.signal(number, earlier)
