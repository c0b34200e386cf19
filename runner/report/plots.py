"""Pictures of a run along its training: sparsity by rule, loss and accuracy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from runner.plan import Plan, ScheduleCurve
from runner.report.curves import curve_words
from runner.report.palette import BLACK, BLUE, GREEN, GRID, VERMILION
from runner.training import History

Points = Sequence[tuple[int, float]]

_MOST_IN_A_COLUMN = 3
_SAMPLES = 400


def training_figure(history: History, updates: Sequence[int]) -> Figure:
    """Draws loss and accuracy, where there is one, along the steps, and the steps of mask updates below."""
    series = _by_name(history)
    metrics = [metric for metric in ("loss", "accuracy") if f"train/{metric}" in series]
    figure = Figure(figsize=(7.2, 2.2 * len(metrics) + 0.9), layout="constrained")
    panels = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)[:, 0]
    for panel, metric in zip(panels, metrics, strict=True):
        for split, label, colour, style, marker in (
            ("train", "training (mean over the epoch)", BLUE, "-", "o"),
            ("val", "validation", VERMILION, "--", "s"),
        ):
            points = series.get(f"{split}/{metric}", [])
            _line(panel, points, label=label, color=colour, linestyle=style, marker=marker, markersize=5)
        # In the panel's own heights, so that the marks stay at its foot whatever the values are.
        foot = panel.get_xaxis_transform()
        panel.vlines(updates, 0, 0.06, transform=foot, color=BLACK, linewidth=1.0, label="mask updates")
        panel.margins(y=0.12)
        panel.set_ylabel(metric)
        panel.grid(color=GRID, linewidth=0.6)
    panels[-1].set_xlabel("training step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def measured_by_rule(plan: Plan, history: History) -> dict[str, Points]:
    """Collects what was measured of the layers of each rule, `(step, sparsity)`, each value once."""
    series = _by_name(history)
    found: dict[str, set[tuple[int, float]]] = {}
    for row in plan.pruned:
        found.setdefault(row.rule or "", set()).update(series.get(f"sparsity/{row.layer}", []))
    return {rule: sorted(points) for rule, points in found.items()}


def sparsity_figure(curves: Sequence[tuple[str, ScheduleCurve]], measured: Mapping[str, Points]) -> Figure:
    """Draws each rule's schedule, masks and updates, and what was measured in its layers, in a panel each."""
    columns = 1 if len(curves) <= _MOST_IN_A_COLUMN else 2
    rows = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(7.2 if columns == 1 else 12, 2.1 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, (rule, curve) in zip(panels, curves, strict=False):
        _schedule(panel, curve, measured.get(rule, ()))
        title = f"{rule}: {curve_words(curve)}"
        shown = title if len(title) < 68 else title.replace(": ", ":\n", 1)
        panel.set_title(shown, loc="left", fontsize=10, parse_math=False)  # `$` may stand in a rule's name.
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    for panel in panels[::columns]:
        panel.set_ylabel("sparsity")
    for panel in panels[len(curves) - columns : len(curves)]:
        panel.set_xlabel("training step")
        panel.tick_params(labelbottom=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _schedule(panel: Axes, curve: ScheduleCurve, measured: Points) -> None:
    masks = [(step, curve.level(step)) for step in sorted({0, *curve.steps, curve.total_steps})]
    _line(panel, masks, label="masks", color=BLUE, linewidth=2.5, drawstyle="steps-post")
    sampled = np.linspace(0, curve.total_steps, _SAMPLES).round().astype(int).tolist()
    wanted = [(step, curve.wanted(step)) for step in sorted({*sampled, *curve.steps})]
    known = [(step, level) for step, level in wanted if level is not None]
    _line(panel, known, label="schedule", color=VERMILION, linewidth=1.3, linestyle="--")
    circles: dict[str, Any] = {"marker": "o", "markersize": 5.5, "markerfacecolor": "none", "linestyle": ""}
    _line(panel, measured, label="measured, every layer", color=GREEN, **circles)
    panel.plot(curve.steps, [-0.07] * len(curve.steps), "|", color=BLACK, label="mask updates")
    panel.set_ylim(-0.14, 1.04)
    panel.set_yticks([0, 0.25, 0.5, 0.75, 1])
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(color=GRID, linewidth=0.6)


def _by_name(history: History) -> dict[str, list[tuple[int, float]]]:
    series: dict[str, list[tuple[int, float]]] = {}
    for step, name, value in history.points:
        series.setdefault(name, []).append((step, value))
    return series


def _line(axis: Axes, points: Points, **style: Any) -> None:
    if points:
        axis.plot(*zip(*points, strict=True), **style)
