"""The arguments of the command before Hydra reads them: put in order, and none that it would choke on."""

import re
from collections.abc import Sequence

from runner.process.errors import UserError
from runner.process.wording import hidden_character, shown

_LONGEST = 65_536
_DEEPEST = 32
_MOST_DIGITS = 400


def arranged(arguments: Sequence[str]) -> list[str]:
    """Puts options before overrides, wherever they were given: Hydra's parser takes no override after one.

    Args:
        arguments: As they were given, such as `["recipe=a,b", "--multirun", "seed=1,2"]`.

    Raises:
        SystemExit: An option is unknown; the usage has been printed.
    """
    from hydra._internal.utils import get_args_parser

    overrides: list[str] = get_args_parser().parse_intermixed_args(list(arguments)).overrides
    left = list(overrides)
    options = []
    for argument in arguments:
        if argument in left:
            left.remove(argument)
        else:
            options.append(argument)
    return [*options, *overrides]


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
