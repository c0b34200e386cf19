"""The Pareto front: what nothing else beats in both respects, and what noise leaves undecided about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runner.compare.intervals import ERROR_RATE, Values, finest_step, float32_rounding, row_intervals

ParetoStatus = Literal["on the front", "undecided", "dominated"]


COST_TOLERANCE = 0.01
"""Costs closer together than this share are the same: no file is chosen for 1 % of its size."""


_ENOUGH_SEEDS = 3
"""So many equal scores are no chance of a coarse score."""


@dataclass(frozen=True)
class Candidate:
    """Something that has a cost and a score, over seeds.

    Args:
        costs: By seed; less is better.
        scores: By seed.
        lost: Seeds whose runs failed. Its other seeds may look better than it is.
    """

    costs: Mapping[int, float]
    scores: Mapping[int, float]
    lost: frozenset[int] = frozenset()


def pareto_front(points: Sequence[tuple[float, float]], *, higher_is_better: bool = True) -> list[int]:
    """Finds the points that no other beats by scoring more at no more cost, or as much at less cost.

    Args:
        points: Each a cost, of which less is better, and a score.
        higher_is_better: Whether more of the score is better, as of accuracy; of loss less is.

    Returns:
        Indices of the front by rising cost. Of equal points all are in it.
    """
    sign = 1.0 if higher_is_better else -1.0
    ordered = sorted(range(len(points)), key=lambda index: (points[index][0], -sign * points[index][1]))
    front: list[int] = []
    for index in ordered:
        if (
            not front
            or sign * points[index][1] > sign * points[front[-1]][1]
            or points[index] == points[front[-1]]
        ):
            front.append(index)
    return front


def pareto_statuses(candidates: Sequence[Candidate], *, higher_is_better: bool = True) -> list[ParetoStatus]:
    """Classifies each candidate: on the front, dominated, or undecided because of noise.

    Differences are paired by seed. A candidate is on the front if it is shown against every other one that it
    costs less, by more than 1 %, or scores better: the 95 % interval of the difference leaves the contrary
    out. All of these must be shown, so that none needs a correction. It is dominated if one other is shown to
    score better and to cost no more, but for 1 %; one of several is enough, so that these intervals are
    corrected for their number (Bonferroni). It is also dominated if another one scores the same at every
    seed, of three at least, and costs less at every seed, by more than 1 %.

    Args:
        candidates: On one data set.
        higher_is_better: See `pareto_front`.

    Returns:
        One for each. A candidate that shares fewer than two seeds with another is undecided, unless a third
        one beats it.
    """
    seeds = sorted({seed for one in candidates for seed in (*one.costs, *one.scores)})
    sign = 1.0 if higher_is_better else -1.0
    scores = sign * _table([one.scores for one in candidates], seeds)
    costs = _table([one.costs for one in candidates], seeds)
    step = finest_step(scores[np.isfinite(scores)])
    return [_status(index, candidates, costs, scores, step) for index in range(len(candidates))]


def _status(
    index: int, candidates: Sequence[Candidate], costs: Values, scores: Values, step: float
) -> ParetoStatus:
    others = np.arange(len(candidates)) != index
    ahead, dearer = scores[others] - scores[index], costs[others] - costs[index]
    own = candidates[index]
    rivals = [one for one, is_other in zip(candidates, others, strict=True) if is_other]
    # What a candidate with failed runs scores at the other seeds speaks against it only.
    whole = np.array([not (own.lost & one.scores.keys()) for one in rivals], bool)
    others_whole = np.array([not (one.lost & own.scores.keys()) for one in rivals], bool)
    low, high = row_intervals(ahead, ERROR_RATE, step=step)
    cost_low, _ = row_intervals(dearer, ERROR_RATE)
    same = COST_TOLERANCE * abs(float(np.nanmean(costs[index])))
    if bool(np.all((cost_low > same) | ((high < 0) & whole))):
        return "on the front"
    known = np.isfinite(ahead) & np.isfinite(dearer)
    equal = (np.abs(ahead) <= float32_rounding(scores[np.isfinite(scores)])) & (dearer < -same)
    if bool(
        np.any((known.sum(axis=1) >= _ENOUGH_SEEDS) & np.all(equal | ~known, axis=1) & whole & others_whole)
    ):
        return "dominated"
    count = max(1, int(np.sum(cost_low <= same)))
    low, _ = row_intervals(ahead, ERROR_RATE / count, step=step)
    _, cost_high = row_intervals(dearer, ERROR_RATE / count)
    return "dominated" if bool(np.any((low > 0) & (cost_high <= same) & others_whole)) else "undecided"


def _table(values: Sequence[Mapping[int, float]], seeds: Sequence[int]) -> Values:
    """Returns `[candidates, seeds]`, NaN where a seed is missing."""
    return np.array([[own.get(seed, np.nan) for seed in seeds] for own in values], np.float64)
