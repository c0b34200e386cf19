"""A child process for calls that may crash or never end, as those into TensorFlow's C++ code may.

No process pool does what is needed here. loky has no timeout for a task that hangs. Pebble's timeout counts
from the start of a task and not from its last sign of life, so that the longest calibration would have to be
guessed. Neither captures what C++ code writes to standard error before a signal ends the process.
"""

import atexit
import contextlib
import ctypes
import functools
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import IO, Any

from runner.process.errors import RunnerError

# The start imports TensorFlow, which takes 4 s, and many times that on a busy machine.
_STARTUP_SECONDS = 300.0
_SIGN_EVERY_SECONDS = 0.5
_MOST_OUTPUT = 2000
_PR_SET_PDEATHSIG = 1
_ALIVE, _RETURNED, _RAISED = "alive", "returned", "raised"


class ChildFailed(RunnerError):
    """A call in a child process did not return.

    Args:
        reason: The message of the exception, or how the process ended.
        output: What the process wrote to standard output and error during the call.
    """

    def __init__(self, reason: str, output: str = "") -> None:
        self.reason, self.output = reason, output
        super().__init__(reason)


class ChildDied(ChildFailed):
    """The process ended during the call, by a signal or an exit."""


class ChildHung(ChildFailed):
    """The call gave no sign of life for too long, and its process was killed."""


@dataclass
class _Running:
    """A process, the connection to it, and the file that it writes its output to."""

    process: subprocess.Popen[bytes]
    connection: Connection
    file: IO[bytes] = field(repr=False)
    ready: bool = False
    call_began_at: int = 0

    def begin_call(self) -> None:
        """Marks where the output of the next call begins."""
        self.call_began_at = self._size()

    def output(self) -> str:
        """Returns the end of what the process has written since the call began."""
        size = self._size()
        begin = max(self.call_began_at, size - _MOST_OUTPUT)
        text = os.pread(self.file.fileno(), size - begin, begin).decode("utf-8", "replace")
        return (text if begin == self.call_began_at else text.partition("\n")[2]).strip()

    def _size(self) -> int:
        return os.fstat(self.file.fileno()).st_size


class Child:
    """A child process that is called like a function.

    `start` or the first call starts it, and the first call after it has ended starts another. When its parent
    ends, it ends too: at once on Linux, elsewhere when its call is done. It ignores Ctrl-C.

    Args:
        preload: Modules that it imports when it starts.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self.preload = tuple(preload)
        self._running: _Running | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return None if self._running is None else self._running.process.pid

    def start(self) -> None:
        """Starts the process, unless it is running, and returns at once."""
        self._started()

    def call(self, function: Callable[..., Any], *arguments: Any, patience: float = 600.0) -> Any:
        """Calls a function in the child and waits for what it returns.

        Args:
            function: A function of a module that the child can import. It gets `alive=`, a function to call
                as a sign of life.
            arguments: Its positional arguments; they and the result are pickled.
            patience: The longest time without a sign of life, in seconds.

        Raises:
            ChildFailed: The function raised; the message is the exception's.
            ChildDied: The process ended.
            ChildHung: It gave no sign of life for `patience` seconds.
        """
        request = pickle.dumps((function, arguments))
        running = self._started()
        running.begin_call()
        try:
            running.connection.send_bytes(request)
            answered, value = _answer(running, patience)
        except (EOFError, ConnectionError) as error:
            status, output = running.process.wait(), running.output()
            self.close()
            raise ChildDied(_ending(status), output) from error
        except TimeoutError as error:
            output = running.output()
            self.close()
            raise ChildHung(f"gave no sign of life for {patience:g} s and was ended", output) from error
        except BaseException:
            # The next call would read the answer to this one.
            self.close()
            raise
        if answered != _RETURNED:
            raise ChildFailed(value, running.output())
        return value

    def close(self) -> None:
        """Kills the process; a later call starts another."""
        if self._running is not None:
            running, self._running = self._running, None
            running.connection.close()
            running.process.kill()
            running.process.wait()
            running.file.close()

    def _started(self) -> _Running:
        if self._running is not None and self._running.process.poll() is not None:
            self.close()  # It was killed between two calls.
        if self._running is None:
            self._running = self._start()
        return self._running

    def _start(self) -> _Running:
        output = tempfile.TemporaryFile()  # noqa: SIM115
        own, its = Pipe()
        # It finds the modules that this process finds, and computes on the CPU.
        paths = os.pathsep.join(map(os.path.abspath, sys.path))
        with its:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(its.fileno()), str(os.getpid()), *self.preload],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
            )
        return _Running(process, own, output)


def shared_child() -> Child:
    """Returns the child, with TensorFlow loaded, that all runs of this process share, one after the other."""
    return _child_of(os.getpid())


@functools.cache
def _child_of(pid: int) -> Child:
    """Keeps one child for each process id: a fork has its parent's objects, but must not use its child."""
    child = Child(("tensorflow",))
    atexit.register(child.close)
    return child


def _answer(running: _Running, patience: float) -> tuple[str, Any]:
    while True:
        if not running.connection.poll(patience if running.ready else max(patience, _STARTUP_SECONDS)):
            raise TimeoutError
        kind, value = running.connection.recv()
        if not running.ready:
            # What it wrote while it started belongs to no call.
            running.ready = True
            running.begin_call()
        if kind != _ALIVE:
            return kind, value


def _ending(status: int) -> str:
    """Returns how a process ended, in words."""
    if status >= 0:
        return f"ended its process with exit status {status}"
    number = -status
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    meaning = signal.strsignal(number)
    ending = f"ended its process by {name}" + (f" ({meaning})" if meaning else "")
    return ending + (", which is how Linux ends what takes too much memory" if name == "SIGKILL" else "")


def _serve(descriptor: int, parent: int, preload: Sequence[str]) -> None:
    """Answers calls until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(parent)
    for module in preload:
        importlib.import_module(module)
    connection = Connection(descriptor)
    connection.send((_ALIVE, None))
    last = time.monotonic()

    def alive() -> None:
        nonlocal last
        if time.monotonic() - last > _SIGN_EVERY_SECONDS:
            last = time.monotonic()
            connection.send((_ALIVE, None))

    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        try:
            function, arguments = pickle.loads(request)
            answer = _RETURNED, function(*arguments, alive=alive)
        except Exception as error:
            answer = _RAISED, str(error).strip() or type(error).__name__
        connection.send(answer)


def _end_with(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends, where the system supports it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
