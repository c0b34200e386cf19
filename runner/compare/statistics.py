"""Means, paired differences and their uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

CONFIDENCE = 0.95
POWER = 0.8

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


@dataclass(frozen=True)
class Difference:
    """A paired difference over shared seeds.

    Args:
        mean: Second minus first.
        count: How many pairs, at least 2.
        spread: Standard deviation of the differences; see `paired_differences` where they are equal.
        low: The lower end of the 95 % interval of the mean.
        high: The upper end.
        p: The two-sided p-value, in [0, 1].
        equal: Whether every pair differs by the same amount.
    """

    mean: float
    count: int
    spread: float
    low: float
    high: float
    p: float
    equal: bool = False


def mean_interval(values: Sequence[float]) -> Mean:
    """Averages values and gives the 95 % interval of Student's t.

    Args:
        values: Finite numbers, one per seed, at least one.
    """
    count, mean = len(values), math.fsum(values) / len(values)
    if count == 1:
        return Mean(mean, 1, None)
    if max(values) - min(values) <= _ROUNDING * max(map(abs, values)):
        return Mean(mean, count, 0.0)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    error = math.sqrt(variance / count)
    return Mean(mean, count, _t_quantile(0.5 + CONFIDENCE / 2, count - 1) * error)


def paired_differences(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[Difference]:
    """Tests, for each pair of samples, whether the second differs from the first: Student's paired t test.

    Where every difference is zero, so are mean and interval, and p is 1. Where all are equal but not zero the
    t test has no spread to measure them by, and to say p = 0 would turn the chance of a coarse score (an
    accuracy on few images) into certainty. Their spread is then that of rounding: the difference of two
    numbers rounded to multiples of `g` has the standard deviation `g / sqrt(6)`, with `g` the finest step
    between any two of the scores.

    Args:
        pairs: Each two samples of one length, at least 2, matched by position. Samples of all pairs may
            differ in length.

    Returns:
        The differences, in the order of the pairs.
    """
    found: dict[int, Difference] = {}
    for count in {len(first) for first, _ in pairs}:
        # One call for all pairs of a length: a thousand runs make ten thousands of pairs.
        chosen = [index for index, (first, _) in enumerate(pairs) if len(first) == count]
        firsts = np.array([pairs[index][0] for index in chosen], dtype=np.float64)
        seconds = np.array([pairs[index][1] for index in chosen], dtype=np.float64)
        found |= zip(chosen, _same_length(firsts, seconds), strict=True)
    return [found[index] for index in range(len(pairs))]


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for their number by Holm's step-down method.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).

    Returns:
        Adjusted p-values, in the order given.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def detectable(difference: Difference, tests: int = 1) -> float | None:
    """Says how large a true difference would have to be to be found four times in five.

    Args:
        difference: Gives the spread, which is taken for the true one, and the number of seeds.
        tests: How many tests share the 5 %: the hardest of Holm's steps is meant.

    Returns:
        The size at which the paired t test has a power of 80 %; None where nothing differs at all.
    """
    if difference.spread == 0.0:
        return None
    return _detectable_shift(difference.count, tests) * difference.spread / math.sqrt(difference.count)


@cache
def _detectable_shift(count: int, tests: int) -> float:
    """Solves for the noncentrality at which the t test has the power wanted."""
    critical = _t_quantile(1 - (1 - CONFIDENCE) / 2 / tests, count - 1)

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(critical, count - 1, shift)) - POWER

    return float(optimize.brentq(lacking, 0.0, 3 * critical + 3))


def _same_length(firsts: NDArray[np.float64], seconds: NDArray[np.float64]) -> list[Difference]:
    differences = seconds - firsts
    scales = np.maximum(np.abs(firsts), np.abs(seconds)).max(axis=1)
    equal = [_all_equal(row, scale) for row, scale in zip(differences, scales, strict=True)]
    varied = [index for index, one in enumerate(equal) if not one]
    results: dict[int, Difference] = {
        index: _of_equal(firsts[index], seconds[index], scales[index])
        for index in range(len(differences))
        if equal[index]
    }
    if varied:
        tested = stats.ttest_rel(seconds[varied], firsts[varied], axis=1)
        interval = tested.confidence_interval(CONFIDENCE)
        for place, index in enumerate(varied):
            row = differences[index]
            results[index] = Difference(
                mean=float(row.mean()),
                count=len(row),
                spread=float(row.std(ddof=1)),
                low=float(interval.low[place]),
                high=float(interval.high[place]),
                p=float(tested.pvalue[place]),
            )
    return [results[index] for index in range(len(differences))]


def _of_equal(first: NDArray[np.float64], second: NDArray[np.float64], scale: float) -> Difference:
    mean, count = float((second - first).mean()), len(first)
    if abs(mean) <= _ROUNDING * scale:
        return Difference(0.0, count, 0.0, 0.0, 0.0, 1.0, equal=True)
    gaps = np.diff(np.sort(np.concatenate([first, second])))
    spread = float(gaps[gaps > _ROUNDING * scale].min()) / math.sqrt(6)
    error = spread / math.sqrt(count)
    reach = _t_quantile(0.5 + CONFIDENCE / 2, count - 1) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, count - 1))
    return Difference(mean, count, spread, mean - reach, mean + reach, p, equal=True)


def _all_equal(values: NDArray[np.float64], scale: float) -> bool:
    return float(np.ptp(values)) <= _ROUNDING * scale


@cache
def _t_quantile(share: float, freedom: int) -> float:
    return float(stats.t.ppf(share, freedom))
