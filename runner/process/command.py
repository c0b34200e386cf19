"""What every command has in common: Ctrl-C, errors as messages, the exit status."""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from runner.process.errors import RunFailed, RunnerError, UserError
from runner.process.interruption import interrupt, interrupted, stop_if_interrupted
from runner.process.unwritable import unwritable
from runner.process.wording import readable, visible


def run_command(answer: Callable[[list[str]], int]) -> None:
    """Runs the command that `sys.argv` holds and exits with its status.

    Args:
        answer: Does what the arguments ask for and returns the exit status.
    """
    # A process that was started to ignore Ctrl-C keeps ignoring it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    # SIGTERM, which schedulers and containers send, is handled like Ctrl-C.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)
    sys.unraisablehook = _report_lost
    try:
        status = answer(sys.argv[1:])
        stop_if_interrupted()
        sys.stdout.flush()
    except BaseException as error:
        # Code that an interrupt has broken off, such as an import, may raise any error afterwards.
        if interrupted(error):
            status = _end_interrupted()
        elif isinstance(error, BrokenPipeError):
            # The reader of our output has left (`runner --help | head -1`); Python would complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        else:
            raise
    sys.exit(status)


def _end_interrupted() -> int:
    """Prints that the command was interrupted, and returns the exit status."""
    # A second Ctrl-C must not break this off.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # An interrupt that went through an exec() (dataclasses use it) leaves a mark that makes Python die by
    # the signal at its end; the next exec() removes it, and the exit status is ours.
    exec("")
    print("\nInterrupted.", file=sys.stderr)
    return 130


def _report_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Reports an error that nothing can catch, such as one in a finalizer, unless it is interrupted."""
    if not interrupted():
        sys.__unraisablehook__(lost)


def tell(
    error: BaseException, *, debug: bool, explain: Callable[[BaseException], str | None] = lambda error: None
) -> int:
    """Prints an error for the user.

    Args:
        error: What was raised.
        debug: Print the traceback as well.
        explain: Returns the message of an error that is not the runner's own; None where it is a bug.

    Returns:
        The exit status: 1 the work failed, 2 the input is wrong.

    Raises:
        KeyboardInterrupt: The command is interrupted, whatever the error is.
        BrokenPipeError: The error is one; `run_command` knows what to do.
    """
    if interrupted(error):
        raise KeyboardInterrupt from error
    if isinstance(error, BrokenPipeError):
        raise error
    full = unwritable(error)
    if full is not None:
        error = RunFailed(full)
    message = str(error) if isinstance(error, RunnerError) else explain(error)
    if debug or message is None:
        print(visible("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    if message is None:
        print("This is a fault in the runner or in a plugin, not in the input.", file=sys.stderr)
        return 1
    print(readable(message), file=sys.stderr)
    return 1 if isinstance(error, RunnerError) and not isinstance(error, UserError) else 2
