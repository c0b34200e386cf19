"""Groups set side by side: every pair judged, tested and put into words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from runner.compare.fairness import Fairness, judge
from runner.compare.groups import Group
from runner.compare.score import Score
from runner.compare.statistics import Difference, Mean, holm, mean_interval, paired_differences

SIGNIFICANCE = 0.05


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

    Groups that lost seeds are ranked by the rule of `runner.compare.fairness`.
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

    @property
    def score(self) -> Score:
        """What ranks them, where they have the same; else the first one's."""
        return self.first.score

    @property
    def better(self) -> Group | None:
        """The group that is better beyond noise; None where neither is shown to be."""
        ahead = self._ahead
        return ahead if ahead is None or not self._lost_by(ahead) else None

    @property
    def held_back(self) -> Group | None:
        """The group that is ahead beyond noise, but may be so because it lost seeds; None where none is."""
        ahead = self._ahead
        return ahead if ahead is not None and self._lost_by(ahead) else None

    @property
    def _ahead(self) -> Group | None:
        if not self.beyond_noise or self.difference is None:
            return None
        return self.second if (self.difference.mean > 0) == self.score.higher_is_better else self.first

    def _lost_by(self, group: Group) -> tuple[int, ...]:
        return self.fairness.lost[0 if group is self.first else 1]


@dataclass(frozen=True)
class Comparison:
    """Recipes set side by side.

    Args:
        groups: In the order of the table.
        pairs: Every two groups, the ranked and the others.
        notes: What a reader has to know beside: runs left out, data that stands in for other data.
    """

    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """What ranks the groups, each of its kind: classifications and regressions may stand together."""
        return tuple(dict.fromkeys(group.score for group in self.groups))

    @cached_property
    def ranked(self) -> tuple[Pair, ...]:
        """The pairs that may be ranked; empty where nothing could be compared fairly."""
        return tuple(pair for pair in self.pairs if pair.ranked)

    def mean(self, group: Group) -> Mean | None:
        """Returns a group's mean score, None where it has none."""
        values = group.values(group.score.metric)
        return mean_interval(values) if values else None


def compare(groups: Sequence[Group], notes: Sequence[str] = ()) -> Comparison:
    """Sets groups side by side.

    Args:
        groups: At least one, in the order of the table.
        notes: See `Comparison`.
    """
    judged = [Pair(first, second, judge(first, second), None) for first, second in combinations(groups, 2)]
    judged, of_all = _told_once(judged)
    measured = [pair for pair in judged if len(pair.fairness.seeds) >= 2]
    differences = iter(paired_differences([_samples(pair) for pair in measured]))
    judged = [
        replace(pair, difference=next(differences)) if len(pair.fairness.seeds) >= 2 else pair
        for pair in judged
    ]
    corrected = iter(holm([pair.difference.p for pair in judged if pair.ranked and pair.difference]))
    pairs = [replace(pair, p=next(corrected)) if pair.ranked else pair for pair in judged]
    return Comparison(tuple(groups), tuple(pairs), (*notes, *of_all))


def _told_once(pairs: list[Pair]) -> tuple[list[Pair], list[str]]:
    """Takes from several pairs what is to be said of all of them, which one note says once."""
    every = [dict.fromkeys(pair.fairness.notes) for pair in pairs]
    if len(every) < 2 or not (shared := [note for note in every[0] if all(note in own for own in every)]):
        return pairs, []
    left = [
        replace(
            pair,
            fairness=replace(
                pair.fairness, notes=tuple(note for note in pair.fairness.notes if note not in shared)
            ),
        )
        for pair in pairs
    ]
    return left, [f"all recipes: {note}" for note in shared]


def _samples(pair: Pair) -> tuple[list[float], list[float]]:
    first, second = (
        [group.by_seed[seed].metrics[group.score.metric] for seed in pair.fairness.seeds]
        for group in (pair.first, pair.second)
    )
    return first, second
