"""Draws scores against a cost: every mark with its interval, and how it stands to the Pareto front."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.charts import Chart, Line
from runner.compare.drawing import (
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
from runner.compare.looks import DENSE, MARKERS, MOST_COLOURS
from runner.compare.pareto import Standing
from runner.compare.scales import UNITS, scale_places, scale_scores

_SAME_PLACE = 0.003
_APART, _LEAST_APART = 0.016, 0.004
"""Shares of the picture's width."""


def costs_figure(chart: Chart) -> tuple[Figure, bool]:
    """Draws every mark with its interval; the shape says which file, the filling how it stands.

    Returns:
        The figure, and whether an interval is wider than the picture.
    """
    assert chart.axis is not None
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    axis = figure.subplots()
    clipped = scale_scores(axis, "y", chart)
    kind, marks = chart.axis.kind, chart.marks
    scale_places(axis, kind, [at for mark in marks for at, _ in mark.seeds.values()])
    places = _side_by_side(axis, chart)
    moved = any(at != mark.at for at, mark in zip(places, marks, strict=True))
    shapes = {file: MARKERS[number % len(MARKERS)] for number, file in enumerate(chart.files)}
    looks = [line for line in chart.lines for _ in line.marks]
    low, high = ends(marks)
    axis.vlines(places, low, high, colors=[line.look.colour for line in looks], linewidth=1.2, zorder=1.8)
    front = sorted((mark.at, mark.score.value) for mark in marks if mark.on_mean_front)
    axis.plot(
        *zip(*front, strict=True),
        drawstyle="steps-post" if kind != "share" else "steps-pre",
        color=GREY,
        linewidth=1.1,
        linestyle=":",
        zorder=0.9,
    )
    numbers = iter(places)
    for line in chart.lines:
        own = [next(numbers) for _ in line.marks]
        if _varies(axis, line) and len(chart.lines) <= MOST_COLOURS * 3:
            values = [mark.score.value for mark in line.marks]
            axis.plot(own, values, color=line.look.colour, linestyle=line.look.dash, linewidth=1.2, alpha=0.7)
    dots = [
        (at if moved else x, y, line.look.colour)
        for mark, at, line in zip(marks, places, looks, strict=True)
        for x, y in mark.seeds.values()
    ]
    axis.scatter(
        [x for x, _, _ in dots],
        [y for _, y, _ in dots],
        s=8,
        c=[colour for _, _, colour in dots],
        alpha=seed_alpha(len(dots)),
        linewidths=0,
        zorder=1.5,
    )
    shape = [
        DENSE.marker if one.dense else shapes[one.file] if len(shapes) > 1 else one.look.marker
        for one in looks
    ]
    for marker in dict.fromkeys(shape):
        own_marks = [number for number, one in enumerate(shape) if one == marker]
        stand = [marks[number].standing for number in own_marks]
        edges = [
            to_rgba(looks[number].look.colour, 0.45 if standing == "beaten" else 1.0)
            for number, standing in zip(own_marks, stand, strict=True)
        ]
        axis.scatter(
            [places[number] for number in own_marks],
            [marks[number].score.value for number in own_marks],
            s=[90 if marker == DENSE.marker else 26 if one == "beaten" else 46 for one in stand],
            marker=marker,
            c=[
                to_rgba("white") if one == "undecided" else edge
                for one, edge in zip(stand, edges, strict=True)
            ],
            edgecolors=edges,
            linewidths=1.5,
            zorder=3,
            clip_on=False,
        )
    draw_dense(axis, chart, horizontal=True)
    which = f" ({chart.files[0]})" if len(chart.files) == 1 else ""
    axis.set_xlabel(f"{chart.axis.name}{UNITS.get(kind, '')}{which}")
    axis.set_ylabel(chart.score.name)
    draw_grid(axis)
    _cost_legend(figure, chart, shapes)
    return figure, clipped


def _varies(axis: Axes, line: Line) -> bool:
    """Tells whether the costs of a line differ, so that it leads somewhere."""
    places = [float(axis.transData.transform((mark.at, 0.0))[0]) for mark in line.marks]
    return max(places) - min(places) > _SAME_PLACE * axis.bbox.width


def _side_by_side(axis: Axes, chart: Chart) -> list[float]:
    """Moves lines a little apart where marks of several stand at the same cost, as files of one size do.

    The axis is widened where they need it.
    """
    lines = [line for line in chart.lines if not line.dense]
    names = list(dict.fromkeys(line.name for line in lines))
    transform = axis.transData + axis.transAxes.inverted()
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
    axis.set_xlim(*(float(back.transform((edge, 0.0))[0]) for edge in edges))
    return [
        float(back.transform((at[id(mark)], 0.0))[0]) if id(mark) in at else mark.at for mark in chart.marks
    ]


def _cost_legend(figure: Figure, chart: Chart, shapes: Mapping[str, str]) -> None:
    lines = line_handles(chart.lines, markers=len(shapes) < 2)
    handles = lines if len(lines) <= MOST_COLOURS else []
    grey: dict[str, Any] = {"color": GREY, "linestyle": ""}
    looks: tuple[tuple[Standing, str, dict[str, Any]], ...] = (
        ("on the front", "on the front", {}),
        ("undecided", "undecided (noise)", {"markerfacecolor": "white", "markeredgewidth": 1.5}),
        ("beaten", "beaten", {"alpha": 0.45, "markersize": 4.5}),
    )
    if len(shapes) > 1:
        handles += [Line2D([], [], marker=shape, label=file, **grey) for file, shape in shapes.items()]
    if any(line.dense for line in chart.lines):
        handles.append(Line2D([], [], marker=DENSE.marker, markersize=10, label="dense model", **grey))
    stand = {mark.standing for mark in chart.marks}
    handles.append(Line2D([], [], color=GREY, linestyle=":", linewidth=1.1, label="front of the means"))
    for standing, name, style in looks:
        if standing in stand:
            handles.append(Line2D([], [], marker="o", label=name, **grey, **style))
    add_legend(figure, [*handles, *dense_handles(chart)])
