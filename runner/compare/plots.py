"""The comparison's pictures: what accuracy costs in zeros and in bytes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.comparison import Comparison
from runner.compare.groups import Group
from runner.compare.pareto import pareto_front
from runner.compare.score import Score
from runner.compare.spreading import spread
from runner.compare.statistics import Mean
from runner.compare.table import Column, by_data, columns, file_columns
from runner.report.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

_MORE = ("#882255", "#999933", "#332288", "#888888", "#7f4f24", "#44dd88", "#ee3377")
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, BLACK, SKY, ORANGE, *_MORE)
"""The palette's without its yellow, too pale for lines on white; the others part up to fourteen recipes."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)))
"""Curves that lie on each other are told apart by these."""

MOST_NAMED = 14
"""Of more recipes than these a legend is no help: all have one colour, and the tables name them."""

_LEAST_POINTS = 10.0
"""So many percentage points of sparsity a picture shows at least."""
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DOTS_PER_INCH = 130


@dataclass(frozen=True)
class _Point:
    """One mark in a picture.

    Args:
        group: Its recipe's number.
        file: The file's number, 0 in pictures without files.
        x: Where it stands.
        score: How high, with the interval.
    """

    group: int
    file: int
    x: float
    score: Mean


class _Style(NamedTuple):
    """How a mark looks; marks that look the same are drawn together, since each drawing has its price."""

    colour: str
    marker: str
    filled: bool


def plot_score_by_sparsity(comparison: Comparison, ranking: Score, path: Path) -> bool:
    """Draws the mean score of each recipe, and each run's, against the share of zeros in the whole model.

    Args:
        comparison: What is drawn: of its recipes those that this score ranks.
        ranking: The score.
        path: The PNG file to write.

    Returns:
        False, and nothing is written, where no run has both numbers.
    """
    by_name = {column.name: column for column in columns(comparison)}
    score, sparsity = by_name.get(ranking.measure), by_name.get("sparsity")
    if score is None or sparsity is None:
        return False
    points = [
        _Point(number, 0, 100 * across.value, up)
        for number, group in enumerate(comparison.groups)
        if (up := score.mean(group)) is not None and (across := sparsity.mean(group)) is not None
    ]
    if not points:
        return False
    figure, axis = _figure()
    places = [point.x for point in points]
    shown = spread(places, _LEAST_POINTS)
    styles: dict[_Style, list[int]] = {}
    for index, point in enumerate(points):
        styles.setdefault(_Style(*_look(point.group, len(comparison.groups)), True), []).append(index)
    for style, own in styles.items():
        runs = [(shown[index], _run_values(comparison.groups[points[index].group], score)) for index in own]
        dots = [(x, value) for x, values in runs for value in values]
        axis.plot(
            *zip(*dots, strict=True),
            ".",
            color=style.colour,
            alpha=0.45,
            markersize=5,
            zorder=1,
            clip_on=False,
        )
    _draw_marks(axis, points, shown, styles)
    if max(places) - min(places) < _LEAST_POINTS:
        middle = (max(places) + min(places)) / 2
        axis.set_xlim(middle - _LEAST_POINTS / 2, middle + _LEAST_POINTS / 2)
    axis.set_xlabel("zeros in the whole model")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}%")
    _finish(figure, axis, comparison, ranking, shapes=True)
    figure.savefig(path, dpi=_DOTS_PER_INCH)
    return True


def plot_score_by_gzip_bytes(comparison: Comparison, ranking: Score, path: Path) -> bool:
    """Draws the mean score of every exported file against its size when gzipped, and the Pareto fronts.

    Args:
        comparison: What is drawn: of its recipes those that this score ranks. Each data set has a front.
        ranking: The score.
        path: The PNG file to write.

    Returns:
        False, and nothing is written, where no run has both numbers.
    """
    files = file_columns(comparison, ranking)
    points = [
        _Point(number, place, across.value, up)
        for number, group in enumerate(comparison.groups)
        for place, (_, score, size) in enumerate(files)
        if (up := score.mean(group)) is not None and (across := size.mean(group)) is not None
    ]
    if not points:
        return False
    figure, axis = _figure()
    fronts = _fronts(comparison, ranking, points)
    on_front = {index for front in fronts for index in front}
    sizes = [point.x for point in points]
    decades = max(sizes) > 4 * min(sizes) > 0
    shown = _sizes_side_by_side(sizes, decades)
    for front in fronts:
        axis.plot(
            [shown[index] for index in front],
            [points[index].score.value for index in front],
            drawstyle="steps-post",
            color="#555555",
            linewidth=1.6,
            zorder=0,
        )
    styles: dict[_Style, list[int]] = {}
    for index, point in enumerate(points):
        colour, _ = _look(point.group, len(comparison.groups))
        style = _Style(colour, _MARKERS[point.file % len(_MARKERS)], index in on_front)
        styles.setdefault(style, []).append(index)
    _draw_marks(axis, points, shown, styles)
    if decades:
        axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: _kilobytes(value))
    axis.xaxis.set_minor_formatter(
        lambda value, _: _kilobytes(value) if _leading_digit(value) in "25" else ""
    )
    axis.set_xlabel("gzipped file, kB")
    kinds = [
        Line2D([], [], color="#555555", marker=_MARKERS[place % len(_MARKERS)], linestyle="", label=name)
        for place, (name, _, _) in enumerate(files)
    ]
    kinds.append(Line2D([], [], color="#555555", linewidth=1.6, label="Pareto front, filled"))
    # Above the picture: within it any place may be a mark's.
    axis.legend(handles=kinds, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
    _finish(figure, axis, comparison, ranking, shapes=False)
    figure.savefig(path, dpi=_DOTS_PER_INCH)
    return True


def legend_handles(names: Sequence[str], *, lines: bool = False) -> list[Line2D]:
    """Returns what a legend shows for recipes: their markers, or their lines."""
    handles = []
    for number, name in enumerate(names):
        colour, marker = _look(number, len(names))
        style = {"linestyle": DASHES[number % len(DASHES)]} if lines else {"marker": marker, "linestyle": ""}
        handles.append(Line2D([], [], color=colour, label=name, **style))
    return handles


def add_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Puts a legend under the pictures, as many columns as the names leave room for."""
    if handles:
        longest = max(len(str(handle.get_label())) for handle in handles)
        figure.legend(
            handles=list(handles),
            loc="outside lower center",
            ncols=max(1, min(4, len(handles), 95 // (longest + 8))),
            frameon=False,
        )


def keep_within_shares(axis: Axes) -> None:
    """Ends an axis of accuracies where they end, at 0 and 1; intervals run out of the picture there."""
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, 0.0), min(high, 1.0))


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    return figure, figure.subplots()


def _fronts(comparison: Comparison, ranking: Score, points: Sequence[_Point]) -> list[list[int]]:
    """Returns the points on the front of each data set, by their places in `points`."""
    found = []
    for groups in by_data(comparison.groups):
        names = {group.name for group in groups}
        own = [i for i, point in enumerate(points) if comparison.groups[point.group].name in names]
        costs = [(points[index].x, points[index].score.value) for index in own]
        front = pareto_front(costs, higher_is_better=ranking.higher_is_better)
        found.append([own[index] for index in front])
    return [front for front in found if front]


def _finish(figure: Figure, axis: Axes, comparison: Comparison, ranking: Score, *, shapes: bool) -> None:
    """Labels the score's axis and says which recipe is which, by colour and, with `shapes`, by shape."""
    axis.set_ylabel(f"{ranking.name}, mean and 95% interval")
    axis.ticklabel_format(axis="y", useOffset=False, style="plain")
    axis.grid(color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    if ranking.higher_is_better:
        keep_within_shares(axis)
    names = [group.name for group in comparison.groups]
    handles = legend_handles(names) if len(names) <= MOST_NAMED else []
    if not shapes:
        for handle in handles:
            handle.set_marker("s")
    add_legend(figure, handles)


def _draw_marks(
    axis: Axes, points: Sequence[_Point], places: Sequence[float], styles: Mapping[_Style, Sequence[int]]
) -> None:
    """Draws each point, at its place, with its interval."""
    for style, own in styles.items():
        drawn = axis.errorbar(
            [places[index] for index in own],
            [points[index].score.value for index in own],
            yerr=[points[index].score.half_width or 0.0 for index in own],
            color=style.colour,
            fmt=style.marker,
            markerfacecolor=style.colour if style.filled else "white",
            capsize=3,
            elinewidth=1.2,
            markersize=7,
        )
        drawn.lines[0].set_clip_on(False)  # The mark of an accuracy of 1 shall be seen whole.


def _look(number: int, count: int) -> tuple[str, str]:
    """Returns colour and marker of a recipe."""
    if count > MOST_NAMED:
        return COLOURS[0], "o"
    return COLOURS[number % len(COLOURS)], _MARKERS[(number + number // len(_MARKERS)) % len(_MARKERS)]


def _sizes_side_by_side(sizes: Sequence[float], decades: bool) -> list[float]:
    if not decades:
        return spread(sizes, max(sizes) / 20)
    return [10**place for place in spread([math.log10(size) for size in sizes], 0.0)]


def _run_values(group: Group, column: Column) -> list[float]:
    return [value for result in group.results if (value := column.value(result)) is not None]


def _kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f}" if value >= 10_000 else f"{value / 1000:g}"


def _leading_digit(value: float) -> str:
    return f"{value:e}"[0]
