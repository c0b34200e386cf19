"""Student's t intervals of means over seeds, and the steps in which scores are measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

ERROR_RATE = 0.05
"""The share of intervals, or of families of them, that miss what they estimate."""

Values = NDArray[np.float64]


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
    count, scaled = len(values), np.asarray(values, np.float64) / unit
    mean = unit * (math.fsum(scaled) / count)
    if count == 1:
        return Mean(mean, 1, None)
    if float(np.ptp(scaled)) <= float32_rounding(scaled):
        return Mean(mean, count, 0.0)
    return Mean(mean, count, unit * float(half_width(scaled.std(ddof=1), count, ERROR_RATE)))


def half_width(spread: Values | float, count: Values | int, error_rate: float) -> Values:
    """Returns half the width of the interval of a mean.

    Args:
        spread: Standard deviation over seeds.
        count: How many seeds, two at least.
        error_rate: The share of repetitions in which the interval may miss, in (0, 1).
    """
    quantile = special.stdtrit(np.asarray(count) - 1, 1 - error_rate / 2)
    return np.asarray(quantile * spread / np.sqrt(count), np.float64)


def row_intervals(values: Values, error_rate: float, *, step: float = 0.0) -> tuple[Values, Values]:
    """Returns the ends of the interval of each row's mean.

    Args:
        values: `[rows, seeds]`, NaN where there is none; of fewer than two numbers nothing is known.
        error_rate: See `half_width`.
        step: See `least_spread`.
    """
    known = np.isfinite(values)
    count = known.sum(axis=1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=1) / np.maximum(count, 1)
    squares = np.where(known, (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    spread = np.maximum(np.sqrt(squares / np.maximum(count - 1, 1)), least_spread(step))
    reach = half_width(spread, np.maximum(count, 2), error_rate)
    return np.where(count > 1, mean - reach, -np.inf), np.where(count > 1, mean + reach, np.inf)


def least_spread(step: float) -> float:
    """Returns the standard deviation of a difference that rounding alone gives.

    Seeds that agree by chance of a coarse score, such as an accuracy on few images, are no certainty.

    Args:
        step: The finest step in which scores are measured; 0 for none.
    """
    return step / math.sqrt(6)


def finest_step(scores: Values) -> float:
    """Returns the smallest difference between any two scores that is not the rounding of float32."""
    ordered = np.unique(scores)
    gaps = np.diff(ordered)
    real = gaps[gaps > float32_rounding(ordered)]
    return float(real.min()) if len(real) else 0.0


def float32_rounding(scores: Values) -> float:
    """Returns by how much scores may differ that are equal: they are measured in float32."""
    return 4 * float(np.finfo(np.float32).eps) * float(np.abs(scores).max(initial=0.0))
