"""Draws scores along a numeric factor, and below them the paired differences that tell from where on."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from runner.compare.charts.axes import scale_places, scale_scores
from runner.compare.charts.chart import Chart, LevelDifference, Line
from runner.compare.charts.drawing import (
    GREY,
    WIDTH,
    add_legend,
    dense_handles,
    draw_dense,
    draw_grid,
    ends,
    line_handles,
    scale_differences,
    seed_alpha,
)
from runner.compare.charts.styles import MOST_COLOURS, ONE_COLOUR

_BAND_ALPHA = 0.16
_MOST_BANDS = 4
_SHADE = "#f0e442"
"""The palette's yellow: too pale for a line, and just right behind one."""


def curves_figure(chart: Chart) -> tuple[Figure, list[str]]:
    """Draws a chart along a numeric factor.

    Returns:
        The figure, and what its caption has to say of scales and colours.
    """
    assert chart.axis is not None, "it is drawn along a factor"
    below = bool(chart.differences)
    figure = Figure(figsize=(WIDTH, 5.6 if below else 3.9), layout="constrained")
    panels = figure.subplots(
        2 if below else 1, 1, sharex=True, squeeze=False, height_ratios=(3, 2) if below else (1,)
    )[:, 0]
    top = panels[0]
    levels = {mark.level: mark.at for mark in chart.marks}
    levels |= {step.level: step.at for one in chart.differences for step in one.steps}
    notes = scale_scores(top, "y", chart)
    many = len(chart.lines) > MOST_COLOURS
    for number, line in enumerate(chart.lines):
        _curve(top, line, number - (len(chart.lines) - 1) / 2, bands=len(chart.lines) <= _MOST_BANDS)
    draw_dense(top, chart, horizontal=True)
    top.set_ylabel(chart.score.name)
    draw_grid(top)
    if below:
        notes += _differences_along(panels[1], chart)
    notes += scale_places(panels[-1], chart.axis.kind, list(levels.values()), list(levels))
    panels[-1].set_xlabel(chart.axis.name)
    add_legend(figure, [*([] if many else line_handles(chart.lines)), *dense_handles(chart)])
    return figure, [*notes, *([ONE_COLOUR] if many else [])]


def _curve(ax: Axes, line: Line, place: float, *, bands: bool) -> None:
    """Draws one line: mean, interval, seeds; what lies at one place is moved aside by a few points."""
    x, y = [mark.at for mark in line.marks], [mark.score.value for mark in line.marks]
    low, high = ends(line.marks)
    colour = line.style.colour
    figure = ax.figure
    assert figure is not None
    aside = ax.transData + ScaledTranslation(3.5 * place / 72, 0, figure.dpi_scale_trans)
    if bands and len(x) > 1:
        ax.fill_between(x, low, high, color=colour, alpha=_BAND_ALPHA, linewidth=0)
        ax.plot(x, low, x, high, color=colour, alpha=0.45, linewidth=0.7, linestyle=line.style.dash)
    else:
        ax.vlines(x, low, high, color=colour, linewidth=1.1, transform=aside)
    ax.plot(
        x,
        y,
        color=colour,
        linestyle=line.style.dash if len(x) > 1 else "",
        linewidth=1.8,
        marker=line.style.marker,
        markersize=6,
        transform=ax.transData if bands else aside,
    )
    seeds = [point for mark in line.marks for point in mark.seeds.values()]
    ax.plot(
        *zip(*seeds, strict=True),
        ".",
        color=colour,
        alpha=seed_alpha(len(seeds)),
        markersize=5,
        transform=aside,
        zorder=1.5,
    )


def _differences_along(ax: Axes, chart: Chart) -> list[str]:
    """Draws paired differences along the factor: the ones that are shown filled, the others hollow."""
    own = chart.differences
    for number, one in enumerate(own):
        colour = GREY if len(own) == 1 else one.colour
        figure = ax.figure
        assert figure is not None
        place = 6.0 * (number - (len(own) - 1) / 2)
        aside = ax.transData + ScaledTranslation(place / 72, 0, figure.dpi_scale_trans)
        x, y = [step.at for step in one.steps], [step.mean for step in one.steps]
        ax.plot(x, y, color=colour, linewidth=1.2, transform=aside, label=one.name)
        ax.vlines(
            x,
            [step.low for step in one.steps],
            [step.high for step in one.steps],
            color=colour,
            linewidth=1.4,
            transform=aside,
        )
        faces = [colour if step.shown else "white" for step in one.steps]
        ax.scatter(x, y, s=42, c=faces, edgecolors=colour, linewidths=1.4, transform=aside, zorder=3)
    ax.axhline(0, color="black", linewidth=0.9, zorder=1)
    notes = scale_differences(ax, "y", [step for one in own for step in one.steps])
    draw_grid(ax)
    who = own[0].name if len(own) == 1 else f"{own[0].reference} \N{MINUS SIGN} others"
    ax.set_ylabel("\n".join(["difference,", *textwrap.wrap(who, 28)]))
    _say_who_is_better(ax, chart)
    if len(own) == 1:
        _shade(ax, own[0])
    else:
        ax.legend(
            handles=[Line2D([], [], color=one.colour, marker="o", label=one.name) for one in own],
            fontsize=8.5,
            frameon=False,
            ncols=min(3, len(own)),
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
        )
    return notes


def _say_who_is_better(ax: Axes, chart: Chart) -> None:
    own = chart.differences
    up, down = own[0].reference, own[0].other if len(own) == 1 else "the other"
    if not chart.score.higher_is_better:
        up, down = down, up
    for words, at, alignment in ((up, 0.97, "top"), (down, 0.03, "bottom")):
        ax.text(
            0.008,
            at,
            f"{'↑' if alignment == 'top' else '↓'} {words} better",
            transform=ax.transAxes,
            va=alignment,
            fontsize=8.5,
            color=GREY,
        )


def _shade(ax: Axes, difference: LevelDifference) -> None:
    """Shades the levels from which on the difference is shown."""
    if difference.shown_from is None:
        return
    places = {step.level: step.at for step in difference.steps}
    start, end = places[difference.shown_from], max(places.values())
    ax.axvspan(start, end, color=_SHADE, alpha=0.35, zorder=0, linewidth=0)
    # On the right, since on the left it is said which side is whose.
    ax.annotate(
        difference.shown_words,
        (end, 0.03),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        va="bottom",
        ha="right",
        fontsize=8.5,
        color=GREY,
    )
