"""The runner's errors, by what the caller does about them."""

import difflib
from collections.abc import Iterable


class RunnerError(Exception):
    """Base class of the runner's own errors."""


class UserError(RunnerError):
    """The user's input is wrong: the command prints the message as it is and exits with status 2."""


class RunFailed(RunnerError):
    """The run itself failed (sparsity check, NaN loss, ...): it is logged as FAILED, exit status 1."""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """Suggests the allowed name nearest to a misspelled one.

    Args:
        found: The name that the user wrote.
        allowed: The allowed names.

    Returns:
        `" Did you mean 'x'?"`, the end of a message, or `""` where no name is near.
    """
    by_lowercase = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(found.lower(), by_lowercase, n=1)
    return f" Did you mean '{by_lowercase[near[0]]}'?" if near else ""
