"""Draws scores against a cost: every mark with its interval, and its status on the Pareto front."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.charts.axes import UNITS, scale_places, scale_scores
from runner.compare.charts.chart import Chart, Line, Mark
from runner.compare.charts.drawing import (
    GREY,
    WIDTH,
    add_legend,
    dense_handles,
    draw_dense,
    draw_grid,
    ends,
    line_handles,
    seed_alpha,
)
from runner.compare.charts.pareto import ParetoStatus
from runner.compare.charts.styles import DENSE, MARKERS, MOST_COLOURS, ONE_COLOUR

_MOST_JOINED = 3 * MOST_COLOURS
_SAME_PLACE = 0.003
_APART, _LEAST_APART = 0.016, 0.004
"""Shares of the picture's width."""


def costs_figure(chart: Chart) -> tuple[Figure, list[str]]:
    """Draws every mark with its interval; the shape says which file, the filling how it stands.

    Returns:
        The figure, and what its caption has to say of scales, places and colours.
    """
    assert chart.axis is not None, "a cost is an axis"
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    ax = figure.subplots()
    kind = chart.axis.kind
    notes = scale_scores(ax, "y", chart)
    notes += scale_places(ax, kind, [at for mark in chart.marks for at, _ in mark.seeds.values()])
    places = _side_by_side(ax, chart)
    if places != [mark.at for mark in chart.marks]:
        notes.append("Marks of one cost stand side by side; the table has their costs.")
    shapes = {file: MARKERS[number % len(MARKERS)] for number, file in enumerate(chart.files)}
    _draw_lines(ax, chart, places)
    _draw_seeds(ax, chart, places)
    _draw_marks(ax, chart, places, shapes)
    _draw_front(ax, chart)
    draw_dense(ax, chart, horizontal=True)
    which = f" ({chart.files[0]})" if len(chart.files) == 1 else ""
    ax.set_xlabel(f"{chart.axis.name}{UNITS.get(kind, '')}{which}")
    ax.set_ylabel(chart.score.name)
    draw_grid(ax)
    _cost_legend(figure, chart, shapes)
    many = len(line_handles(chart.lines)) > MOST_COLOURS
    return figure, [*notes, *([ONE_COLOUR] if many else [])]


def _draw_lines(ax: Axes, chart: Chart, places: Sequence[float]) -> None:
    """Draws the intervals, and joins what the numeric factor orders."""
    low, high = ends(chart.marks)
    colours = [line.style.colour for line in chart.lines for _ in line.marks]
    ax.vlines(places, low, high, colors=colours, linewidth=1.2, zorder=1.8)
    if len(chart.lines) > _MOST_JOINED:
        return
    numbers = iter(places)
    for line in chart.lines:
        own = [next(numbers) for _ in line.marks]
        if _varies(ax, line):
            values = [mark.score.value for mark in line.marks]
            ax.plot(own, values, color=line.style.colour, linestyle=line.style.dash, linewidth=1.2, alpha=0.7)


def _draw_seeds(ax: Axes, chart: Chart, places: Sequence[float]) -> None:
    """Draws a dot for each run; all of one colour together, since each drawing has its price."""
    numbers = iter(places)
    by_colour: dict[str, list[tuple[float, float]]] = {}
    for line in chart.lines:
        for mark in line.marks:
            at = next(numbers)
            moved = at != mark.at
            points = [(at if moved else x, y) for x, y in mark.seeds.values()]
            by_colour.setdefault(line.style.colour, []).extend(points)
    alpha = seed_alpha(sum(map(len, by_colour.values())))
    for colour, dots in by_colour.items():
        ax.plot(*zip(*dots, strict=True), ".", color=colour, alpha=alpha, markersize=4, zorder=1.5)


def _draw_marks(ax: Axes, chart: Chart, places: Sequence[float], shapes: Mapping[str, str]) -> None:
    """Draws the means: filled on the front, hollow where undecided because of noise, pale where dominated."""
    numbers = iter(places)
    by_shape: dict[str, list[tuple[float, Mark, str]]] = {}
    for line in chart.lines:
        shape = shapes[line.file] if len(shapes) > 1 and not line.dense else line.style.marker
        for mark in line.marks:
            by_shape.setdefault(shape, []).append((next(numbers), mark, line.style.colour))
    for shape, own in by_shape.items():
        edges = [to_rgba(colour, 0.45 if mark.status == "dominated" else 1.0) for _, mark, colour in own]
        hollow = [mark.status == "undecided" for _, mark, _ in own]
        large = 90 if shape == DENSE.marker else 46
        ax.scatter(
            [at for at, _, _ in own],
            [mark.score.value for _, mark, _ in own],
            s=[26 if mark.status == "dominated" else large for _, mark, _ in own],
            marker=shape,
            c=[to_rgba("white") if empty else edge for empty, edge in zip(hollow, edges, strict=True)],
            edgecolors=edges,
            linewidths=1.5,
            zorder=3,
            clip_on=False,
        )


def _draw_front(ax: Axes, chart: Chart) -> None:
    """Draws the front of the means: what it dominates lies below its steps."""
    assert chart.axis is not None, "a cost is an axis"
    front = sorted((mark.at, mark.score.value) for mark in chart.marks if mark.on_mean_front)
    ax.plot(
        *zip(*front, strict=True),
        drawstyle="steps-pre" if chart.axis.kind == "share" else "steps-post",
        color=GREY,
        linewidth=1.1,
        linestyle=":",
        zorder=0.9,
    )


def _varies(ax: Axes, line: Line) -> bool:
    """Returns whether the costs of a line differ, so that it leads somewhere."""
    places = [float(ax.transData.transform((mark.at, 0.0))[0]) for mark in line.marks]
    return max(places) - min(places) > _SAME_PLACE * ax.bbox.width


def _side_by_side(ax: Axes, chart: Chart) -> list[float]:
    """Moves lines a little apart where marks of several stand at the same cost, as files of one size do.

    The axis is widened where they need it.
    """
    lines = [line for line in chart.lines if not line.dense]
    names = list(dict.fromkeys(line.name for line in lines))
    transform = ax.transData + ax.transAxes.inverted()
    at = {id(mark): float(transform.transform((mark.at, 0.0))[0]) for line in lines for mark in line.marks}
    gaps = np.diff(np.sort(list(at.values())))
    if len(names) < 2 or not np.any(gaps < _SAME_PLACE):
        return [mark.at for mark in chart.marks]
    free = min((float(gap) for gap in gaps if gap >= _SAME_PLACE), default=1.0)
    apart = min(_APART, max(free / len(names), _LEAST_APART))
    middle = (len(names) - 1) / 2
    for line in lines:
        for mark in line.marks:
            at[id(mark)] += apart * (names.index(line.name) - middle)
    back = transform.inverted()
    edges = min(0.0, min(at.values()) - _APART), max(1.0, max(at.values()) + _APART)
    ax.set_xlim(*(float(back.transform((edge, 0.0))[0]) for edge in edges))
    return [
        float(back.transform((at[id(mark)], 0.0))[0]) if id(mark) in at else mark.at for mark in chart.marks
    ]


def _cost_legend(figure: Figure, chart: Chart, shapes: Mapping[str, str]) -> None:
    lines = line_handles(chart.lines, markers=len(shapes) < 2)
    handles = lines if len(lines) <= MOST_COLOURS else []
    grey: dict[str, Any] = {"color": GREY, "linestyle": ""}
    entries: tuple[tuple[ParetoStatus, str, dict[str, Any]], ...] = (
        ("on the front", "on the front", {}),
        ("undecided", "undecided (noise)", {"markerfacecolor": "white", "markeredgewidth": 1.5}),
        ("dominated", "dominated", {"alpha": 0.45, "markersize": 4.5}),
    )
    if len(shapes) > 1:
        handles += [Line2D([], [], marker=shape, label=file, **grey) for file, shape in shapes.items()]
    if any(line.dense for line in chart.lines):
        handles.append(Line2D([], [], marker=DENSE.marker, markersize=10, label="dense model", **grey))
    shown = {mark.status for mark in chart.marks}
    handles.append(Line2D([], [], color=GREY, linestyle=":", linewidth=1.1, label="front of the means"))
    for status, name, appearance in entries:
        if status in shown:
            handles.append(Line2D([], [], marker="o", label=name, **grey, **appearance))
    add_legend(figure, [*handles, *dense_handles(chart)])
