"""Axes on which differences show: their scales, limits and labels."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis as OneAxis
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
)
from numpy.typing import ArrayLike, NDArray

from runner.compare.charts.chart import AxisKind, Chart
from runner.compare.score import RankingScore

Which = Literal["x", "y"]

_ERROR_RANGE, _GOOD = 4.0, 0.8
"""Errors that differ by this factor and end below 1 - this share are shown on a logarithmic scale."""
_BAND_ROOM = 0.35
"""So much of the range of means and seeds may intervals add on either side; wider ones leave the picture."""
_MARGIN = 0.05
_DECADE = 8.0
_TICK_ROOM = 0.055
_LEAST_ERROR = 1e-9
_MOST_PLAIN = 1e9
"""Larger scores are written with a power of ten."""


def shows_errors(score: RankingScore, means: Sequence[float]) -> bool:
    """Returns whether a score is better shown on a logarithmic scale of its error.

    Where accuracies run from 60 % to 99 %, a linear axis hides that 99 % is half the error of 98 %.

    Args:
        score: What is shown.
        means: Of all marks.
    """
    if not score.metric.endswith("accuracy"):
        return False
    errors = [1 - mean for mean in means]
    return min(errors) > 0 and max(errors) > _ERROR_RANGE * min(errors) and max(means) > _GOOD


def scale_scores(ax: Axes, which: Which, chart: Chart) -> list[str]:
    """Scales, limits and labels the axis of the scores.

    Args:
        ax: What is drawn into.
        which: The axis of the scores.
        chart: Gives them.

    Returns:
        What the caption has to say: which scale it is, and that an interval leaves the picture.
    """
    score, marks = chart.score, chart.marks
    log = shows_errors(score, [mark.score.value for mark in marks])
    own = ax.yaxis if which == "y" else ax.xaxis
    points = [mark.score.value for mark in marks] + [dense.score for dense in chart.dense]
    points += [value for mark in marks for _, value in mark.seeds.values()]
    ends = [end for mark in marks for end in (mark.score.low, mark.score.high) if end is not None]
    least = min((1 - value for value in points if value < 1), default=_LEAST_ERROR) / 2

    def forward(values: ArrayLike) -> NDArray[np.float64]:
        given = np.asarray(values, np.float64)
        return -np.log10(np.maximum(1 - given, least)) if log else given

    def inverse(values: ArrayLike) -> NDArray[np.float64]:
        given = np.asarray(values, np.float64)
        return 1 - 10.0**-given if log else given

    low, high = _limits(forward(points), forward(ends))
    clipped = bool(np.any((forward(ends) < low) | (forward(ends) > high)))
    if score.metric.endswith("accuracy") and not log:
        low, high = max(low, -0.02), min(high, 1 + 0.02 * (1 - low))
    if log:
        _set_scale(ax, which, forward, inverse)
    bounds = float(inverse(low)), float(inverse(high))
    (ax.set_ylim if which == "y" else ax.set_xlim)(bounds)
    if log:
        ticks = _error_ticks(*bounds)
        _fix(own, ticks, [f"{tick:.6g}" for tick in ticks])
    else:
        own.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        style: Literal["sci", "plain"] = "sci" if max(map(abs, bounds)) > _MOST_PLAIN else "plain"
        ax.ticklabel_format(axis=which, useOffset=False, style=style)
    scale = [f"{score.name.capitalize()} has a logarithmic scale of its error."] if log else []
    return [*scale, "Intervals that leave the picture are in the table."] if clipped else scale


def _limits(points: NDArray[np.float64], ends: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(points.min()), float(points.max())
    span = high - low
    if span == 0 and len(ends):
        span = float(ends.max() - ends.min())
    if span == 0:
        span = max(abs(low) * 0.02, 1e-3)
        return low - span, high + span
    if len(ends):
        low = min(low, max(float(ends.min()), low - _BAND_ROOM * span))
        high = max(high, min(float(ends.max()), high + _BAND_ROOM * span))
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def _error_ticks(low: float, high: float) -> list[float]:
    """Chooses accuracies whose errors are 1, 2 or 5 times a power of ten; all digits where those are few."""
    exponents = range(math.floor(math.log10(max(1 - high, _LEAST_ERROR))), 1)
    for digits in ((1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        errors = [digit * 10.0**power for power in exponents for digit in digits]
        ticks = sorted(1 - error for error in errors if low <= 1 - error <= high)
        if len(ticks) > 3:
            break
    return ticks


def scale_places(ax: Axes, kind: AxisKind, places: Sequence[float], labels: Sequence[str] = ()) -> list[str]:
    """Scales and labels the horizontal axis.

    Sparsities stand by what remains, on a logarithmic scale: 0.9 is as far from 0.95 as 0 from 0.5.

    Args:
        ax: What is drawn into; its limits must not be changed any more.
        kind: See `chart.AxisKind`.
        places: What stands on it.
        labels: Of each place; empty where ticks are chosen.

    Returns:
        What the caption has to say of the scale.
    """
    transform = _scaling(ax, kind, places)
    at = transform(places)
    low, high = float(at.min()), float(at.max())
    room = 0.06 * (high - low) if high > low else 0.5
    if kind in ("sparsity", "share"):
        ax.set_xlim(1 - 2.0 ** -(low - room), 1 - 2.0 ** -(high + room))
    elif ax.get_xscale() == "log":
        ax.set_xlim(10 ** (low - room), 10 ** (high + room))
    else:
        ax.set_xlim(low - room, high + room)
    if labels:
        ordered = sorted(set(zip(places, labels, strict=True)))
        _fix(ax.xaxis, *_uncrowded(transform, ordered))
    elif kind == "share":
        ticks = [tick for tick in _SHARES if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
        if len(ticks) > 2:
            _fix(ax.xaxis, *_uncrowded(transform, [(tick, f"{100 * tick:g}%") for tick in ticks]))
        else:
            ax.xaxis.set_major_locator(MaxNLocator(6))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}%"))
    else:
        if ax.get_xscale() == "log":
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _amount(value, kind)))
        ax.xaxis.set_minor_locator(NullLocator())
    if kind in ("sparsity", "share"):
        return ["Sparsities stand by the weights that remain, on a logarithmic scale."]
    return ["The horizontal scale is logarithmic."] if ax.get_xscale() == "log" else []


_SHARES = (
    0,
    0.25,
    0.5,
    0.625,
    0.75,
    0.8,
    0.85,
    0.875,
    0.9,
    0.925,
    0.95,
    0.96,
    0.97,
    0.98,
    0.985,
    0.99,
    0.995,
)

UNITS: dict[AxisKind, str] = {"bytes": ", kB", "milliseconds": ", ms", "count": ", millions"}
"""The unit behind the name of an axis."""


def _scaling(ax: Axes, kind: AxisKind, places: Sequence[float]) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """Sets the scale and returns it as a function."""
    if kind in ("sparsity", "share"):
        # A model without any weight left has no place on it; 2**-40 of the weights is nobody's.
        def forward(values: ArrayLike) -> NDArray[np.float64]:
            return -np.log2(np.maximum(1 - np.asarray(values, np.float64), 2.0**-40))

        def inverse(values: ArrayLike) -> NDArray[np.float64]:
            return 1 - 2.0 ** -np.asarray(values, np.float64)

        _set_scale(ax, "x", forward, inverse)
        return forward
    if min(places) > 0 and max(places) > _DECADE * min(places):
        ax.set_xscale("log")
        return lambda values: np.log10(np.asarray(values, np.float64))
    return lambda values: np.asarray(values, np.float64)


def _set_scale(ax: Axes, which: Which, forward: object, inverse: object) -> None:
    (ax.set_yscale if which == "y" else ax.set_xscale)("function", functions=(forward, inverse))


def _uncrowded(
    transform: Callable[[ArrayLike], NDArray[np.float64]], ordered: Sequence[tuple[float, str]]
) -> tuple[list[float], list[str]]:
    """Leaves out labels that would run into their neighbours; the first and the last stay."""
    at = transform([place for place, _ in ordered])
    span = max(float(at[-1] - at[0]), 1e-12)
    widths = [max(len(label), 3) / 5 * _TICK_ROOM * span for _, label in ordered]
    kept = [0]
    for index in range(1, len(ordered)):
        while (
            index == len(ordered) - 1
            and len(kept) > 1
            and at[index] - at[kept[-1]] < (widths[index] + widths[kept[-1]]) / 2
        ):
            kept.pop()
        if at[index] - at[kept[-1]] >= (widths[index] + widths[kept[-1]]) / 2:
            kept.append(index)
    return [ordered[index][0] for index in kept], [ordered[index][1] for index in kept]


def _fix(ax: OneAxis, ticks: Sequence[float], labels: Sequence[str]) -> None:
    ax.set_major_locator(FixedLocator(list(ticks)))
    ax.set_major_formatter(FixedFormatter(list(labels)))
    ax.set_minor_locator(NullLocator())


def _amount(value: float, kind: AxisKind) -> str:
    if kind == "bytes":
        return f"{value / 1000:,.6g}"
    return f"{value / 1e6:,.6g}" if kind == "count" else f"{value:.6g}"
