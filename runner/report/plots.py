"""Pictures of a run."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runner.training import History

_COLOURS = {"train": "#0072b2", "val": "#d55e00", "_pruned_layers": "#000000"}
"""From the palette of Okabe and Ito, which colour-blind readers can tell apart."""
_MOST_LAYERS = 8


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
    axis.legend(fontsize="small")


def _line(axis: Axes, points: list[tuple[int, float]], **style: object) -> None:
    if points:
        axis.plot([step for step, _ in points], [value for _, value in points], **style)  # type: ignore[arg-type]
