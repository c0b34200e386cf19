"""Refuses arguments that Hydra's parser would need too long for, or could not show."""

import re
from collections.abc import Sequence

from runner.process.errors import UserError
from runner.process.wording import hidden_character, shown

_LONGEST = 65_536
_DEEPEST = 32
_MOST_DIGITS = 400


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuses arguments that nobody means.

    Raises:
        UserError: One holds a control character, nests too deep, or is too long to be read.
    """
    for argument in arguments:
        if problem := _problem(argument):
            raise UserError(f"{shown(argument)}: {problem}")


def _problem(argument: str) -> str | None:
    if len(argument) > _LONGEST:
        return f"an argument has at most {_LONGEST:,} characters; this one has {len(argument):,}"
    if hidden := hidden_character(argument):
        return f"the argument holds the control character {hidden}"
    key, _, value = argument.partition("=")
    if key.count(".") > _DEEPEST or _depth(value) > _DEEPEST:
        return f"the argument nests deeper than {_DEEPEST} levels"
    if found := re.search(rf"\d{{{_MOST_DIGITS},}}", value):
        return f"the argument holds a number of {len(found[0]):,} digits"
    return None


def _depth(value: str) -> int:
    deepest = depth = 0
    for sign in value:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    return deepest
