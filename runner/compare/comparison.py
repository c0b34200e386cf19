"""Groups of runs compared: which level of each factor is better, as far as that may be said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from runner.compare.contrasts import Cell, Contrast, Dependence, contrasts
from runner.compare.effects import Effect
from runner.compare.factors import Factor
from runner.compare.fairness import Fairness, Kind, Refusal, judge, lost_words
from runner.compare.groups import Group, Grouped
from runner.compare.score import Score
from runner.compare.statistics import Mean, mean_interval

_OF_SEEDS: frozenset[Kind] = frozenset({"seeds", "shared", "lost"})
"""What forbids to compare two groups for want of runs, though they may be compared else."""

OF_AXES: frozenset[Kind] = frozenset({"weights", "steps", "data"})
"""What a factor changes that is no matter of better or worse: the size, the training, the task."""


@dataclass(frozen=True)
class LostRuns:
    """Runs of a group that failed where the group it is compared with has results.

    Args:
        group: Its name.
        seeds: Theirs.
        words: Which, and to what they were lost, for readers.
    """

    group: str
    seeds: tuple[int, ...]
    words: str


@dataclass(frozen=True)
class Finding:
    """Two levels of a factor and what the runs tell of them.

    Args:
        contrast: Their differences, second minus first.
        score: What ranks them.
        lost: Of the first and of the second level, the runs that failed where the other has a result.
        lost_elsewhere: The same at settings that could not be compared for want of runs.
        refusals: Why they are not compared, or not everywhere; each kind once.
        bases: What the compared groups have in common.
        notes: What has to be said beside: what differs, what is not known.
    """

    contrast: Contrast
    score: Score
    lost: tuple[tuple[LostRuns, ...], tuple[LostRuns, ...]]
    lost_elsewhere: tuple[tuple[LostRuns, ...], tuple[LostRuns, ...]]
    refusals: tuple[Refusal, ...]
    bases: tuple[str, ...]
    notes: tuple[str, ...]

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
        return None if self.contrast.overall is None else self.better_by(self.contrast.overall)

    def better_by(self, effect: Effect) -> str | None:
        """Returns the level that is better, over all or at a level of another factor.

        Args:
            effect: One of the contrast's.
        """
        return self.level_ahead(effect.mean) if effect.shown and not self.forbidding(effect) else None

    def forbidding(self, effect: Effect) -> tuple[LostRuns, ...]:
        """Returns the failures for which the level that is ahead is not called better.

        Seeds are left out at all settings, so that what failed at one of them tells at each. A setting that
        could not be compared is missing from what is said over all, and from nothing else.

        Args:
            effect: One of the contrast's.
        """
        ahead = self.level_ahead(effect.mean)
        return self.lost_by(ahead) if effect is self.contrast.overall else self.lost[self._side(ahead)]

    def shown_from(self, dependence: Dependence) -> str | None:
        """Returns the level from which on one is better, as `Dependence` has it, and has lost no runs."""
        return self._unless_lost(dependence.shown_from(), dependence.effects[-1][1])

    def shown_up_to(self, dependence: Dependence) -> str | None:
        """Returns the level up to which one is better, as `Dependence` has it, and has lost no runs."""
        return self._unless_lost(dependence.shown_up_to(), dependence.effects[0][1])

    def _unless_lost(self, level: str | None, effect: Effect) -> str | None:
        return None if self.lost_by(self.level_ahead(effect.mean)) else level

    def level_ahead(self, difference: float) -> str:
        """Returns the level that a difference speaks for."""
        second = (difference > 0) == self.score.higher_is_better
        return self.contrast.second if second else self.contrast.first

    def lost_by(self, level: str) -> tuple[LostRuns, ...]:
        """Returns the runs that a level has lost, at any setting."""
        return self.lost[self._side(level)] + self.lost_elsewhere[self._side(level)]

    def _side(self, level: str) -> int:
        return 0 if level == self.contrast.first else 1


@dataclass(frozen=True)
class Comparison:
    """Groups of runs compared.

    Args:
        groups: In the order of the table.
        factors: What they differ in.
        findings: Every two levels of every factor.
        fairness: Whether two groups may be ranked, by their cells.
        notes: What a reader has to know beside: runs left out, data that stands in for other data.
    """

    groups: tuple[Group, ...]
    factors: tuple[Factor, ...]
    findings: tuple[Finding, ...]
    fairness: Mapping[tuple[Cell, Cell], Fairness]
    notes: tuple[str, ...] = ()

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """What ranks the groups, each of its kind: classifications and regressions may stand together."""
        return tuple(dict.fromkeys(group.score for group in self.groups))

    @cached_property
    def by_cell(self) -> Mapping[Cell, Group]:
        """The groups by their levels."""
        return {group.cell: group for group in self.groups}

    @property
    def ranked(self) -> tuple[Finding, ...]:
        """The findings of levels that may be ranked; empty where nothing could be compared fairly."""
        return tuple(finding for finding in self.findings if finding.ranked)

    def findings_of(self, factor: Factor) -> tuple[Finding, ...]:
        """Returns the findings of one factor."""
        return tuple(finding for finding in self.findings if finding.contrast.factor is factor)

    def is_axis(self, factor: Factor) -> bool:
        """Tells whether a factor changes size, training or data, so that none of its levels is better."""
        own = self.findings_of(factor)
        kinds = {refusal.kind for finding in own for refusal in finding.refusals}
        return not any(finding.ranked for finding in own) and bool(kinds & OF_AXES)

    def mean(self, group: Group) -> Mean | None:
        """Returns a group's mean score, None where it has none."""
        values = group.values(group.score.metric)
        return mean_interval(values) if values else None


def compare(grouped: Grouped, notes: Sequence[str] = (), *, by: Factor | None = None) -> Comparison:
    """Compares groups, factor by factor.

    Args:
        grouped: At least one group.
        notes: See `Comparison`.
        by: The only factor whose levels are compared; None is all.
    """
    by_cell = {group.cell: group for group in grouped.groups}
    fairness: dict[tuple[Cell, Cell], Fairness] = {}

    def fair(one: Cell, other: Cell) -> bool:
        fairness[one, other] = judge(by_cell[one], by_cell[other])
        return not fairness[one, other].refusals

    scores = {cell: _scores(group) for cell, group in by_cell.items()}
    found = contrasts(grouped.factors, scores, fair, by=by)
    findings = [_finding(contrast, grouped, by_cell, fairness) for contrast in found]
    return Comparison(grouped.groups, grouped.factors, tuple(findings), fairness, tuple(notes))


def _scores(group: Group) -> dict[int, float]:
    metric = group.score.metric
    return {result.seed: result.metrics[metric] for result in group.results if metric in result.metrics}


def _finding(
    contrast: Contrast,
    grouped: Grouped,
    by_cell: Mapping[Cell, Group],
    fairness: Mapping[tuple[Cell, Cell], Fairness],
) -> Finding:
    pairs = contrast.blocks or contrast.unfair
    lost = _lost(contrast.blocks, by_cell, fairness)
    unfair = [pair for pair in contrast.unfair if {own.kind for own in fairness[pair].refusals} <= _OF_SEEDS]
    elsewhere = _lost((*contrast.left_out, *unfair), by_cell, fairness)
    place = grouped.factors.index(contrast.factor)
    levels = contrast.first, contrast.second
    for failed in grouped.failed:
        if failed.cell[place] not in levels:
            continue
        side = levels.index(failed.cell[place])
        beside = by_cell.get((*failed.cell[:place], levels[1 - side], *failed.cell[place + 1 :]))
        seeds = tuple(seed for seed in failed.seeds if beside is not None and seed in beside.by_seed)
        if seeds:
            words = f"{failed.name} has no result ({failed.reason})"
            elsewhere[side].append(LostRuns(failed.name, seeds, words))
    refusals = {refusal.kind: refusal for pair in contrast.unfair for refusal in fairness[pair].refusals}
    return Finding(
        contrast,
        by_cell[pairs[0][0]].score if pairs else grouped.groups[0].score,
        (tuple(lost[0]), tuple(lost[1])),
        (tuple(elsewhere[0]), tuple(elsewhere[1])),
        tuple(refusals.values()),
        tuple(dict.fromkeys(fairness[pair].basis for pair in contrast.blocks)),
        tuple(dict.fromkeys(note for pair in pairs for note in fairness[pair].notes)),
    )


def _lost(
    pairs: Iterable[tuple[Cell, Cell]],
    by_cell: Mapping[Cell, Group],
    fairness: Mapping[tuple[Cell, Cell], Fairness],
) -> tuple[list[LostRuns], list[LostRuns]]:
    """Lists what the first and the second of each pair have lost."""
    lost: tuple[list[LostRuns], list[LostRuns]] = ([], [])
    for pair in pairs:
        for side, seeds in enumerate(fairness[pair].lost):
            if seeds:
                group = by_cell[pair[side]]
                lost[side].append(LostRuns(group.name, seeds, lost_words(group, seeds)))
    return lost
