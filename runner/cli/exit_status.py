"""Runs an action, reports its error to the user, and gives the exit status."""

import os
from collections.abc import Callable

from runner.process.command import tell
from runner.process.interruption import stop_if_interrupted

# TensorFlow's native libraries read these when they are loaded; values that the user has set stay.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def quiet_libraries() -> None:
    """Sets the environment variables that keep native libraries from printing."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def status_of(action: Callable[[], None], *, debug: bool, hydra_exits: bool = False) -> int:
    """Runs an action and reports its error, if it raises one.

    Args:
        action: What to run.
        debug: Show the traceback of an error.
        hydra_exits: Whether a SystemExit is Hydra's own way to end. Elsewhere a plugin has raised it, and the
            action has failed.

    Returns:
        The exit status.
    """
    try:
        action()
    except BaseException as error:
        if hydra_exits and isinstance(error, SystemExit):
            # Its argument parser exits with 2, other parts of it with 1 for what is wrong input as well.
            return 2 if error.code == 1 else int(error.code or 0)
        return _report(error, debug=debug)
    return 0


def _report(error: BaseException, *, debug: bool) -> int:
    stop_if_interrupted()  # It may tear the imports below apart.

    from runner.cli.override_errors import explain
    from runner.cli.sweep_check import SweepRefused

    if isinstance(error, SweepRefused) and error.__cause__ is not None:
        error = error.__cause__
    return tell(error, debug=debug, explain=explain)
