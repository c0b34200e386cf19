r"""The patterns by which recipes name layers: globs, or regular expressions after `re:`.

RE2 matches both in time that is linear in the name, whatever the pattern; Python's own engine takes
exponential time for `(\w+)+!`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import re2

from runner.process.wording import shown

_LONGEST = 1_000
_OF_PYTHON = re.compile(r"\(\?(?:<?[=!]|>|\(|P=)|(?:^|[^\\])(?:\\\\)*\\[1-9]|[*+?}]\+")


def fits(pattern: str, name: str) -> bool:
    """Tells whether a glob, or a regular expression after `re:`, matches the whole name."""
    return _compiled(pattern).fullmatch(name) is not None


def fits_any(patterns: Iterable[str], name: str) -> bool:
    """Tells whether one of the patterns matches the whole name."""
    return any(fits(pattern, name) for pattern in patterns)


def plain(pattern: str) -> str:
    """Takes from a pattern what makes it one, so that it can be compared with names."""
    return re.sub(r"[*?\[\]^$\\]", "", pattern.removeprefix("re:"))


def pattern_problem(patterns: Iterable[str]) -> str | None:
    """Says which pattern cannot be used, as the rest of "<key> ..."."""
    for pattern in patterns:
        if len(pattern) > _LONGEST:
            return (
                f"has a pattern of {len(pattern):,} characters; {_LONGEST:,} are the most: {shown(pattern)}"
            )
        try:
            _compiled(pattern)
        except re2.error as error:
            text = f"has {shown(pattern)}, which is no regular expression: {_reason(error)}"
            if _OF_PYTHON.search(pattern):
                text += (
                    "; lookaround, references to groups, and atomic or possessive parts are not known here:"
                    " patterns are matched in linear time. ignore: takes what shall not match"
                )
            return text
    return None


def _reason(error: Exception) -> str:
    text = error.args[0] if error.args else error
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # It would write to the terminal by itself.
    if not pattern.startswith("re:"):
        options.dot_nl = True
        return re2.compile(_of_glob(pattern), options)
    return re2.compile(pattern.removeprefix("re:"), options)


def _of_glob(glob: str) -> str:
    """Writes a glob as a regular expression, read as Python's `fnmatch` reads it."""
    written: list[str] = []
    index = 0
    while index < len(glob):
        sign = glob[index]
        # A bracket that stands first in a set belongs to it.
        first = index + 2 if glob[index + 1 : index + 2] == "!" else index + 1
        closing = glob.find("]", first + 1) if sign == "[" else -1
        if sign == "*":
            written += [] if written[-1:] == [".*"] else [".*"]
        elif sign == "?":
            written.append(".")
        elif closing > 0:
            written.append(_of_set(glob[index + 1 : closing]))
            index = closing
        else:
            written.append(re2.escape(sign))
        index += 1
    return "".join(written)


def _of_set(inner: str) -> str:
    negated = inner.startswith("!")
    ranges = re.findall(r".-.|.", inner[1:] if negated else inner, re.DOTALL)
    # A range that runs backwards holds nothing.
    kept = [each for each in ranges if len(each) == 1 or each[0] <= each[2]]
    if not kept:
        return "." if negated else r"[^\x00-\x{10FFFF}]"
    signs = (
        "-".join(map(re2.escape, each.split("-"))) if len(each) == 3 else re2.escape(each) for each in kept
    )
    return f"[{'^' if negated else ''}{''.join(signs)}]"
