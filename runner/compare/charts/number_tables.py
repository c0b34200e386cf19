"""The numbers below each picture, in a table for a paper."""

from runner.compare.charts.chart import AxisKind, Chart, DifferencePoint, LevelDifference
from runner.compare.intervals import Mean
from runner.compare.score import RankingScore
from runner.report.page import Grid

_MOST_COLUMNS = 6
"""More lines than these stand below each other."""
MOST_ROWS = 60
"""Of more marks than these only those that may be on the front are listed; comparison_means.csv has all."""


def chart_grid(chart: Chart) -> Grid:
    """Writes the numbers of a chart: means with half the width of their 95 % intervals."""
    if chart.against_cost:
        return _of_costs(chart)
    return _of_groups(chart) if chart.axis is None else _along(chart)


def _along(chart: Chart) -> Grid:
    """Gives each line a column where there are few, else each mark a row."""
    assert chart.axis is not None, "it is drawn along a factor"
    number = chart.score.number
    if len(chart.lines) > _MOST_COLUMNS:
        rows = [
            (line.name, mark.level, _mean(chart.score, mark.score), str(mark.score.count))
            for line in chart.lines
            for mark in line.marks
        ]
        return Grid(("line", chart.axis.name, chart.score.name, "seeds"), rows, texts=(0,))
    levels = sorted({(mark.at, mark.level) for mark in chart.marks})
    heads = [chart.axis.name, *(line.name or chart.score.name for line in chart.lines)]
    heads += [dense.name for dense in chart.dense] + [
        f"{one.name} (95% interval)" for one in chart.differences
    ]
    body = []
    for at, level in levels:
        cells = [level]
        for line in chart.lines:
            own = next((mark for mark in line.marks if mark.level == level), None)
            cells.append("-" if own is None else _mean(chart.score, own.score))
        cells += [number(dense.at(at)) for dense in chart.dense]
        cells += [_difference(chart.score, one, level) for one in chart.differences]
        body.append(cells)
    return Grid(heads, body, texts=())


def _of_groups(chart: Chart) -> Grid:
    heads = ["group", chart.score.name, "seeds", *(dense.name for dense in chart.dense)]
    best = chart.differences[0].reference if chart.differences else None
    if best is not None:
        heads.append(f"{best} minus this (95% interval)")
    body = []
    for line in chart.lines:
        [mark] = line.marks
        cells = [line.name, _mean(chart.score, mark.score), str(mark.score.count)]
        cells += [chart.score.number(dense.score) for dense in chart.dense]
        if best is not None:
            found = [_difference(chart.score, one, mark.level) for one in chart.differences]
            cells.append(next((text for text in found if text != "-"), "-"))
        body.append(cells)
    return Grid(heads, body, texts=(0,))


def _of_costs(chart: Chart) -> Grid:
    assert chart.axis is not None, "costs have an axis"
    marks = [(line, mark) for line in chart.lines for mark in line.marks]
    if len(marks) > MOST_ROWS:
        marks = [(line, mark) for line, mark in marks if mark.status != "dominated" or mark.on_mean_front]
    marks.sort(key=lambda pair: pair[1].at)
    several = bool(chart.files)
    heads = ["group", *(["file"] if several else []), chart.axis.name + _UNITS[chart.axis.kind]]
    rows = [
        (
            mark.group,
            *([line.file] if several else []),
            cost_text(mark.at, chart.axis.kind),
            _mean(chart.score, mark.score),
            mark.status or "-",
        )
        for line, mark in marks
    ]
    texts = (0, 1, 4) if several else (0, 3)
    return Grid((*heads, chart.score.name, "Pareto front"), rows, texts=texts)


_UNITS: dict[AxisKind, str] = {
    "bytes": ", bytes",
    "milliseconds": ", ms",
    "count": "",
    "share": "",
    "sparsity": "",
    "number": "",
}


def cost_text(value: float, kind: AxisKind) -> str:
    """Writes a cost."""
    if kind == "share":
        return f"{value:.2%}"
    return f"{value:.4g}" if kind == "milliseconds" else f"{value:,.0f}"


def _mean(score: RankingScore, mean: Mean) -> str:
    return score.number(mean.value) + (f" ± {score.number(mean.half_width)}" if mean.half_width else "")


def _difference(score: RankingScore, one: LevelDifference, level: str) -> str:
    step = next((step for step in one.steps if step.level == level), None)
    return "-" if step is None else _signed(score, step)


def _signed(score: RankingScore, step: DifferencePoint) -> str:
    low, high = score.number(step.low, signed=True), score.number(step.high, signed=True)
    return f"{score.number(step.mean, signed=True)} ({low} to {high})"
