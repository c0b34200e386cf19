"""Errors that Hydra's launchers and its Optuna sweeper raise, told apart by what they leave visible.

Both are plugins without error classes of their own. An upgrade that changes the text or the package's name
shows in the tests of sweeps with these plugins: the error would be reported as a fault of the runner.
"""

import traceback

from runner.process.errors import RunFailed, RunnerError

_PLUGINS = "hydra_plugins"
_WITHOUT_TRIALS = "No trials are completed"


def is_without_trials(error: BaseException | None) -> bool:
    """Tells whether Optuna complains that no trial of a search has a result."""
    return isinstance(error, ValueError) and str(error).startswith(_WITHOUT_TRIALS)


def launcher_failure(error: BaseException, engine: str) -> BaseException:
    """Returns an error that a launcher's plugin has raised as a failure of the sweep; any other as it is.

    Args:
        error: What ended the sweep.
        engine: The name of what starts the jobs.
    """
    frames = traceback.walk_tb(error.__traceback__)
    packages = {str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in frames}
    if not isinstance(error, Exception) or isinstance(error, RunnerError) or _PLUGINS not in packages:
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    failure = RunFailed(f"{engine} gave up: {type(error).__name__}: {' '.join(lines[:3])}")
    failure.__cause__ = error
    return failure
