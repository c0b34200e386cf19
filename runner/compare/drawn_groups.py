"""Draws groups one below the other, their names whole, with intervals and differences to the best."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runner.compare.charts import Chart
from runner.compare.drawing import (
    WIDTH,
    add_legend,
    dense_handles,
    draw_dense,
    draw_grid,
    ends,
    scale_differences,
    seed_alpha,
)
from runner.compare.scales import scale_scores

_NAME_WIDTH = 42


def groups_figure(chart: Chart) -> tuple[Figure, bool]:
    """Draws a row for each group, its name whole beside it; differences to the best in a second panel.

    Returns:
        The figure, and whether an interval is wider than the picture.
    """
    names = [textwrap.fill(line.name, _NAME_WIDTH) for line in chart.lines]
    lines = sum(0.17 * (name.count("\n") + 1) + 0.11 for name in names)
    letters = max(len(part) for name in names for part in name.split("\n"))
    beside = bool(chart.differences)
    width = max(WIDTH, 0.075 * letters + (6.2 if beside else 4.6))
    figure = Figure(figsize=(width, lines + 1.1), layout="constrained")
    panels = figure.subplots(1, 2 if beside else 1, sharey=True, squeeze=False)[0]
    left = panels[0]
    rows = list(range(len(names)))
    clipped = scale_scores(left, "x", chart)
    colours = [line.look.colour for line in chart.lines]
    low, high = ends(chart.marks)
    left.hlines(rows, low, high, colors=colours, linewidth=1.8)
    for row, line in zip(rows, chart.lines, strict=True):
        seeds = [score for _, score in line.marks[0].seeds.values()]
        left.plot(
            seeds, [row] * len(seeds), ".", color=line.look.colour, alpha=seed_alpha(len(seeds)), markersize=7
        )
        left.plot(
            line.marks[0].score.value, row, line.look.marker, color=line.look.colour, markersize=7, zorder=3
        )
    left.set_yticks(rows, names)
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel(chart.score.name)
    draw_grid(left)
    draw_dense(left, chart, horizontal=False)
    if beside:
        _differences_to_best(panels[1], chart)
    add_legend(figure, dense_handles(chart))
    return figure, clipped


def _differences_to_best(axis: Axes, chart: Chart) -> None:
    rows = {line.marks[0].level or line.name: row for row, line in enumerate(chart.lines)}
    best = chart.differences[0].reference
    for one in chart.differences:
        [step] = one.steps
        row = rows[step.level]
        axis.hlines(row, step.low, step.high, color=one.colour, linewidth=1.8)
        face = one.colour if step.shown else "white"
        axis.plot(step.mean, row, "o", color=one.colour, markerfacecolor=face, markersize=7, zorder=3)
    axis.axvline(0, color="black", linewidth=0.9, zorder=1)
    steps = [step for one in chart.differences for step in one.steps]
    scale_differences(axis, "x", steps)
    axis.set_xlabel(textwrap.fill(f"{best} minus this", 44))
    draw_grid(axis)
