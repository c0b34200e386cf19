"""Pictures of a run."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from runner.plan import Curve, Plan
from runner.report.curves import curve_words
from runner.training import History

_COLOURS = {
    "train": "#0072b2",
    "val": "#d55e00",
    "_pruned_layers": "#000000",
    "masks": "#0072b2",
    "wanted": "#d55e00",
    "updates": "#000000",
}
"""From the palette of Okabe and Ito, which colour-blind readers can tell apart."""
_MOST_LAYERS = 8
_MOST_IN_A_COLUMN = 3
_SAMPLES = 400


def plot_training(history: History, updates: Sequence[int], path: Path) -> None:
    """Draws loss, accuracy (where there is one) and sparsity along the steps.

    Args:
        history: What training measured.
        updates: Steps at which a mask was updated; drawn as ticks under the sparsity.
        path: The PNG file to write.
    """
    series: dict[str, list[tuple[int, float]]] = {}
    for step, name, value in history.points:
        series.setdefault(name, []).append((step, value))
    rows = [metric for metric in ("loss", "accuracy") if f"train/{metric}" in series]
    figure = Figure(figsize=(8, 2.6 * (len(rows) + 1)), layout="constrained")
    axes = figure.subplots(len(rows) + 1, 1, sharex=True, squeeze=False)[:, 0]
    for axis, metric in zip(axes, rows, strict=False):
        for split in ("train", "val"):
            _line(axis, series.get(f"{split}/{metric}", []), label=split, color=_COLOURS[split], marker="o")
        axis.set_ylabel(metric)
        axis.legend()
    _sparsity(axes[-1], series, updates)
    axes[-1].set_xlabel("training step")
    figure.savefig(path, dpi=120)


def plot_schedules(plan: Plan, path: Path) -> None:
    """Draws each rule's sparsity over the training steps, with its mask updates.

    Args:
        plan: The plan; some rule of it prunes.
        path: The PNG file to write.
    """
    schedules_figure(plan.curves).savefig(path, dpi=120)


def schedules_figure(curves: Sequence[tuple[str, Curve]]) -> Figure:
    """Draws a panel for each rule, all on the same axes.

    Args:
        curves: Rules and their curves, at least one.

    Returns:
        The figure; its one legend stands below the panels.
    """
    columns = 1 if len(curves) <= _MOST_IN_A_COLUMN else 2
    rows = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(6 + 3 * columns, 2.1 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, (rule, curve) in zip(panels, curves, strict=False):
        _schedule(panel, curve)
        title = f"{rule}: {curve_words(curve)}"
        panel.set_title(title if len(title) < 75 else title.replace(": ", ":\n", 1), loc="left", fontsize=10)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    for panel in panels[::columns]:
        panel.set_ylabel("sparsity")
    for panel in panels[len(curves) - columns : len(curves)]:
        panel.set_xlabel("training step")
        panel.tick_params(labelbottom=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _schedule(panel: Axes, curve: Curve) -> None:
    masks = sorted({0, *curve.steps, curve.total_steps})
    _line(
        panel,
        [(step, curve.level(step)) for step in masks],
        label="masks",
        color=_COLOURS["masks"],
        linewidth=2.5,
        drawstyle="steps-post",
    )
    sampled = np.linspace(0, curve.total_steps, _SAMPLES).round().astype(int).tolist()
    wanted = [(step, curve.wanted(step)) for step in sorted({*sampled, *curve.steps})]
    _line(
        panel,
        [(step, level) for step, level in wanted if level is not None],
        label="schedule",
        color=_COLOURS["wanted"],
        linewidth=1.3,
        linestyle="--",
    )
    panel.plot(curve.steps, [-0.07] * len(curve.steps), "|", color=_COLOURS["updates"], label="mask updates")
    panel.set_ylim(-0.14, 1.04)
    panel.set_yticks([0, 0.25, 0.5, 0.75, 1])
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(alpha=0.3)


def _sparsity(axis: Axes, series: dict[str, list[tuple[int, float]]], updates: Sequence[int]) -> None:
    layers = [name for name in series if name.startswith("sparsity/") and "/_" not in name]
    for name in layers[:_MOST_LAYERS] if len(layers) <= _MOST_LAYERS else []:
        _line(axis, series[name], label=name.removeprefix("sparsity/"), linewidth=1)
    overall = series.get("sparsity/_pruned_layers", [])
    _line(
        axis,
        overall,
        label="all pruned layers",
        color=_COLOURS["_pruned_layers"],
        linewidth=2,
        linestyle="--",
    )
    axis.plot(updates, [-0.03] * len(updates), "|", color="#777777", label="mask updates")
    axis.set_ylabel("sparsity")
    axis.set_ylim(-0.06, 1.02)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.legend(fontsize="small")


def _line(axis: Axes, points: list[tuple[int, float]], **style: object) -> None:
    if points:
        axis.plot([step for step, _ in points], [value for _, value in points], **style)  # type: ignore[arg-type]
