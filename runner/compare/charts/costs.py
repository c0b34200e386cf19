"""Costs: scores against bytes, time and multiply-accumulates, with the Pareto front on one data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from runner.compare.charts.chart import Chart, ChartAxis, Line, Mark
from runner.compare.charts.pareto import Candidate, pareto_front, pareto_statuses
from runner.compare.charts.score_lines import dense_levels, lines_of, make_mark
from runner.compare.charts.styles import DENSE
from runner.compare.comparison import Comparison
from runner.compare.factors import Factor
from runner.compare.groups import Group
from runner.compare.intervals import mean_interval
from runner.compare.result import variants
from runner.compare.score import TEST_ACCURACY, TEST_SQUARED_ERROR, RankingScore

_DENSE = "dense_"
"""The files of the dense model, measured beside, are named so."""
_LEAST_CHANGE = 1e-3
"""Costs that lie closer together, as a share of the largest, are the same."""


@dataclass(frozen=True)
class Cost:
    """Something of which less is better.

    Args:
        axis: How it is shown.
        metric: MLflow's name; of a file's, without the section of the file.
        of_file: Whether each TFLite file has its own.
        less_is_better: False for a share of zeros.
    """

    axis: ChartAxis
    metric: str
    of_file: bool = False
    less_is_better: bool = True

    def of(self, place: float) -> float:
        """Returns what is paid at a place on the axis; for zeros it is the share that is none."""
        return place if self.less_is_better else 1 - place


SPARSITY = Cost(
    ChartAxis("zeros in the whole model", "share", "model_sparsity"), "sparsity/_model", less_is_better=False
)
COSTS = (
    SPARSITY,
    Cost(ChartAxis("gzipped file size", "bytes", "gzip_bytes"), "gzip_bytes", of_file=True),
    Cost(ChartAxis("file size", "bytes", "bytes"), "bytes", of_file=True),
    Cost(ChartAxis("latency", "milliseconds", "latency"), "latency_ms", of_file=True),
    Cost(ChartAxis("multiply-accumulates", "count", "macs"), "model/macs"),
    Cost(
        ChartAxis("multiply-accumulates with non-zero weights", "count", "nonzero_macs"), "model/nonzero_macs"
    ),
)


def against_cost(
    comparison: Comparison, groups: Sequence[Group], cost: Cost, across: Factor | None
) -> Chart | None:
    """Plots scores against a cost, with the Pareto front.

    Args:
        comparison: What is shown.
        groups: Those on one data set, with one score.
        cost: Against what.
        across: The numeric factor along which lines are drawn.

    Returns:
        None where no two different costs are logged, or the cost is what ranks.
    """
    score = _score(groups[0].score, cost)
    if cost.metric in (score.metric, score.measure):
        return None  # It would be set against itself.
    lines = [
        line
        for file in _files(groups, cost)
        for line in _lines(comparison, groups, score, cost, across, file)
    ]
    places = [mark.at for line in lines for mark in line.marks]
    if not places or max(places) - min(places) <= _LEAST_CHANGE * max(map(abs, places)):
        return None
    chart = Chart(score, cost.axis, tuple(lines), dense_levels(groups, lines), against_cost=True)
    return _with_pareto_statuses(chart, cost)


def _score(ranking: RankingScore, cost: Cost) -> RankingScore:
    """Returns what is set against a cost: what ranks, or of files what each scored on test data."""
    if not cost.of_file:
        return ranking
    measure = ranking.metric.rpartition("/")[2]
    metric = f"test/{measure}"
    known = {own.metric: own for own in (TEST_ACCURACY, TEST_SQUARED_ERROR)}
    return known.get(
        metric,
        RankingScore(metric, f"test {measure.replace('_', ' ')} of the file", ranking.higher_is_better),
    )


def _files(groups: Sequence[Group], cost: Cost) -> list[str]:
    if not cost.of_file:
        return [""]
    logged = {name for group in groups for result in group.results for name in result.metrics}
    return [file for file in variants(logged) if f"tflite_{file}/{cost.metric}" in logged]


def _lines(
    comparison: Comparison,
    groups: Sequence[Group],
    score: RankingScore,
    cost: Cost,
    across: Factor | None,
    file: str,
) -> tuple[Line, ...]:
    names = score.metric, cost.metric
    if file:
        names = f"tflite_{file}/{score.measure}", f"tflite_{file}/{cost.metric}"
    if file.startswith(_DENSE):
        return _dense_files(groups, file, names)
    return lines_of(comparison, groups, across, partial(_mark, comparison, across, names), file)


def _mark(comparison: Comparison, across: Factor | None, names: tuple[str, str], group: Group) -> Mark | None:
    seeds = _seeds(group, names)
    if not seeds:
        return None
    level = "" if across is None else group.cell[comparison.factors.index(across)]
    return make_mark(group, _mean_cost(seeds), level, seeds)


def _seeds(group: Group, names: tuple[str, str]) -> dict[int, tuple[float, float]]:
    up, right = names
    return {
        one.seed: (one.metrics[right], one.metrics[up])
        for one in group.results
        if up in one.metrics and right in one.metrics
    }


def _mean_cost(seeds: Mapping[int, tuple[float, float]]) -> float:
    return mean_interval([cost for cost, _ in seeds.values()]).value


def _dense_files(groups: Sequence[Group], file: str, names: tuple[str, str]) -> tuple[Line, ...]:
    """Returns the dense model's file once for all runs that began with the same dense weights.

    A run may lack a seed that another has; which weights it began with the other seeds tell.
    """
    models: list[list[Group]] = []
    scores = {group.name: {seed: up for seed, (_, up) in _seeds(group, names).items()} for group in groups}
    for group in groups:
        own_scores = scores[group.name]
        alike = [own for own in models if all(_agree(own_scores, scores[other.name]) for other in own)]
        if own_scores and alike:
            alike[0].append(group)
        elif own_scores:
            models.append([group])
    lines = []
    for own in models:
        found = [_seeds(group, names) for group in own]
        # The same file is timed in every run: of each seed the mean counts.
        seeds = {
            seed: (
                mean_interval([each[seed][0] for each in found if seed in each]).value,
                next(each[seed][1] for each in found if seed in each),
            )
            for seed in sorted({seed for each in found for seed in each})
        }
        name = "dense" if len(models) == 1 else f"dense, as of {own[0].name}"
        mark = replace(make_mark(own[0], _mean_cost(seeds), "", seeds), group=name, lost=frozenset())
        lines.append(Line(name, DENSE, (mark,), file.removeprefix(_DENSE), dense=True))
    return tuple(lines)


def _agree(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    """Returns whether two groups have the same scores of the dense file, at a seed or more that both have."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[seed] == other[seed] for seed in shared)


def _with_pareto_statuses(chart: Chart, cost: Cost) -> Chart:
    marks, better = chart.marks, chart.score.higher_is_better
    candidates = [
        Candidate(
            {seed: cost.of(at) for seed, (at, _) in mark.seeds.items()},
            {seed: score for seed, (_, score) in mark.seeds.items()},
            mark.lost,
        )
        for mark in marks
    ]
    found = iter(pareto_statuses(candidates, higher_is_better=better))
    points = [(cost.of(mark.at), mark.score.value) for mark in marks]
    front = set(pareto_front(points, higher_is_better=better))
    numbers = iter(range(len(marks)))
    lines = tuple(
        replace(
            line,
            marks=tuple(
                replace(mark, status=next(found), on_mean_front=next(numbers) in front) for mark in line.marks
            ),
        )
        for line in chart.lines
    )
    return replace(chart, lines=lines)
