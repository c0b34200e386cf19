"""Contrasts: two levels of a factor set against each other over all levels of the other factors."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from runner.compare.effects import (
    ERROR_RATE,
    OVERALL_SHARE,
    Effect,
    Values,
    effect,
    finest_step,
    heterogeneity,
    trend,
)
from runner.compare.factors import Factor

Cell = tuple[str, ...]
"""One level of each factor, in the order of the factors; the runs of a cell differ in their seed only."""

Scores = Mapping[Cell, Mapping[int, float]]
"""The score of each seed in each cell."""

Fair = Callable[[Cell, Cell], bool]
"""Tells whether two cells may be ranked."""


@dataclass(frozen=True)
class Dependence:
    """How a difference depends on another factor.

    Args:
        factor: The other factor.
        p: Of the test that the difference is the same at all of its levels, corrected for the number of other
            factors.
        effects: The difference at each of its levels that could be compared, in order.
    """

    factor: Factor
    p: float
    effects: tuple[tuple[str, Effect], ...]

    @property
    def shown(self) -> bool:
        """Whether the difference is not the same at all levels."""
        return self.p < ERROR_RATE

    def shown_from(self) -> str | None:
        """Returns the lowest level from which on the difference is shown, there and at every level above.

        None for a factor without order, where the highest level does not show it, or where two levels show
        opposite differences.
        """
        return _shown_run(tuple(reversed(self.effects))) if self.factor.numeric else None

    def shown_up_to(self) -> str | None:
        """Returns the highest level up to which the difference is shown, there and at every level below."""
        return _shown_run(self.effects) if self.factor.numeric else None


def _shown_run(effects: Sequence[tuple[str, Effect]]) -> str | None:
    """Returns the last level of those that show a difference of one sign, beginning with the first."""
    found = None
    for level, at in effects:
        if not at.shown or (at.mean > 0) != (effects[0][1].mean > 0):
            break
        found = level
    return found


@dataclass(frozen=True)
class Contrast:
    """Two levels of a factor, compared.

    Args:
        factor: The factor.
        first: One level.
        second: The other; differences are second minus first.
        blocks: The pairs of cells that were compared, `(first, second)`.
        seeds: The seeds that all of them share.
        overall: The difference over all blocks; None where no blocks could be compared.
        dependences: How it depends on each other factor that has two levels or more among the blocks.
        unfair: The pairs of cells that may not be ranked.
        left_out: The pairs that may, but lack seeds that the blocks have.
    """

    factor: Factor
    first: str
    second: str
    blocks: tuple[tuple[Cell, Cell], ...]
    seeds: tuple[int, ...]
    overall: Effect | None
    dependences: tuple[Dependence, ...]
    unfair: tuple[tuple[Cell, Cell], ...]
    left_out: tuple[tuple[Cell, Cell], ...] = ()


@dataclass(frozen=True)
class _Table:
    """The differences of a contrast before anything is tested: `[seeds, blocks]`."""

    factor: Factor
    first: str
    second: str
    blocks: tuple[tuple[Cell, Cell], ...]
    seeds: tuple[int, ...]
    unfair: tuple[tuple[Cell, Cell], ...]
    left_out: tuple[tuple[Cell, Cell], ...]
    values: Values
    step: float


@dataclass(frozen=True)
class _Levels:
    """The differences of a contrast at each level of another factor: `[seeds, levels]`."""

    factor: Factor
    levels: tuple[str, ...]
    values: Values
    step: float


def contrasts(
    factors: Sequence[Factor], scores: Scores, fair: Fair, *, by: Factor | None = None
) -> tuple[Contrast, ...]:
    """Compares every two levels of every factor over the levels of all others.

    All intervals and p-values form one family: none of them misses in 95 % of families (Bonferroni). Overall
    differences share half of the 5 %, those at single levels of other factors the other half; all of it where
    there are none of these.

    Args:
        factors: What was varied.
        scores: What was measured. Cells may be missing, and seeds of cells.
        fair: Whether two cells may be ranked.
        by: The only factor whose levels are compared; None is all.

    Returns:
        A contrast for every two levels of every factor, in order; those without an `overall` had no two cells
        that may be ranked and share two seeds.
    """
    tables = [
        _table(factors, place, first, second, scores, fair)
        for place, factor in enumerate(factors)
        if by is None or factor is by
        for first, second in combinations(factor.levels, 2)
    ]
    others = [_levels_of_others(factors, table) for table in tables]
    overall = sum(bool(table.blocks) for table in tables)
    single = sum(len(one.levels) for own in others for one in own)
    share = OVERALL_SHARE if single else 1.0
    overall_rate = ERROR_RATE * share / max(1, overall)
    level_rate = ERROR_RATE * (1 - share) / max(1, single)
    return tuple(
        _contrast(table, own, overall_rate=overall_rate, level_rate=level_rate)
        for table, own in zip(tables, others, strict=True)
    )


def _table(
    factors: Sequence[Factor], place: int, first: str, second: str, scores: Scores, fair: Fair
) -> _Table:
    shared: dict[tuple[Cell, Cell], frozenset[int]] = {}
    unfair = []
    for cell in scores:
        if cell[place] != first:
            continue
        other = (*cell[:place], second, *cell[place + 1 :])
        if other not in scores:
            continue
        seeds = _finite(scores[cell]) & _finite(scores[other])
        if fair(cell, other) and len(seeds) > 1:
            shared[cell, other] = seeds
        else:
            unfair.append((cell, other))
    seeds = _common_seeds(list(shared.values()))
    blocks = tuple(pair for pair, own in shared.items() if own >= seeds) if seeds else ()
    left_out = tuple(pair for pair in shared if pair not in blocks)
    ordered = tuple(sorted(seeds)) if blocks else ()
    pairs = np.array(
        [[(scores[one][seed], scores[other][seed]) for one, other in blocks] for seed in ordered], np.float64
    ).reshape(len(ordered), len(blocks), 2)
    values = pairs[..., 1] - pairs[..., 0]
    step = finest_step(pairs)
    return _Table(factors[place], first, second, blocks, ordered, tuple(unfair), left_out, values, step)


def _finite(scores: Mapping[int, float]) -> frozenset[int]:
    return frozenset(seed for seed, score in scores.items() if math.isfinite(score))


def _common_seeds(shared: Sequence[frozenset[int]]) -> frozenset[int]:
    """Chooses seeds such that as many runs as possible are compared, each seed in every block kept."""
    candidates = {frozenset.intersection(*shared)} if shared else set()
    candidates |= {own & other for own in shared for other in shared}
    usable = [seeds for seeds in candidates if len(seeds) >= 2]
    if not usable:
        return frozenset()
    return max(usable, key=lambda seeds: (sum(own >= seeds for own in shared) * len(seeds), sorted(seeds)))


def _levels_of_others(factors: Sequence[Factor], table: _Table) -> list[_Levels]:
    """Lists the levels of each other factor with the blocks that are compared at each.

    Only contexts that stand at every level are taken, so that nothing but the level differs between them.
    """
    found = []
    for place, factor in enumerate(factors):
        if factor is table.factor:
            continue
        by_level: dict[str, dict[Cell, int]] = {}
        for index, (cell, _) in enumerate(table.blocks):
            by_level.setdefault(cell[place], {})[(*cell[:place], *cell[place + 1 :])] = index
        contexts = set.intersection(*(set(own) for own in by_level.values())) if len(by_level) > 1 else set()
        if contexts:
            levels = tuple(level for level in factor.levels if level in by_level)
            columns = [[by_level[level][context] for context in sorted(contexts)] for level in levels]
            means = np.stack([table.values[:, own].mean(axis=1) for own in columns], axis=1)
            found.append(_Levels(factor, levels, means, table.step / math.sqrt(len(contexts))))
    return found


def _contrast(
    table: _Table, others: Sequence[_Levels], *, overall_rate: float, level_rate: float
) -> Contrast:
    overall = None
    if table.blocks:
        step = table.step / math.sqrt(len(table.blocks))
        overall = effect(table.values.mean(axis=1), error_rate=overall_rate, step=step)
    dependences = []
    for own in others:
        test = trend if own.factor.numeric else heterogeneity
        effects = tuple(
            (level, effect(own.values[:, index], error_rate=level_rate, step=own.step))
            for index, level in enumerate(own.levels)
        )
        p = min(1.0, len(others) * test(own.values, step=own.step))
        dependences.append(Dependence(own.factor, p, effects))
    return Contrast(
        table.factor,
        table.first,
        table.second,
        table.blocks,
        table.seeds,
        overall,
        tuple(dependences),
        table.unfair,
        table.left_out,
    )
