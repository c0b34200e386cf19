"""The kinds of errors the runner raises, told apart by what the caller does about them."""

import difflib
from collections.abc import Iterable


class RunnerError(Exception):
    """Base of every error that the runner raises on purpose."""


class UserError(RunnerError):
    """The user's input is wrong: the command prints the message as it is and exits with status 2."""


class RunFailed(RunnerError):
    """The run itself failed (sparsity check, NaN loss, ...): it is logged as FAILED, exit status 1."""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """Suggests the allowed name nearest to a misspelled one.

    Args:
        found: What the user wrote.
        allowed: The names that would have been accepted.

    Returns:
        `" Did you mean 'x'?"`, to be put after a message, or `""` where nothing is near.
    """
    by_lowercase = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(found.lower(), by_lowercase, n=1)
    return f" Did you mean '{by_lowercase[near[0]]}'?" if near else ""
