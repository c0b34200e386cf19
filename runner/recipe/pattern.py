"""The patterns by which recipes name layers: globs, or regular expressions after `re:`."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from runner.recipe.section import shown


def fits(pattern: str, name: str) -> bool:
    """Tells whether a glob, or a regular expression after `re:`, matches the whole name."""
    if pattern.startswith("re:"):
        return re.fullmatch(pattern[3:], name) is not None
    return fnmatchcase(name, pattern)


def fits_any(patterns: Iterable[str], name: str) -> bool:
    """Tells whether one of the patterns matches the whole name."""
    return any(fits(pattern, name) for pattern in patterns)


def plain(pattern: str) -> str:
    """Takes from a pattern what makes it one, so that it can be compared with names."""
    return re.sub(r"[*?\[\]^$\\]", "", pattern.removeprefix("re:"))


def pattern_problem(patterns: Iterable[str]) -> str | None:
    """Says which pattern is no regular expression though it should be, as the rest of "<key> ..."."""
    for pattern in patterns:
        if pattern.startswith("re:"):
            try:
                re.compile(pattern.removeprefix("re:"))
            except re.error as error:
                return f"has {shown(pattern)}, which is no regular expression: {error}"
    return None
