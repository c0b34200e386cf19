"""Means over seeds and their uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

CONFIDENCE = 0.95

# Scores are measured in float32: what differs by less than its rounding does not differ.
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Args:
        value: The mean.
        count: Of how many values.
        half_width: The 95 % interval is `value` +- this; None for a single value.
    """

    value: float
    count: int
    half_width: float | None

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return None if self.half_width is None else self.value - self.half_width

    @property
    def high(self) -> float | None:
        """The upper end of the interval."""
        return None if self.half_width is None else self.value + self.half_width


def mean_interval(values: Sequence[float]) -> Mean:
    """Averages values and gives the 95 % interval of Student's t.

    Args:
        values: Finite numbers, one per seed, at least one.
    """
    # In units of a power of two near the largest, which loses no digit, squares do not overflow.
    unit = 2.0 ** (math.frexp(max(map(abs, values)))[1] - 1)
    count, scaled = len(values), [value / unit for value in values]
    mean = math.fsum(scaled) / count
    if count == 1:
        return Mean(unit * mean, 1, None)
    if max(scaled) - min(scaled) <= _ROUNDING * max(map(abs, scaled)):
        return Mean(unit * mean, count, 0.0)
    variance = math.fsum((value - mean) ** 2 for value in scaled) / (count - 1)
    error = math.sqrt(variance / count)
    return Mean(unit * mean, count, unit * _t_quantile(0.5 + CONFIDENCE / 2, count - 1) * error)


@cache
def _t_quantile(share: float, freedom: int) -> float:
    return float(special.stdtrit(freedom, share))
