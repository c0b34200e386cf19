"""Groups set side by side: every pair judged, tested and put into words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from runner.compare.fairness import Fairness, judge
from runner.compare.groups import Group
from runner.compare.result import ACCURACY, LOSS
from runner.compare.statistics import Difference, Mean, holm, mean_interval, paired_differences

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Score:
    """What ranks the groups.

    Args:
        metric: Its name in MLflow.
        name: In words.
        higher_is_better: False for a loss.
    """

    metric: str
    name: str
    higher_is_better: bool

    def number(self, value: float, *, signed: bool = False) -> str:
        """Writes a value, or with its sign a difference."""
        if self.higher_is_better:
            return f"{value:+.4f}" if signed else f"{value:.4f}"
        return f"{value:+.4g}" if signed else f"{value:.4g}"


TEST_ACCURACY = Score(ACCURACY, "test accuracy", higher_is_better=True)
TEST_LOSS = Score(LOSS, "test loss", higher_is_better=False)


@dataclass(frozen=True)
class Pair:
    """Two groups and what can be said of their difference.

    Args:
        first: The one named first.
        second: The other.
        fairness: Whether they are ranked.
        difference: Second minus first over the shared seeds; None with fewer than 2 of them. Of a pair that
            is not ranked it is a description only.
        p: After Holm's correction over all ranked pairs; None where they are not ranked.
    """

    first: Group
    second: Group
    fairness: Fairness
    difference: Difference | None
    p: float | None = None

    @property
    def ranked(self) -> bool:
        """Whether the two may be ranked."""
        return not self.fairness.refusals

    @property
    def beyond_noise(self) -> bool:
        """Whether they are ranked and differ by more than noise explains."""
        return self.p is not None and self.p < SIGNIFICANCE

    def better(self, score: Score) -> Group | None:
        """Returns the group that is better beyond noise, None where neither is shown to be."""
        if not self.beyond_noise or self.difference is None:
            return None
        return self.second if (self.difference.mean > 0) == score.higher_is_better else self.first


@dataclass(frozen=True)
class Comparison:
    """Recipes set side by side.

    Args:
        groups: In the order of the table.
        score: What ranks them.
        pairs: Every two groups, the ranked and the others.
        notes: What a reader has to know beside: runs left out, data that stands in for other data.
    """

    groups: tuple[Group, ...]
    score: Score
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def ranked(self) -> tuple[Pair, ...]:
        """The pairs that may be ranked; empty where nothing could be compared fairly."""
        return tuple(pair for pair in self.pairs if pair.ranked)

    def mean(self, group: Group) -> Mean | None:
        """Returns a group's mean score, None where it has none."""
        values = group.values(self.score.metric)
        return mean_interval(values) if values else None


def compare(groups: Sequence[Group], notes: Sequence[str] = ()) -> Comparison:
    """Sets groups side by side.

    Args:
        groups: At least one, in the order of the table.
        notes: See `Comparison`.

    Returns:
        Ranked by test accuracy where any run has it, else by test loss.
    """
    scored = any(group.values(ACCURACY) for group in groups)
    score = TEST_ACCURACY if scored else TEST_LOSS
    judged = [
        Pair(first, second, judge(first, second, score.metric), None)
        for first, second in combinations(groups, 2)
    ]
    measured = [pair for pair in judged if len(pair.fairness.seeds) >= 2]
    differences = iter(paired_differences([_samples(pair, score.metric) for pair in measured]))
    judged = [
        replace(pair, difference=next(differences)) if len(pair.fairness.seeds) >= 2 else pair
        for pair in judged
    ]
    corrected = iter(holm([pair.difference.p for pair in judged if pair.ranked and pair.difference]))
    pairs = [replace(pair, p=next(corrected)) if pair.ranked else pair for pair in judged]
    return Comparison(tuple(groups), score, tuple(pairs), tuple(notes))


def _samples(pair: Pair, metric: str) -> tuple[list[float], list[float]]:
    first, second = (
        [group.by_seed[seed].metrics[metric] for seed in pair.fairness.seeds]
        for group in (pair.first, pair.second)
    )
    return first, second
