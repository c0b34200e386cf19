"""The words in which a rule of pruning is written: m:n, axes, block poolings, importances.

m:n counts zeros: in 2:4 at least 2 of each group of 4 weights are zero.
"""

import re
import reprlib
from typing import Literal, get_args

Axis = Literal["input_channels", "flattened"]
"""What m:n groups run along: the input channels at one place of the window, or the whole row of a filter."""

AXES: tuple[Axis, ...] = get_args(Axis)
M_BY_N_AXES = ("auto", *AXES)
"""`auto` is `input_channels` where these are a multiple of n, else `flattened`."""

POOLINGS = ("AVG", "MAX")
"""A block's score: the average or the largest of its magnitudes."""

IMPORTANCES = ("magnitude", "random")
"""What ranks the weights."""

_TEXT = re.compile(r"\s*(\[)?\s*(\d{1,9})\s*(?(1),|[x:])\s*(\d{1,9})\s*(?(1)\])\s*")


def parse_m_by_n(value: object) -> tuple[int, int]:
    """Reads the m:n notation.

    Args:
        value: `2x4`, `2:4` or `[2, 4]` as text, or a list or tuple of two whole numbers.

    Returns:
        (m, n), 0 < m < n.

    Raises:
        ValueError: The value is something else. The message begins with "is", for a key to be put before it.
    """
    if isinstance(value, int | float):
        raise ValueError(_number_problem(value))
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        m, n = int(match[2]), int(match[3])
    elif isinstance(value, list | tuple) and len(value) == 2:
        m, n = (_whole(each) for each in value)
    else:
        found = reprlib.repr(value)
        raise ValueError(f'is {found}; write 2x4, "2:4" or [2, 4] for 2 zeros in each 4 weights')
    if problem := m_by_n_problem(m, n):
        raise ValueError(problem)
    return m, n


def m_by_n_problem(m: int, n: int) -> str | None:
    """Says why m and n make no pattern, in words that begin with "is"; None where they do."""
    if 0 < m < n:
        return None
    hint = f" Did you mean {n}x{m}?" if 0 < n < m else ""
    return f"is {m}x{n}, but of each group of n weights m are zero: 0 < m < n.{hint}"


def m_by_n_text(m: int, n: int) -> str:
    """Writes m:n as recipes do, `2x4`; the reverse of `parse_m_by_n`."""
    return f"{m}x{n}"


def m_by_n_label(m: int, n: int) -> str:
    """Writes m:n as tables do: `2:4 (2 of 4 zero)`."""
    return f"{m}:{n} ({m} of {n} zero)"


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError(f"is {reprlib.repr(value)}, but must be a whole number")
    return int(value)


def _number_problem(value: float) -> str:
    m, n = divmod(value, 60) if isinstance(value, int) else (2, 4)
    meant = f"{m}:{n}" if 0 < m < n else "2:4"
    found = f"is the number {value}: YAML reads an unquoted 2:4 as 124 (2 x 60 + 4) and 0x4 as 4"
    return f'{found}; quote it, "{meant}", or write {meant.replace(":", "x")}'
