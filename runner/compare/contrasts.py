"""Contrasts: two levels of a factor compared over all levels of the other factors."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from runner.compare.effects import OVERALL_SHARE, Effect, effect, heterogeneity, trend
from runner.compare.factors import ABSENT, Factor
from runner.compare.intervals import ERROR_RATE, Values, finest_step, float32_rounding

Cell = tuple[str, ...]
"""One level of each factor, in the order of the factors; the runs of a cell differ in their seed only."""

Pair = tuple[Cell, Cell]
"""Two cells that differ in the factor that is compared, and in no other that both have."""

Scores = Mapping[Cell, Mapping[int, float]]
"""The score of each seed in each cell."""

Fair = Callable[[Cell, Cell], bool]
"""Returns whether two cells may be ranked."""


@dataclass(frozen=True)
class LevelEffect:
    """The difference at one level of another factor, on all seeds that were run there.

    Args:
        level: The other factor's.
        effect: The mean difference.
        blocks: The pairs of cells that it is the mean of.
        settings: All pairs of cells at this level, compared or not.
    """

    level: str
    effect: Effect
    blocks: tuple[Pair, ...]
    settings: tuple[Pair, ...]


@dataclass(frozen=True)
class Dependence:
    """How a difference depends on another factor.

    Args:
        factor: The other factor.
        p: Of the test that the difference is the same at all of its levels, corrected for all such tests of
            the comparison; None where no two seeds were run at two levels or more.
        tested: The levels that the test is about: those that have the same seeds.
        effects: The difference at each level that could be compared, in order.
    """

    factor: Factor
    p: float | None
    tested: tuple[str, ...]
    effects: tuple[LevelEffect, ...]


@dataclass(frozen=True)
class Contrast:
    """Two levels of a factor, compared.

    Args:
        factor: The factor.
        first: One level.
        second: The other; differences are second minus first.
        blocks: The pairs of cells that were compared over all, `(first, second)`.
        seeds: The seeds that all of them share.
        overall: The difference over all blocks; None where no blocks could be compared.
        dependences: How it depends on each other factor that has two levels or more that may be compared.
        unfair: The pairs of cells that may not be ranked.
        left_out: The pairs that may, but lack seeds that the blocks have. They count at their own level of
            other factors, and not over all.
    """

    factor: Factor
    first: str
    second: str
    blocks: tuple[Pair, ...]
    seeds: tuple[int, ...]
    overall: Effect | None
    dependences: tuple[Dependence, ...]
    unfair: tuple[Pair, ...]
    left_out: tuple[Pair, ...] = ()

    @property
    def settings(self) -> tuple[Pair, ...]:
        """All pairs of cells, compared or not."""
        return (*self.blocks, *self.left_out, *self.unfair)


@dataclass(frozen=True)
class _Table:
    """The pairs of a contrast before anything is tested."""

    factor: Factor
    first: str
    second: str
    shared: Mapping[Pair, frozenset[int]]
    """The seeds of each pair that may be ranked."""
    unfair: tuple[Pair, ...]
    scores: Scores

    def rectangle(self, pairs: Iterable[Pair]) -> tuple[tuple[Pair, ...], tuple[int, ...]]:
        """Chooses pairs and the seeds that all of them have, such that many runs are compared."""
        own = {pair: self.shared[pair] for pair in pairs}
        seeds = _common_seeds(list(own.values()))
        blocks = tuple(pair for pair, has in own.items() if has >= seeds) if seeds else ()
        return blocks, tuple(sorted(seeds))

    def differences(self, blocks: Sequence[Pair], seeds: Sequence[int]) -> Values:
        """Returns second minus first, `[seeds, blocks]`; what float32 rounds away is no difference."""
        first, second = (
            np.array([[self.scores[pair[side]][seed] for pair in blocks] for seed in seeds], np.float64)
            for side in (0, 1)
        )
        values = second - first
        rounding = float32_rounding(np.stack([first, second]))
        return np.where(np.abs(values) <= rounding, 0.0, values)

    def step(self) -> float:
        """Returns the finest step of all scores that may be compared."""
        pairs = self.shared.items()
        return finest_step(
            np.array([self.scores[cell][seed] for pair, own in pairs for cell in pair for seed in own])
        )


@dataclass(frozen=True)
class _Levels:
    """The pairs of a contrast at each level of another factor, over contexts that all levels have."""

    factor: Factor
    blocks: Mapping[str, tuple[Pair, ...]]
    seeds: Mapping[str, tuple[int, ...]]
    settings: Mapping[str, tuple[Pair, ...]]
    tested: tuple[str, ...]
    """The levels that have seeds in common, two at least; empty where there are none."""
    values: Values
    """Of those the mean differences, `[seeds, levels]`."""
    contexts: int


def contrasts(
    factors: Sequence[Factor],
    scores: Scores,
    fair: Fair,
    *,
    by: Factor | None = None,
    measure: Callable[[Cell], object] = lambda cell: None,
) -> tuple[Contrast, ...]:
    """Compares every two levels of every factor over the levels of all others.

    All intervals and p-values of differences form one family: none of them misses in 95 % of families
    (Bonferroni). Overall differences share half of the 5 %, those at single levels of other factors the other
    half; all of it where there are none of these. The tests of dependence form a family of their own.

    Args:
        factors: What was varied.
        scores: What was measured. Cells may be missing, and seeds of cells; a cell without any seed failed.
        fair: Whether two cells may be ranked.
        by: The only factor whose levels are compared; None is all.
        measure: What the scores of a cell measure. Differences of unlike measures are not averaged: they are
            contrasts of their own.

    Returns:
        A contrast for every two levels of every factor (and measure), in order; those without an `overall`
        had no two cells that may be ranked and share two seeds.
    """
    tables = [
        table
        for place, factor in enumerate(factors)
        if by is None or factor is by
        for first, second in combinations(factor.levels, 2)
        for table in _tables(factors, place, first, second, scores, fair, measure)
    ]
    others = [_levels_of_others(factors, table) for table in tables]
    overall = [table.rectangle(table.shared) for table in tables]
    single = sum(len(one.blocks) for own in others for one in own)
    share = OVERALL_SHARE if single else 1.0
    rates = (
        ERROR_RATE * share / max(1, sum(bool(blocks) for blocks, _ in overall)),
        ERROR_RATE * (1 - share) / max(1, single),
    )
    tests = sum(bool(one.tested) for own in others for one in own)
    return tuple(
        _contrast(table, whole, own, rates, tests)
        for table, whole, own in zip(tables, overall, others, strict=True)
    )


def pairs_of(cells: Iterable[Cell], place: int, first: str, second: str) -> list[Pair]:
    """Lists the pairs of cells that differ in one factor, in the order of the first ones.

    A cell may lack a factor that comes with the other level only, as constant sparsity has no power. It is
    paired with each cell that differs in nothing else, where neither has a partner like itself.

    Args:
        cells: Those that were run.
        place: The factor's.
        first: One of its levels.
        second: Another.
    """
    cells = list(cells)
    left = [cell for cell in cells if cell[place] == first]
    right = {cell for cell in cells if cell[place] == second}
    partner = {cell: (*cell[:place], second, *cell[place + 1 :]) for cell in left}
    exact = [(cell, other) for cell, other in partner.items() if other in right]
    alone = [cell for cell in left if partner[cell] not in right]
    free = [cell for cell in cells if cell in right - set(partner.values())]
    return exact + [(cell, other) for cell in alone for other in free if _alike(cell, other, place)]


def _alike(one: Cell, other: Cell, place: int) -> bool:
    """Returns whether two cells differ only in one factor and in such as one of them lacks."""
    return all(
        index == place or levels[0] == levels[1] or ABSENT in levels
        for index, levels in enumerate(zip(one, other, strict=True))
    )


def setting_of(pair: Pair) -> Cell:
    """Returns the levels of all factors at which two cells are compared; see `pairs_of`."""
    return tuple(other if one == ABSENT else one for one, other in zip(*pair, strict=True))


def _tables(
    factors: Sequence[Factor],
    place: int,
    first: str,
    second: str,
    scores: Scores,
    fair: Fair,
    measure: Callable[[Cell], object],
) -> list[_Table]:
    """Returns a table for each measure, at least one."""
    shared: dict[object, dict[Pair, frozenset[int]]] = {}
    unfair: dict[object, list[Pair]] = {}
    for pair in pairs_of(scores, place, first, second):
        seeds = _finite(scores[pair[0]]) & _finite(scores[pair[1]])
        if fair(*pair) and len(seeds) > 1:
            shared.setdefault(measure(pair[0]), {})[pair] = seeds
        else:
            unfair.setdefault(measure(pair[0]), []).append(pair)
    measures = list(shared) or list(unfair)[:1] or [None]
    by_measure: dict[object, list[Pair]] = {}
    for own, pairs in unfair.items():
        by_measure.setdefault(own if own in measures else measures[0], []).extend(pairs)
    return [
        _Table(factors[place], first, second, shared.get(own, {}), tuple(by_measure.get(own, ())), scores)
        for own in measures
    ]


def _finite(scores: Mapping[int, float]) -> frozenset[int]:
    return frozenset(seed for seed, score in scores.items() if math.isfinite(score))


def _common_seeds(shared: Sequence[frozenset[int]]) -> frozenset[int]:
    """Chooses seeds such that as many runs as possible are compared, each seed in every block kept."""
    distinct = set(shared)
    candidates = {frozenset.intersection(*distinct)} if distinct else set()
    candidates |= {own & other for own in distinct for other in distinct}
    usable = [seeds for seeds in candidates if len(seeds) >= 2]
    if not usable:
        return frozenset()
    return max(usable, key=lambda seeds: (sum(own >= seeds for own in shared) * len(seeds), sorted(seeds)))


def _levels_of_others(factors: Sequence[Factor], table: _Table) -> list[_Levels]:
    """Lists the levels of each other factor with the pairs that are compared at each.

    Only contexts that exist at every level are taken, so that nothing but the level differs between them.
    """
    found = []
    for place, factor in enumerate(factors):
        if factor is table.factor:
            continue
        by_level: dict[str, dict[Cell, Pair]] = {}
        for pair in table.shared:
            setting = setting_of(pair)
            by_level.setdefault(setting[place], {})[(*setting[:place], *setting[place + 1 :])] = pair
        contexts = set.intersection(*(set(own) for own in by_level.values())) if len(by_level) > 1 else set()
        if contexts:
            levels = [level for level in factor.levels if level in by_level]
            own = {
                level: {context: by_level[level][context] for context in sorted(contexts)} for level in levels
            }
            found.append(_at_levels(table, place, factor, own))
    return found


def _at_levels(
    table: _Table, place: int, factor: Factor, by_level: Mapping[str, Mapping[Cell, Pair]]
) -> _Levels:
    """Chooses the seeds of each level by itself, and for the test of dependence those that levels share."""
    chosen = {level: table.rectangle(own.values()) for level, own in by_level.items()}
    everywhere = (*table.shared, *table.unfair)
    kept, seeds = table.rectangle(pair for own in by_level.values() for pair in own.values())
    complete = {
        level: {context for context, pair in own.items() if pair in kept} for level, own in by_level.items()
    }
    tested = tuple(level for level, own in complete.items() if own)
    contexts = set.intersection(*(complete[level] for level in tested)) if len(tested) > 1 else set()
    if not contexts:
        tested = ()
    means = [
        table.differences([by_level[level][context] for context in sorted(contexts)], seeds).mean(axis=1)
        for level in tested
    ]
    return _Levels(
        factor,
        {level: blocks for level, (blocks, _) in chosen.items() if blocks},
        {level: own for level, (blocks, own) in chosen.items() if blocks},
        {level: tuple(pair for pair in everywhere if setting_of(pair)[place] == level) for level in by_level},
        tested,
        np.stack(means, axis=1) if tested else np.empty((0, 0)),
        len(contexts),
    )


def _contrast(
    table: _Table,
    whole: tuple[tuple[Pair, ...], tuple[int, ...]],
    others: Sequence[_Levels],
    rates: tuple[float, float],
    tests: int,
) -> Contrast:
    """Tests what a table holds.

    Args:
        table: The pairs.
        whole: Those that are compared over all, and their seeds.
        others: The levels of the other factors.
        rates: The error rates of each overall difference, and of each at a single level.
        tests: How many tests of dependence there are in all.
    """
    step, (blocks, seeds) = table.step(), whole

    def mean_effect(own: Sequence[Pair], at: Sequence[int], rate: float) -> Effect:
        values = table.differences(own, at).mean(axis=1)
        return effect(values, error_rate=rate, step=step / math.sqrt(len(own)))

    dependences = []
    for other in others:
        test = trend if other.factor.numeric else heterogeneity
        p = None
        if other.tested:
            p = min(1.0, tests * test(other.values, step=step / math.sqrt(other.contexts)))
        effects = tuple(
            LevelEffect(level, mean_effect(own, other.seeds[level], rates[1]), own, other.settings[level])
            for level, own in other.blocks.items()
        )
        dependences.append(Dependence(other.factor, p, other.tested, effects))
    return Contrast(
        table.factor,
        table.first,
        table.second,
        blocks,
        seeds if blocks else (),
        mean_effect(blocks, seeds, rates[0]) if blocks else None,
        tuple(dependences),
        table.unfair,
        tuple(pair for pair in table.shared if pair not in blocks),
    )
