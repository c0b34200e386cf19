"""A process of its own for calls that may crash or never end, as those of TensorFlow's C++ code may."""

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

# To begin is to import TensorFlow, which takes 4 s, and many times that on a busy machine.
_STARTUP_SECONDS = 300.0
_SIGN_EVERY_SECONDS = 0.5
_MOST_WORDS = 2000
_PR_SET_PDEATHSIG = 1
_ALIVE, _RETURNED, _RAISED = "alive", "returned", "raised"


class ChildFailed(RunnerError):
    """A call in a child process did not return; the message says why in the words of what was called.

    Args:
        words: Why.
        said: What was written to standard output and error meanwhile.
    """

    def __init__(self, words: str, said: str = "") -> None:
        self.words, self.said = words, said
        super().__init__(words)


class ChildDied(ChildFailed):
    """The process ended during the call, by a signal or by itself."""


class ChildHung(ChildFailed):
    """Nothing was heard of the call for too long, and its process was ended."""


@dataclass
class _Running:
    """A process, the line to it, and the file that it writes its words to."""

    process: subprocess.Popen[bytes]
    connection: Connection
    said: IO[bytes] = field(repr=False)
    ready: bool = False
    call_began_at: int = 0

    def begin_call(self) -> None:
        """Lets `words` count from here."""
        self.call_began_at = self._size()

    def words(self) -> str:
        """Returns the end of what the process wrote since the call began."""
        size = self._size()
        begin = max(self.call_began_at, size - _MOST_WORDS)
        said = os.pread(self.said.fileno(), size - begin, begin).decode("utf-8", "replace")
        return (said if begin == self.call_began_at else said.partition("\n")[2]).strip()

    def _size(self) -> int:
        return os.fstat(self.said.fileno()).st_size


class Child:
    """A child process that is called like a function.

    It is started by `start` or the first call, and anew by the first call after it ended. It does not outlive
    the process that it belongs to: at once on Linux, elsewhere when its call is done. Ctrl-C is left to that
    process.

    Args:
        preload: Modules that it imports before its first call, so that starting early pays.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self.preload = tuple(preload)
        self._running: _Running | None = None

    @property
    def pid(self) -> int | None:
        """The process's number; None while there is none."""
        return None if self._running is None else self._running.process.pid

    def start(self) -> None:
        """Begins to start the process, unless it runs, and returns at once."""
        self._started()

    def call(self, function: Callable[..., Any], *arguments: Any, patience: float = 600.0) -> Any:
        """Calls a function in the child and waits for what it returns.

        Args:
            function: A module's function, found by its name in the child. It gets `alive=`, a function to be
                called as a sign of life.
            arguments: Its positional arguments; they and the result are pickled.
            patience: How many seconds it may go on without a sign of life.

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
            status, said = running.process.wait(), running.words()
            self.close()
            raise ChildDied(_ending(status), said) from error
        except TimeoutError as error:
            said = running.words()
            self.close()
            raise ChildHung(f"gave no sign of life for {patience:g} s and was ended", said) from error
        except BaseException:
            # Its answer would be taken for that to the next call.
            self.close()
            raise
        if answered != _RETURNED:
            raise ChildFailed(value, running.words())
        return value

    def close(self) -> None:
        """Ends the process, whatever it does; a later call starts another."""
        if self._running is not None:
            running, self._running = self._running, None
            running.connection.close()
            running.process.kill()
            running.process.wait()
            running.said.close()

    def _started(self) -> _Running:
        if self._running is not None and self._running.process.poll() is not None:
            self.close()  # Something ended it while it had nothing to do.
        if self._running is None:
            self._running = self._start()
        return self._running

    def _start(self) -> _Running:
        said = tempfile.TemporaryFile()  # noqa: SIM115
        own, its = Pipe()
        # It finds the modules that this process finds, and computes on the CPU.
        paths = os.pathsep.join(map(os.path.abspath, sys.path))
        with its:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(its.fileno()), str(os.getpid()), *self.preload],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
            )
        return _Running(process, own, said)


def shared_child() -> Child:
    """Returns the one child with TensorFlow in it that the runs of this process take turns at.

    It is kept from one job of a sweep to the next, and ends with this process.
    """
    return _child_of(os.getpid())


@functools.cache
def _child_of(pid: int) -> Child:
    """A fork has the parent's objects, and may not talk to its child."""
    child = Child(("tensorflow",))
    atexit.register(child.close)
    return child


def _answer(running: _Running, patience: float) -> tuple[str, Any]:
    while True:
        if not running.connection.poll(patience if running.ready else max(patience, _STARTUP_SECONDS)):
            raise TimeoutError
        kind, value = running.connection.recv()
        if not running.ready:
            # What was said while it started concerns no call.
            running.ready = True
            running.begin_call()
        if kind != _ALIVE:
            return kind, value


def _ending(status: int) -> str:
    """Says how a process ended."""
    if status >= 0:
        return f"ended its process with exit status {status}"
    number = -status
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    meaning = signal.strsignal(number)
    told = f"ended its process by {name}" + (f" ({meaning})" if meaning else "")
    return told + (", which is how Linux ends what takes too much memory" if name == "SIGKILL" else "")


def _serve(descriptor: int, parent: int, preload: Sequence[str]) -> None:
    """Answers calls until the parent has no more."""
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
    """Makes the kernel end this process when its parent does, where it can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
