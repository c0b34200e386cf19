"""Draws groups one below the other, their names whole, with intervals and differences to the best."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runner.compare.charts.axes import scale_scores
from runner.compare.charts.chart import Chart
from runner.compare.charts.drawing import (
    WIDTH,
    add_legend,
    dense_handles,
    draw_dense,
    draw_grid,
    ends,
    scale_differences,
    seed_alpha,
)

_NAME_WIDTH = 42


def groups_figure(chart: Chart) -> tuple[Figure, list[str]]:
    """Draws a row for each group, its name whole beside it; differences to the best in a second panel.

    Returns:
        The figure, and what its caption has to say of the scales.
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
    notes = scale_scores(left, "x", chart)
    colours = [line.style.colour for line in chart.lines]
    low, high = ends(chart.marks)
    left.hlines(rows, low, high, colors=colours, linewidth=1.8)
    _draw_means(left, chart)
    left.set_yticks(rows, names)
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel(chart.score.name)
    draw_grid(left)
    draw_dense(left, chart, horizontal=False)
    if beside:
        notes += _differences_to_best(panels[1], chart)
    add_legend(figure, dense_handles(chart))
    return figure, notes


def _draw_means(ax: Axes, chart: Chart) -> None:
    """Draws the seeds of each row, all of one colour together, and its mean."""
    count = max(len(mark.seeds) for mark in chart.marks)
    by_colour: dict[str, list[tuple[float, int]]] = {}
    for row, line in enumerate(chart.lines):
        points = [(score, row) for _, score in line.marks[0].seeds.values()]
        by_colour.setdefault(line.style.colour, []).extend(points)
    for colour, dots in by_colour.items():
        ax.plot(*zip(*dots, strict=True), ".", color=colour, alpha=seed_alpha(count), markersize=7)
    for style in dict.fromkeys(line.style for line in chart.lines):
        own = [
            (line.marks[0].score.value, row) for row, line in enumerate(chart.lines) if line.style == style
        ]
        ax.plot(*zip(*own, strict=True), style.marker, color=style.colour, markersize=7, zorder=3)


def _differences_to_best(ax: Axes, chart: Chart) -> list[str]:
    rows = {line.marks[0].level: row for row, line in enumerate(chart.lines)}
    pairs = [(one, step) for one in chart.differences for step in one.steps]
    at = [rows[step.level] for _, step in pairs]
    colours = [one.colour for one, _ in pairs]
    ax.hlines(
        at, [step.low for _, step in pairs], [step.high for _, step in pairs], colors=colours, linewidth=1.8
    )
    faces = [colour if step.shown else "white" for (_, step), colour in zip(pairs, colours, strict=True)]
    means = [step.mean for _, step in pairs]
    ax.scatter(means, at, s=46, c=faces, edgecolors=colours, linewidths=1.3, zorder=3)
    ax.axvline(0, color="black", linewidth=0.9, zorder=1)
    ax.set_xlabel(textwrap.fill(f"{chart.differences[0].reference} minus this", _NAME_WIDTH))
    draw_grid(ax)
    return scale_differences(ax, "x", [step for _, step in pairs])
