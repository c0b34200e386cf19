"""Effects of a factor: paired differences between two of its levels, with the seed as the unit.

Runs of one seed share their first weights, the order of their data and whatever else the seed decides, at all
levels of all factors. So their differences are averaged within the seed first, and Student's t test looks at
one number per seed: it holds whatever the noise at each level, and however a seed favours one level over the
other. The price is that few seeds show only large effects.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, special, stats

from runner.compare.intervals import ERROR_RATE, Values, half_width, least_spread

OVERALL_SHARE = 0.5
"""The part of `ERROR_RATE` that overall differences take where those at single levels are reported too."""

POWER = 0.8


@dataclass(frozen=True)
class Effect:
    """A mean difference with an interval and a p-value that belong together.

    Args:
        mean: Second level minus first.
        low: The lower end of its interval, which holds together with all others of its family in 95 % of
            families.
        high: The upper end.
        p: Two-sided, corrected for the same family, in [0, 1]: below 0.05 where the interval leaves 0 out.
        seeds: How many seeds it rests on, two at least.
        spread: Standard deviation over seeds.
        error_rate: The share of repetitions in which the interval misses.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int
    spread: float
    error_rate: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def effect(differences: Sequence[float] | Values, *, error_rate: float, step: float = 0.0) -> Effect:
    """Estimates a mean difference from one number per seed by Student's t.

    Args:
        differences: Second minus first, `[seeds]`, two at least; each may be a mean over blocks.
        error_rate: What this interval may take of `ERROR_RATE`, in (0, 0.05].
        step: The finest step in which the differences are measured; see `least_spread`.

    Raises:
        ValueError: There are fewer than two seeds.
    """
    values = np.asarray(differences, dtype=np.float64)
    seeds = len(values)
    if seeds < 2:
        raise ValueError(f"an effect needs two seeds or more, not {seeds}")
    mean = float(values.mean())
    spread = max(float(values.std(ddof=1)), least_spread(step))
    if spread == 0.0:
        certain = 1.0 if mean == 0.0 else 0.0
        return Effect(mean, mean, mean, certain, seeds, 0.0, error_rate)
    error = spread / math.sqrt(seeds)
    reach = float(half_width(spread, seeds, error_rate))
    # The same numbers as scipy.stats.t's, a hundred times as fast: an experiment has thousands of pairs.
    p = 2 * float(special.stdtr(seeds - 1, -abs(mean) / error)) * ERROR_RATE / error_rate
    return Effect(mean, mean - reach, mean + reach, min(1.0, p), seeds, spread, error_rate)


def detectable(found: Effect) -> float | None:
    """Returns how large a true difference would have to be to be shown four times in five.

    Args:
        found: Gives the spread, which is taken for the true one, the number of seeds and the error rate.

    Returns:
        The size at which the test has a power of 80 %; None where nothing differs at all.
    """
    if found.spread == 0.0:
        return None
    return _detectable_shift(found.seeds, found.error_rate) * found.spread / math.sqrt(found.seeds)


def trend(differences: Values, *, step: float = 0.0) -> float:
    """Tests whether differences rise or fall along ordered levels.

    Args:
        differences: `[seeds, levels]`, two of each at least, levels in order.
        step: As in `effect`, of each difference.

    Returns:
        The two-sided p-value of the mean over seeds of each seed's linear contrast in the levels' ranks.
    """
    levels = differences.shape[1]
    return _contrast(differences, np.arange(levels) - (levels - 1) / 2, step)


def heterogeneity(differences: Values, *, step: float = 0.0) -> float:
    """Tests whether differences depend on levels that have no order.

    Args:
        differences: `[seeds, levels]`, two of each at least.
        step: As in `effect`, of each difference.

    Returns:
        The smallest two-sided p-value of the levels' deviations from their seed's mean, times their number
        (Bonferroni).
    """
    levels = differences.shape[1]
    deviations = np.eye(levels) - 1 / levels
    tests = levels if levels > 2 else 1  # Of two, one is the other's negative.
    return min(1.0, tests * min(_contrast(differences, row, step) for row in deviations))


def _contrast(differences: Values, coefficients: Values, step: float) -> float:
    """Returns the p-value of a weighted sum of each seed's differences, before any correction."""
    rounding = step * float(np.sqrt((coefficients**2).sum()))
    return effect(differences @ coefficients, error_rate=ERROR_RATE, step=rounding).p


@cache
def _detectable_shift(seeds: int, error_rate: float) -> float:
    """Solves for the noncentrality at which the t test has the power wanted."""
    critical = float(special.stdtrit(seeds - 1, 1 - error_rate / 2))

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(critical, seeds - 1, shift)) - POWER

    return float(optimize.brentq(lacking, 0.0, 3 * critical + 3))
