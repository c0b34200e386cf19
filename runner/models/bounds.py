"""Bounds on the weights, the memory and the time that building a model takes.

A few bytes of a configuration, or a typing error, can ask for any size. The bounds on memory and time are the
operating system's, set for the process while it loads; they are far above what an honest file takes and catch
what no other check has foreseen.
"""

import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import tensorflow as tf

from runner.models.loop_limits import loops_limited
from runner.models.refused import ModelRefused, ModelTooLarge
from runner.process.memory import gigabytes, total_memory

# Of float32: the value, its gradient, and the two moments of Adam.
_BYTES_TO_TRAIN = 16
# Numbers that are not in a file: the seeds of random layers and other state.
_OTHER_NUMBERS = 2**20
_BYTES, _BYTES_PER_NUMBER = 5 * 2**27, 32
_SECONDS, _SECONDS_PER_CALL, _SECONDS_PER_NUMBER = 60.0, 0.5, 2e-6
_STATUS = Path("/proc/self/status")


@contextmanager
def loading_limited(numbers: int, calls: int) -> Iterator[None]:
    """Limits what building a saved model may take.

    Args:
        numbers: How many numbers the model's file holds.
        calls: How many calls of layers building the model takes.

    Raises:
        ModelRefused: Its layers ask for more weights than are in the file.
        ModelTooLarge: Building it takes too long, or a loop of tf-keras has too many steps.
        MemoryError: Building it takes too much memory. A library may raise another error instead.
    """

    def check(made: int) -> None:
        if made > numbers + _OTHER_NUMBERS:
            raise ModelRefused(
                f"its layers ask for more weights than the {numbers:,} numbers that are in the file"
            )

    with (
        memory_limited(numbers),
        time_limited(numbers, calls),
        loops_limited(numbers),
        _counting(check, state=True),
    ):
        yield


@contextmanager
def weights_limited(memory: int | None = None) -> Iterator[None]:
    """Limits the weights of a model to those that can be trained on this machine.

    Args:
        memory: Size of the memory in bytes; by default this machine's.

    Raises:
        ModelTooLarge: At the first weight too many, before it is allocated.
    """
    available = total_memory() if memory is None else memory

    def check(made: int) -> None:
        if made * _BYTES_TO_TRAIN > available:
            raise ModelTooLarge(
                f"it has {made:,} weights or more, which take {gigabytes(made * _BYTES_TO_TRAIN)} to train;"
                f" this machine has {gigabytes(available)}"
            )

    with _counting(check, state=False):
        yield


@contextmanager
def memory_limited(numbers: int) -> Iterator[None]:
    """Limits the memory that this process may add, on Linux only.

    Memory that can be written counts, so not what a GPU's driver reserves.

    Args:
        numbers: How many numbers the model's file holds.
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
    """Limits the processor time that loading a model may take; a busy machine changes nothing.

    Only the main thread can be stopped. With a GPU nothing is, since its first use may compile for minutes.

    Args:
        numbers: How many numbers the model's file holds.
        calls: How many calls of layers building the model takes.

    Raises:
        ModelTooLarge: It takes longer.
    """
    seconds = _SECONDS + calls * _SECONDS_PER_CALL + numbers * _SECONDS_PER_NUMBER
    if threading.current_thread() is not threading.main_thread() or tf.config.list_physical_devices("GPU"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise ModelTooLarge(
            f"building it has taken {seconds:,.0f} s, far more than a model of its size should"
        )

    before = signal.signal(signal.SIGVTALRM, stop)
    # Once more each second: code that the error meets may swallow it.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _counting(check: Callable[[int], None], *, state: bool) -> Iterator[None]:
    """Calls `check` with the numbers in all variables so far, before each variable is allocated.

    With `state`, variables count too that have a value in place of a shape: counters and seeds of Keras.
    """
    made = 0

    def make(next_creator: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal made
        shape = arguments.get("shape")
        if shape is None and state:
            shape = getattr(arguments.get("initial_value"), "shape", ())
        if shape is not None:
            made += prod(size or 0 for size in tf.TensorShape(shape).as_list())
        check(made)
        return next_creator(**arguments)

    with tf.variable_creator_scope(make):
        yield


def _taken() -> int:
    """Returns the bytes of this process's memory that can be written; 0 where the system does not say."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
