"""Curves: scores along a numeric factor, or of groups side by side, with the dense level and differences."""

import re
from collections.abc import Callable, Mapping, Sequence

from runner.compare.answer import where_words
from runner.compare.charts.chart import Chart, ChartAxis, Dense, DifferencePoint, LevelDifference, Line, Mark
from runner.compare.charts.styles import group_styles, level_colour, varied
from runner.compare.comparison import Comparison, LevelComparison, best_level
from runner.compare.contrasts import Dependence
from runner.compare.effects import Effect
from runner.compare.factors import RECIPE, Factor
from runner.compare.groups import Group
from runner.compare.intervals import mean_interval
from runner.compare.result import ACCURACY
from runner.compare.score import RankingScore
from runner.records.names import level_names

_DENSE = "test/dense_accuracy"
_SAME_DENSE = 1e-6
"""Dense accuracies of one seed that differ by less are of the same weights."""
_MOST_DIFFERENCES = 6
_SPARSITY = "sparsity/_model"


def numeric_factors(comparison: Comparison, groups: Sequence[Group]) -> list[Factor]:
    """Lists the numeric factors that groups differ in: first those of size and training, the axes.

    Args:
        comparison: Has all factors.
        groups: Those that are drawn.
    """
    found = [factor for _, factor in varied(comparison.factors, groups)]
    numeric = [factor for factor in found if factor.numeric and factor.key != RECIPE]
    return sorted(numeric, key=lambda factor: not comparison.is_axis(factor))


def factor_axis(factor: Factor) -> ChartAxis:
    """Returns the axis of a numeric factor."""
    levels = [factor.number(level) for level in factor.levels]
    sparsity = factor.key.endswith("sparsity") and min(levels) >= 0 and max(levels) < 1
    key = re.sub(r"\W+", "_", factor.name)
    return ChartAxis(factor.name, "sparsity" if sparsity else "number", key)


def along_factor(comparison: Comparison, groups: Sequence[Group], across: Factor) -> Chart:
    """Sets scores against a numeric factor: a line for each combination of the other factors' levels.

    Args:
        comparison: What is shown.
        groups: Those on one data set, with one score.
        across: The factor.
    """
    place = comparison.factors.index(across)
    lines = lines_of(
        comparison,
        groups,
        across,
        lambda group: score_mark(group, across.number(group.cell[place]), group.cell[place]),
    )
    dense = dense_levels(groups, lines)
    return Chart(
        groups[0].score, factor_axis(across), lines, dense, differences(comparison, across, groups[0].score)
    )


def side_by_side(comparison: Comparison, groups: Sequence[Group]) -> Chart:
    """Sets the scores of groups beside each other, the best first, where no factor is numeric.

    Where one factor tells all groups apart, differences are to the best of them.

    Args:
        comparison: Has the differences.
        groups: Those on one data set, with one score.
    """
    factors = varied(comparison.factors, groups)
    place = factors[0][0] if len(factors) == 1 else None
    lines = lines_of(
        comparison,
        groups,
        None,
        lambda group: score_mark(group, 0.0, "" if place is None else group.cell[place]),
    )
    sign = -1.0 if groups[0].score.higher_is_better else 1.0
    ordered = tuple(sorted(lines, key=lambda line: sign * line.marks[0].score.value))
    dense = dense_levels(groups, ordered)
    return Chart(groups[0].score, None, ordered, dense, _to_the_best(comparison, groups, ordered))


def score_mark(group: Group, at: float, level: str) -> Mark | None:
    """Returns a group's mean score as a mark at a place; None where it has none.

    Args:
        group: The group.
        at: Its place on the axis.
        level: Its level as text; empty without a numeric factor.
    """
    seeds = {seed: (at, score) for seed, score in group.scores.items()}
    return make_mark(group, at, level, seeds) if seeds else None


def make_mark(group: Group, at: float, level: str, seeds: Mapping[int, tuple[float, float]]) -> Mark:
    """Averages the seeds of a group, at least one, to a mark.

    Args:
        group: The group.
        at: Its place on the axis.
        level: Its level as text; empty without a numeric factor.
        seeds: Place and score of each seed.
    """
    mean = mean_interval([score for _, score in seeds.values()])
    return Mark(group.name, at, level, mean, seeds, frozenset(group.lost_reasons))


def lines_of(
    comparison: Comparison,
    groups: Sequence[Group],
    across: Factor | None,
    mark: Callable[[Group], Mark | None],
    file: str = "",
) -> tuple[Line, ...]:
    """Joins groups that differ in one factor only to lines.

    Args:
        comparison: All groups, which have the colours.
        groups: Those that are drawn.
        across: The factor that runs along the lines; None makes each group a line of its own.
        mark: Makes the mark of a group; None where it has none.
        file: See `Line`.
    """
    others = [place for place, factor in varied(comparison.factors, groups) if factor is not across]
    style = group_styles(comparison, across)
    members: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        members.setdefault(tuple(group.cell[place] for place in others), []).append(group)
    keys = [comparison.factors[place].key for place in others]
    names = [""] * len(members)
    if keys:
        names = list(level_names(keys, list(zip(*members, strict=True))))
    elif across is None:
        names = [group.name for group in groups]
    lines = []
    for name, own in zip(names, members.values(), strict=True):
        found = [made for group in own if (made := mark(group)) is not None]
        if across is not None:
            found.sort(key=lambda one: across.number(one.level))
        if found:
            lines.append(Line(name, style[own[0].name], tuple(found), file))
    return tuple(lines)


def dense_levels(groups: Sequence[Group], lines: Sequence[Line]) -> tuple[Dense, ...]:
    """Finds the score of the dense weights, as far as it is one for all groups or one for each line.

    Where no dense accuracy is logged, groups that were not pruned stand for it.

    Args:
        groups: Those that are drawn.
        lines: The same as lines.
    """
    if groups[0].score.metric != ACCURACY:
        return ()
    seeds = {group.name: group.by_seed_of(_DENSE) for group in groups}
    if not any(seeds.values()):
        return _unpruned(groups)
    whole = _agreeing([own for own in seeds.values() if own])
    if whole is not None:
        return (Dense("dense", _mean(whole)),)
    own = [line for line in lines if not line.dense]
    by_line = {line.name: _agreeing([seeds[mark.group] for mark in line.marks]) for line in own}
    if all(by_line.values()):
        return tuple(Dense(f"dense, {name}", _mean(one), name) for name, one in by_line.items() if one)
    by_level: dict[float, list[dict[int, float]]] = {}
    for mark in (mark for line in own for mark in line.marks if mark.level):
        by_level.setdefault(mark.at, []).append(seeds[mark.group])
    along = {at: _agreeing(found) for at, found in sorted(by_level.items())}
    if along and all(along.values()):
        points = tuple((at, _mean(found)) for at, found in along.items() if found)
        return (Dense("dense", points[-1][1], along=points),)
    return ()


def differences(comparison: Comparison, across: Factor, score: RankingScore) -> tuple[LevelDifference, ...]:
    """Finds the differences between levels of the main factor, or else of another one, along a factor.

    Of several levels the best is set against each other one.

    Args:
        comparison: Its findings tell all differences, over all other factors.
        across: The factor along which they are drawn.
        score: What is drawn.
    """
    main = comparison.main_factor
    for factor in sorted(comparison.compared, key=lambda own: own != main):
        along = [
            (finding, dependence)
            for finding in comparison.ranked_of(factor)
            for dependence in finding.contrast.dependences
            if finding.score == score and dependence.factor is across
        ]
        if along:
            best = best_level([finding for finding, _ in along])
            own = [pair for pair in along if best in pair[0].levels]
            return tuple(_along(*pair, best, across) for pair in own[:_MOST_DIFFERENCES])
    return ()


def _along(finding: LevelComparison, dependence: Dependence, best: str, across: Factor) -> LevelDifference:
    steps = tuple(
        _step(finding, best, at.level, across.number(at.level), at.effect, finding.better_at(at))
        for at in dependence.effects
    )
    other, run = finding.other(best), finding.shown_run(dependence, top=True)
    return LevelDifference(
        best,
        other,
        level_colour(finding.contrast.factor, other),
        steps,
        run[0].level if run else None,
        f"shown {where_words(dependence, run, named=False)}" if run else "",
    )


def _to_the_best(
    comparison: Comparison, groups: Sequence[Group], lines: Sequence[Line]
) -> tuple[LevelDifference, ...]:
    """Finds the differences of groups to the first, where one factor alone parts them."""
    factors = varied(comparison.factors, groups)
    if len(factors) != 1:
        return ()
    [(place, factor)] = factors
    levels = {group.name: group.cell[place] for group in groups}
    best = levels[lines[0].marks[0].group]
    found = []
    for line in lines[1:]:
        other = levels[line.marks[0].group]
        for finding in comparison.ranked_of(factor):
            overall = finding.contrast.overall
            if overall is not None and set(finding.levels) == {best, other}:
                steps = (_step(finding, best, other, 0.0, overall, finding.better),)
                found.append(LevelDifference(lines[0].name, line.name, line.style.colour, steps))
    return tuple(found)


def _step(
    finding: LevelComparison, reference: str, level: str, at: float, effect: Effect, better: str | None
) -> DifferencePoint:
    shown = better is not None
    if reference == finding.contrast.second:
        return DifferencePoint(level, at, effect.mean, effect.low, effect.high, shown)
    return DifferencePoint(level, at, -effect.mean, -effect.high, -effect.low, shown)


def _unpruned(groups: Sequence[Group]) -> tuple[Dense, ...]:
    """Takes groups without any zero for dense ones."""
    own = [group for group in groups if group.values(_SPARSITY) and not any(group.values(_SPARSITY))]
    scores = [value for group in own for value in group.values(group.score.metric)]
    if not scores or len(own) == len(groups):
        return ()
    return (Dense(f"dense ({own[0].name})" if len(own) == 1 else "dense", sum(scores) / len(scores)),)


def _agreeing(found: Sequence[Mapping[int, float]]) -> dict[int, float] | None:
    """Joins values by seed; None where two of one seed are not the same, or there are none."""
    joined: dict[int, float] = {}
    for own in found:
        for seed, value in own.items():
            if abs(joined.setdefault(seed, value) - value) > _SAME_DENSE:
                return None
    return joined or None


def _mean(by_seed: Mapping[int, float]) -> float:
    return sum(by_seed.values()) / len(by_seed)
