"""Groups of runs compared: which level of each factor is better, as far as that may be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

from runner.compare.contrasts import Cell, Contrast, Dependence, LevelEffect, Pair, contrasts, pairs_of
from runner.compare.factors import Factor
from runner.compare.fairness import (
    Fairness,
    Refusal,
    RefusalKind,
    failed_words,
    judge,
    judge_failed,
    lost_words,
)
from runner.compare.groups import FailedGroup, Group, Grouped
from runner.compare.intervals import ERROR_RATE, Mean, mean_interval
from runner.compare.score import RankingScore

OF_AXES: frozenset[RefusalKind] = frozenset({"weights", "steps", "data"})
"""What a factor changes that is no matter of better or worse: the size, the training, the task."""

_AXES = frozenset({"sparsity", "epochs", "dense_epochs", "batch_size", "validation_split"})
"""Last words of keys that change one of these, however little it shows in a small layer or a short run."""


@dataclass(frozen=True)
class LostRuns:
    """Runs of a group that failed where the group it is compared with has results.

    Args:
        group: Its name.
        seeds: Theirs.
        words: Which, and to what they were lost, for readers.
        setting: The two cells.
    """

    group: str
    seeds: tuple[int, ...]
    words: str
    setting: Pair


@dataclass(frozen=True)
class LevelComparison:
    """Two levels of a factor and what the runs tell of them.

    Args:
        contrast: Their differences, second minus first.
        score: What ranks them.
        lost: Of the first and of the second level, the runs that failed where the other has a result.
        refusals: Why they are not compared, or not everywhere; each kind once.
        notes: What has to be said beside: what differs, what is not known.
    """

    contrast: Contrast
    score: RankingScore
    lost: tuple[tuple[LostRuns, ...], tuple[LostRuns, ...]]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]

    @property
    def levels(self) -> tuple[str, str]:
        """The two."""
        return self.contrast.first, self.contrast.second

    def other(self, level: str) -> str:
        """Returns the level that one is compared with."""
        return self.contrast.second if level == self.contrast.first else self.contrast.first

    @property
    def ranked(self) -> bool:
        """Whether the two may be ranked, somewhere at least."""
        return self.contrast.overall is not None

    @property
    def ahead(self) -> str | None:
        """The level whose mean over all is better beyond noise; None where neither is."""
        overall = self.contrast.overall
        return self.level_ahead(overall.mean) if overall is not None and overall.shown else None

    @property
    def better(self) -> str | None:
        """The level that is better over all: ahead beyond noise, and not by leaving out its failures."""
        return self.ahead if self.ahead is not None and not self.lost_by(self.ahead) else None

    def better_at(self, at: LevelEffect) -> str | None:
        """Returns the level that is better at a level of another factor: shown, and it lost no runs there.

        Args:
            at: One of the contrast's.
        """
        return self.level_ahead(at.effect.mean) if at.effect.shown and not self.forbidding(at) else None

    def forbidding(self, at: LevelEffect | None = None) -> tuple[LostRuns, ...]:
        """Returns the failures for which the level that is ahead is not called better.

        Args:
            at: One of the contrast's; None is over all.
        """
        effect = self.contrast.overall if at is None else at.effect
        if effect is None:
            return ()
        return self.lost_by(self.level_ahead(effect.mean), at)

    def depends(self, dependence: Dependence) -> Literal["shown", "not shown", "left open", "not tested"]:
        """Returns whether the difference is known to depend on another factor.

        It is left open where runs failed at the levels that are tested, since which ones are left decides by
        how much levels differ. That each of the two is better somewhere is shown all the same: neither has
        lost runs there.

        Args:
            dependence: One of the contrast's.
        """
        if len({self.better_at(at) for at in dependence.effects} - {None}) > 1:
            return "shown"
        if dependence.p is None:
            return "not tested"
        tested = {pair for at in dependence.effects if at.level in dependence.tested for pair in at.settings}
        if any(lost.setting in tested for own in self.lost for lost in own):
            return "left open"
        return "shown" if dependence.p < ERROR_RATE else "not shown"

    def shown_run(self, dependence: Dependence, *, top: bool) -> tuple[LevelEffect, ...]:
        """Returns the levels of a numeric factor at one end of those compared at which one level is better.

        Args:
            dependence: One of the contrast's.
            top: Whether at the upper end, else at the lower.

        Returns:
            Ascending, each next to the one before in the factor; empty where none is shown at that end.
        """
        if not dependence.factor.numeric:
            return ()
        compared = {at.level: at for at in dependence.effects}
        ordered = dependence.factor.levels[:: -1 if top else 1]
        run: list[LevelEffect] = []
        for level in ordered[next(index for index, level in enumerate(ordered) if level in compared) :]:
            at = compared.get(level)
            better = None if at is None else self.better_at(at)
            if at is None or better is None or (run and better != self.better_at(run[0])):
                break
            run.append(at)
        return tuple(run[:: -1 if top else 1])

    def level_ahead(self, difference: float) -> str:
        """Returns the level that a difference speaks for."""
        second = (difference > 0) == self.score.higher_is_better
        return self.contrast.second if second else self.contrast.first

    def lost_by(self, level: str, at: LevelEffect | None = None) -> tuple[LostRuns, ...]:
        """Returns the runs that a level has lost, at any setting or at one level of another factor.

        Args:
            level: One of the two.
            at: The other factor's level; None is any setting.
        """
        lost = self.lost[0 if level == self.contrast.first else 1]
        return lost if at is None else tuple(one for one in lost if one.setting in at.settings)


@dataclass(frozen=True)
class Comparison:
    """Groups of runs compared.

    Args:
        groups: In the order of the table.
        factors: What they differ in.
        axes: The factors that change size, training or data, so that none of their levels is better.
        findings: Every two levels of every factor.
        fairness: Whether two groups may be ranked, by their cells.
        notes: What a reader has to know beside: runs left out, data that stands in for other data.
    """

    groups: tuple[Group, ...]
    factors: tuple[Factor, ...]
    axes: tuple[Factor, ...]
    findings: tuple[LevelComparison, ...]
    fairness: Mapping[Pair, Fairness]
    notes: tuple[str, ...] = ()

    @cached_property
    def scores(self) -> tuple[RankingScore, ...]:
        """What ranks the groups, each of its kind: classifications and regressions may stand together."""
        return tuple(dict.fromkeys(group.score for group in self.groups))

    @cached_property
    def by_cell(self) -> Mapping[Cell, Group]:
        """The groups by their levels."""
        return {group.cell: group for group in self.groups}

    @property
    def ranked(self) -> tuple[LevelComparison, ...]:
        """The findings of levels that may be ranked; empty where nothing could be compared fairly."""
        return tuple(finding for finding in self.findings if finding.ranked)

    @cached_property
    def compared(self) -> tuple[Factor, ...]:
        """The factors whose levels are compared: all, or the one that was asked for."""
        return tuple(dict.fromkeys(finding.contrast.factor for finding in self.findings))

    @cached_property
    def main_factor(self) -> Factor | None:
        """The factor that the question and the answer are about: the first of which most is shown.

        None where no levels may be ranked.
        """
        ranked = [factor for factor in self.compared if self.ranked_of(factor)]
        return max(ranked, key=self._shown_of, default=None)

    def _shown_of(self, factor: Factor) -> int:
        own = self.ranked_of(factor)
        single = [
            (finding, at) for finding in own for one in finding.contrast.dependences for at in one.effects
        ]
        if any(finding.better for finding in own):
            return 3
        if any(finding.better_at(at) for finding, at in single):
            return 2
        return int(any(finding.ahead for finding in own) or any(at.effect.shown for _, at in single))

    def findings_of(self, factor: Factor) -> tuple[LevelComparison, ...]:
        """Returns the findings of one factor."""
        return tuple(finding for finding in self.findings if finding.contrast.factor == factor)

    def ranked_of(self, factor: Factor) -> tuple[LevelComparison, ...]:
        """Returns the findings of one factor whose levels may be ranked."""
        return tuple(finding for finding in self.findings_of(factor) if finding.ranked)

    def is_axis(self, factor: Factor) -> bool:
        """Returns whether a factor changes size, training or data, so that none of its levels is better."""
        return factor in self.axes

    def mean(self, group: Group) -> Mean | None:
        """Returns a group's mean score, None where it has none."""
        values = list(group.scores.values())
        return mean_interval(values) if values else None


def best_level(findings: Sequence[LevelComparison]) -> str:
    """Returns the level that is set against the others: unbeaten, better than most, else ahead in the mean.

    Args:
        findings: Of one factor and score, ranked; at least one.
    """
    levels = list(dict.fromkeys(level for finding in findings for level in finding.levels))
    beaten = {finding.other(finding.better) for finding in findings if finding.better is not None}

    def standing(level: str) -> tuple[bool, int, float]:
        own = [finding for finding in findings if level in finding.levels]
        wins = sum(finding.better == level for finding in own)
        gains = 0.0
        for finding in own:
            overall = finding.contrast.overall
            assert overall is not None, "ranked findings have one"
            gains += abs(overall.mean) * (1 if finding.level_ahead(overall.mean) == level else -1)
        return level not in beaten, wins, gains

    order = findings[0].contrast.factor.levels
    return max(sorted(levels, key=order.index), key=standing)


def compare(grouped: Grouped, notes: Sequence[str] = (), *, by: Factor | None = None) -> Comparison:
    """Compares groups, factor by factor.

    Args:
        grouped: At least one group.
        notes: See `Comparison`.
        by: The only factor whose levels are compared; None is all.
    """
    everyone: list[Group | FailedGroup] = [*grouped.groups, *grouped.failed]
    by_cell = {one.cell: one for one in everyone}
    pairs = {
        factor: [pair for two in combinations(factor.levels, 2) for pair in pairs_of(by_cell, place, *two)]
        for place, factor in enumerate(grouped.factors)
        # That a factor is an axis by its key needs no look at its runs.
        if by in (None, factor) or not _is_axis(factor, ())
    }
    fairness = {pair: _judge(by_cell[pair[0]], by_cell[pair[1]]) for own in pairs.values() for pair in own}
    axes = tuple(
        factor
        for factor in grouped.factors
        if _is_axis(factor, [fairness[pair] for pair in pairs.get(factor, ())])
    )
    along_axes = {pair for factor in axes for pair in pairs.get(factor, ())}
    found = contrasts(
        grouped.factors,
        {cell: one.scores if isinstance(one, Group) else {} for cell, one in by_cell.items()},
        lambda *pair: pair not in along_axes and not fairness[pair].refusals,
        by=by,
        measure=lambda cell: one.score if isinstance(one := by_cell[cell], Group) else None,
    )
    findings = tuple(_finding(contrast, grouped, by_cell, fairness) for contrast in found)
    return Comparison(grouped.groups, grouped.factors, axes, findings, fairness, tuple(notes))


def _judge(first: Group | FailedGroup, second: Group | FailedGroup) -> Fairness:
    if isinstance(first, Group) and isinstance(second, Group):
        return judge(first, second)
    return judge_failed(first, second)


def _is_axis(factor: Factor, pairs: Sequence[Fairness]) -> bool:
    """Returns whether a factor is an axis, by its key or by what its levels change.

    A numeric factor is one as soon as two of its levels differ in size, training or data: that others are
    close is no reason to call one of them better. A factor of names, such as recipes, is one where no two
    levels may be ranked: of several recipes one may be dense.
    """
    if factor.key.rpartition(".")[2] in _AXES:
        return True
    kinds = {refusal.kind for fairness in pairs for refusal in fairness.refusals}
    return bool(kinds & OF_AXES) and (factor.numeric or all(fairness.refusals for fairness in pairs))


def _finding(
    contrast: Contrast,
    grouped: Grouped,
    by_cell: Mapping[Cell, Group | FailedGroup],
    fairness: Mapping[Pair, Fairness],
) -> LevelComparison:
    pairs = (*contrast.blocks, *contrast.left_out) or contrast.unfair
    lost: tuple[list[LostRuns], list[LostRuns]] = ([], [])
    for pair in contrast.settings:
        for side, seeds in enumerate(fairness[pair].lost):
            if seeds:
                group = by_cell[pair[side]]
                words = failed_words(group) if isinstance(group, FailedGroup) else lost_words(group, seeds)
                lost[side].append(LostRuns(group.name, seeds, words, pair))
    refusals = {refusal.kind: refusal for pair in contrast.unfair for refusal in fairness[pair].refusals}
    scores = [one.score for pair in pairs for cell in pair if isinstance(one := by_cell[cell], Group)]
    return LevelComparison(
        contrast,
        scores[0] if scores else grouped.groups[0].score,
        (tuple(lost[0]), tuple(lost[1])),
        tuple(refusals.values()),
        tuple(dict.fromkeys(note for pair in pairs for note in fairness[pair].notes)),
    )
