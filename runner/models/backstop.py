"""Limits to the memory and the time of loading a model, for what no other check has foreseen.

They are those of the operating system, set for the process while it loads. They are far above what a model
takes whose file is honest.
"""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import tensorflow as tf

from runner.models.refused import TooMuch

_BYTES, _BYTES_PER_NUMBER = 5 * 2**27, 32
_SECONDS, _SECONDS_PER_CALL, _SECONDS_PER_NUMBER = 60.0, 0.5, 2e-6
_STATUS = Path("/proc/self/status")


@contextmanager
def memory_limited(numbers: int) -> Iterator[None]:
    """Lets this process take no more memory than loading a model should need; only Linux counts it.

    What is counted is memory that can be written, so not what a GPU's driver sets aside.

    Args:
        numbers: That the model's file holds.

    Raises:
        MemoryError: Inside, or what a library makes of it.
    """
    taken = _taken()
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = taken + _BYTES + numbers * _BYTES_PER_NUMBER
    narrower = [one for one in (before, most) if one != resource.RLIM_INFINITY and one < limit]
    if not taken or narrower:
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


@contextmanager
def time_limited(numbers: int, calls: int) -> Iterator[None]:
    """Stops what computes far longer than loading a model should take.

    Processor time counts, so that a busy machine changes nothing. Only a main thread can be stopped; and with
    a GPU nothing is, since its first use may compile for minutes.

    Args:
        numbers: That the model's file holds.
        calls: Of layers, that building the model takes.

    Raises:
        TooMuch: Inside.
    """
    seconds = _SECONDS + calls * _SECONDS_PER_CALL + numbers * _SECONDS_PER_NUMBER
    if threading.current_thread() is not threading.main_thread() or tf.config.list_physical_devices("GPU"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooMuch(f"building it has taken {seconds:,.0f} s, far more than a model of its size should")

    before = signal.signal(signal.SIGVTALRM, stop)
    # Once more each second: what is raised may meet code that swallows it.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _taken() -> int:
    """Returns the bytes of memory that can be written and are this process's; 0 where none can tell."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
