"""Sparsity and accuracy along training: what was measured at each step, averaged over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from runner.compare.charts.drawing import add_legend, draw_grid, save_figure
from runner.compare.charts.styles import COLOURS, DASHES, MARKERS, Style, group_styles
from runner.compare.comparison import Comparison

MOST_RECIPES = 7
"""More curves than these in one picture cannot be distinguished."""

MOST_HISTORIES = 120
"""Each curve of each run is a query of its own to MLflow; so many take half a second."""

SPARSITY = "sparsity/_pruned_layers"

Series = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class MetricCurve:
    """A quantity of one recipe along training.

    Args:
        steps: Training steps at which every seed has a value.
        mean: The mean over seeds at each.
        low: The lowest of any seed.
        high: The highest of any seed.
    """

    steps: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class MetricCurves:
    """All curves of the picture.

    Args:
        by_recipe: Curves by metric, by recipe; recipes in the order of the table.
        axes: The metrics that are drawn, one above the other, with what their axis says.
        caption: What is shown, and what is left out.
        styles: How each recipe is drawn.
    """

    by_recipe: Mapping[str, Mapping[str, MetricCurve]]
    axes: Mapping[str, str]
    caption: str
    styles: Mapping[str, Style]


def read_curves(comparison: Comparison, history: Callable[[str, str], Series]) -> MetricCurves:
    """Reads what is drawn, and no more than there is time for.

    Args:
        comparison: Its first recipes are drawn.
        history: Reads a metric of a run along the steps: given the run's id and the metric's name.
    """
    axes = _axes(comparison)
    groups = comparison.groups[:MOST_RECIPES]
    most = max(1, MOST_HISTORIES // (max(1, len(axes)) * len(groups)))
    curves: dict[str, dict[str, MetricCurve]] = {}
    for group in groups:
        found = {
            metric: average(
                [history(one.run_id, metric) for one in group.results[:most] if metric in one.metrics]
            )
            for metric in axes
        }
        own = {metric: curve for metric, curve in found.items() if curve is not None}
        if own:
            curves[group.name] = own
    caption = (
        f"{' and '.join(axes.values()).capitalize()} along training: the mean over seeds, and a band from"
    )
    caption += " the lowest seed to the highest."
    if len(comparison.groups) > len(groups):
        caption += f" The first {len(groups)} of {len(comparison.groups)} recipes."
    if any(len(group.results) > most for group in groups):
        caption += f" At most {most} seed{'s' if most > 1 else ''} of each recipe."
    return MetricCurves(curves, axes, caption, _styles(comparison, list(curves)))


def _styles(comparison: Comparison, names: Sequence[str]) -> dict[str, Style]:
    """Takes the styles of all pictures; where these do not distinguish the few curves, others."""
    found = group_styles(comparison)
    if len({found[name] for name in names}) == len(names):
        return found
    return {name: Style(COLOURS[place], DASHES[place], MARKERS[place]) for place, name in enumerate(names)}


def _axes(comparison: Comparison) -> dict[str, str]:
    """Chooses what is drawn: sparsity, and each score on validation data, or on training data without any."""
    logged = {name for group in comparison.groups for result in group.results for name in result.metrics}
    axes = {SPARSITY: "sparsity of pruned layers"} if SPARSITY in logged else {}
    for score in comparison.scores:
        for split, word in (("val", "validation"), ("train", "training")):
            if f"{split}/{score.measure}" in logged:
                axes[f"{split}/{score.measure}"] = score.name.replace("test", word)
                break
    return axes


def average(series: Sequence[Series]) -> MetricCurve | None:
    """Averages what several seeds measured, over the steps that all of them have.

    Args:
        series: Of each seed `(step, value)`; seeds that measured nothing are left out.

    Returns:
        None where there is no step in common.
    """
    measured = [dict(one) for one in series if one]
    steps = sorted(set.intersection(*(set(one) for one in measured))) if measured else []
    if not steps:
        return None
    values = np.array([[one[step] for step in steps] for one in measured])
    return MetricCurve(np.array(steps), values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def plot_along_training(curves: MetricCurves, path: Path) -> bool:
    """Draws the curves of each recipe: a line for the mean, a band from the lowest seed to the highest.

    Args:
        curves: What is drawn.
        path: The PNG file to write; a PDF is written beside it.

    Returns:
        False, and nothing is written, where there is no curve.
    """
    drawn = [metric for metric in curves.axes if any(metric in own for own in curves.by_recipe.values())]
    if not drawn:
        return False
    figure = Figure(figsize=(7.6, 2.9 * len(drawn) + 0.5), layout="constrained")
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for ax, metric in zip(axes, drawn, strict=True):
        for name, own in curves.by_recipe.items():
            curve = own.get(metric)
            if curve is None:
                continue
            style = curves.styles[name]
            marker = "o" if len(curve.steps) == 1 else None
            ax.fill_between(curve.steps, curve.low, curve.high, color=style.colour, alpha=0.18, linewidth=0)
            ax.plot(
                curve.steps,
                curve.mean,
                color=style.colour,
                linestyle=style.dash,
                marker=marker,
                linewidth=1.6,
            )
        ax.set_ylabel(curves.axes[metric])
        draw_grid(ax)
        ax.ticklabel_format(axis="y", useOffset=False, style="plain")
        if metric.endswith("/accuracy"):
            low, high = ax.get_ylim()
            ax.set_ylim(max(low, 0.0), min(high, 1.0))
        if metric == SPARSITY:
            ax.set_ylim(-0.02, 1.02)
            ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[-1].set_xlabel("training step while pruning")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    handles = [
        Line2D([], [], color=curves.styles[name].colour, linestyle=curves.styles[name].dash, label=name)
        for name in curves.by_recipe
    ]
    add_legend(figure, handles)
    save_figure(figure, path)
    return True
