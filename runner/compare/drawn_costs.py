"""Draws scores against a cost: every mark with its interval, and how it stands to the Pareto front."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.charts import Chart, Mark
from runner.compare.drawing import (
    GREY,
    SEED_ALPHA,
    WIDTH,
    add_legend,
    dense_handles,
    draw_dense,
    draw_grid,
    ends,
    line_handles,
)
from runner.compare.looks import DENSE, MARKERS, MOST_COLOURS
from runner.compare.scales import UNITS, scale_places, scale_scores
from runner.compare.spreading import spread

_SAME_PLACE = 0.003


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
    scale_places(axis, kind, [at for mark in marks for at in _places(mark)])
    places = _side_by_side(axis, marks)
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
    start = 0
    for line in chart.lines:
        own = places[start : start + len(line.marks)]
        start += len(line.marks)
        if len(own) > 1 and len(chart.lines) <= MOST_COLOURS * 3:
            values = [mark.score.value for mark in line.marks]
            axis.plot(own, values, color=line.look.colour, linestyle=line.look.dash, linewidth=1.2, alpha=0.7)
    dots = [(point, line) for mark, line in zip(marks, looks, strict=True) for point in mark.seeds.values()]
    axis.scatter(
        [x for (x, _), _ in dots],
        [y for (_, y), _ in dots],
        s=6,
        c=[line.look.colour for _, line in dots],
        alpha=SEED_ALPHA,
        linewidths=0,
        zorder=1.5,
    )
    shape = ["*" if one.dense else shapes[one.file] if len(shapes) > 1 else one.look.marker for one in looks]
    for marker in dict.fromkeys(shape):
        index = [number for number, own in enumerate(shape) if own == marker]
        colours = [looks[number].look.colour for number in index]
        axis.scatter(
            [places[number] for number in index],
            [marks[number].score.value for number in index],
            s=[90 if marker == "*" else 46 if marks[number].standing != "beaten" else 26 for number in index],
            marker=marker,
            c=[
                "white" if marks[number].standing == "undecided" else colour
                for number, colour in zip(index, colours, strict=True)
            ],
            edgecolors=colours,
            linewidths=1.5,
            alpha=[0.45 if marks[number].standing == "beaten" else 1.0 for number in index],
            zorder=3,
            clip_on=False,
        )
    draw_dense(axis, chart, horizontal=True)
    axis.set_xlabel(f"{chart.axis.name}{UNITS.get(kind, '')}")
    axis.set_ylabel(chart.score.name)
    draw_grid(axis)
    _cost_legend(figure, chart, shapes)
    return figure, clipped


def _places(mark: Mark) -> list[float]:
    return [mark.at, *(at for at, _ in mark.seeds.values())]


def _side_by_side(axis: Axes, marks: Sequence[Mark]) -> list[float]:
    """Moves marks apart where most of them stand at the same costs, as files of one size do."""
    at = [mark.at for mark in marks]
    transform = axis.transData + axis.transAxes.inverted()
    across = transform.transform([(place, 0.0) for place in at])[:, 0]
    ordered = np.sort(across)
    close = np.diff(ordered) < _SAME_PLACE
    if len(at) < 3 or close.sum() < len(at) / 2:
        return at
    moved = np.array(spread([float(place) for place in across], 1.0))
    return [float(x) for x in transform.inverted().transform([(place, 0.0) for place in moved])[:, 0]]


def _cost_legend(figure: Figure, chart: Chart, shapes: Mapping[str, str]) -> None:
    lines = line_handles(chart.lines, markers=len(shapes) < 2)
    handles = lines if len(lines) <= MOST_COLOURS else []
    grey = {"color": GREY, "linestyle": ""}
    if len(shapes) > 1:
        handles += [
            Line2D([], [], marker=shape, label=f"{file} file", **grey) for file, shape in shapes.items()
        ]
    if any(line.dense for line in chart.lines):
        handles.append(
            Line2D([], [], marker=DENSE.marker, markersize=10, label="file of the dense model", **grey)
        )
    stand = {mark.standing for mark in chart.marks}
    handles.append(Line2D([], [], color=GREY, linestyle=":", linewidth=1.1, label="front of the means"))
    for standing, name, style in (
        ("on the front", "filled: on the front", {}),
        (
            "undecided",
            "ring: noise leaves it undecided",
            {"markerfacecolor": "white", "markeredgewidth": 1.5},
        ),
        ("beaten", "pale: beaten", {"alpha": 0.45, "markersize": 4.5}),
    ):
        if standing in stand:
            handles.append(Line2D([], [], marker="o", label=name, **grey, **style))
    add_legend(figure, [*handles, *dense_handles(chart)])
