"""The picture of one pruned tensor: its mask close up and as a whole, and its weights before and after."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from runner.report.palette import BLACK, BLUE, PALE, VERMILION
from runner.report.stored_mask import StoredMask, density

CORNER = 24
"""Rows and columns of the close-up."""
MOST_CELLS = (110, 330)
"""Rows and columns of cells in the overview; more are finer than the picture's dots."""

_BINS = 61
# All in inches. Places are given rather than found: it takes a third of the time, and nothing here is of a
# length that is not known but the title, which is cut.
_WIDTH, _SIDE, _TOP = 7.2, 2.7, 0.62
_CORNER_LEFT, _HISTOGRAM_LEFT, _HISTOGRAM_WIDTH = 0.6, 4.3, 2.75
_OVERVIEW_LEFT, _OVERVIEW_WIDTH, _OVERVIEW_HEIGHTS = 0.85, 5.6, (0.5, 3.2)
_BELOW, _BETWEEN = 0.55, 0.95
_LONGEST_TITLE = 62

_KEPT_OR_ZERO = ListedColormap([BLUE, PALE])
_ZERO_OR_KEPT = ListedColormap([PALE, BLUE])
_SHARES = LinearSegmentedColormap.from_list("kept", [PALE, "#7fb8d8", BLUE, "#00304d"])
_SMALL: dict[str, Any] = {"fontsize": 9}


def mask_figure(mask: StoredMask) -> Figure:
    """Draws a close-up, the histogram of the weights and, where the tensor is larger, the whole."""
    rows, columns = mask.zeros.shape
    whole = max(rows, columns) > CORNER
    low, high = _OVERVIEW_HEIGHTS
    overview = min(max(_OVERVIEW_WIDTH * rows / columns, low), high) if whole else 0.0
    height = _TOP + _SIDE + _BELOW + (_BETWEEN + overview - 0.1 if whole else 0.0)
    figure = Figure(figsize=(_WIDTH, height))

    def place(left: float, top: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height))

    style: dict[str, Any] = {"fontsize": 11, "fontweight": "bold", "va": "center", "parse_math": False}
    figure.text(0.12 / _WIDTH, 1 - 0.24 / height, _title(mask), **style)
    draw_corner(place(_CORNER_LEFT, _TOP, _SIDE, _SIDE), mask)
    draw_weights(place(_HISTOGRAM_LEFT, _TOP, _HISTOGRAM_WIDTH, _SIDE), mask)
    if whole:
        top = _TOP + _SIDE + _BETWEEN - 0.1
        wide = min(_OVERVIEW_WIDTH, max(overview * columns / rows, 1.2))
        axis = place(_OVERVIEW_LEFT, top, wide, overview)
        draw_whole(axis, place(_OVERVIEW_LEFT + wide + 0.15, top, 0.13, overview), mask)
    return figure


def draw_corner(axis: Axes, mask: StoredMask) -> None:
    """Draws the first rows and columns weight by weight, with the lines between groups."""
    shown = mask.zeros[:CORNER, :CORNER]
    rows, columns = shown.shape
    axis.imshow(shown, cmap=_KEPT_OR_ZERO, vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    axis.set_anchor("NW")
    group_rows = mask.groups.rows[mask.groups.rows < rows]
    group_columns = mask.groups.columns[mask.groups.columns < columns]
    # A grid of ticks would take ten times as long as these lines.
    for row_lines, column_lines, colour, width in (
        (np.arange(1, rows), np.arange(1, columns), "white", 0.6),
        (group_rows, group_columns, BLACK, 1.4),
    ):
        axis.hlines(row_lines - 0.5, -0.5, columns - 0.5, color=colour, linewidth=width)
        axis.vlines(column_lines - 0.5, -0.5, rows - 0.5, color=colour, linewidth=width)
    part = "the whole tensor" if shown.shape == mask.zeros.shape else f"first {rows} x {columns}"
    lines = ", line: group" if group_rows.size or group_columns.size else ""
    axis.set_title(f"{part} (blue: kept, pale: zero{lines})", loc="left", **_SMALL)
    _label(axis, mask, 6, 6)


def draw_whole(axis: Axes, scale: Axes, mask: StoredMask) -> None:
    """Draws the whole tensor: weight by weight where there is room, else as shares of kept weights."""
    rows, columns = mask.zeros.shape
    shares, tall, wide = density(mask, *MOST_CELLS)
    highest = float(shares.max())
    most = highest if 0 < highest < 0.5 else 1.0
    single = tall == wide == 1
    image = axis.imshow(
        shares,
        cmap=_ZERO_OR_KEPT if single else _SHARES,
        vmin=0,
        vmax=most,
        interpolation="nearest",
        aspect="auto",
        # The last cells may contain fewer weights; the limits below cut them off.
        extent=(-0.5, shares.shape[1] * wide - 0.5, shares.shape[0] * tall - 0.5, -0.5),
    )
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(rows - 0.5, -0.5)
    cell = "weight by weight" if single else f"each cell the share kept of {tall} x {wide}"
    axis.set_title(f"all {rows:,} x {columns:,}, {cell}", loc="left", **_SMALL)
    box = axis.get_window_extent().transformed(axis.figure.dpi_scale_trans.inverted())
    _label(axis, mask, int(box.width / 0.55), int(box.height / 0.25))
    if single:
        scale.remove()  # The close-up explains the two colours.
        return
    bar = axis.figure.colorbar(image, cax=scale, ticks=[0, most])
    bar.ax.set_yticklabels(["0", f"{most:.2g}"])
    bar.ax.tick_params(labelsize=9, length=2)


def draw_weights(axis: Axes, mask: StoredMask) -> None:
    """Draws how the weights are spread, before pruning and after it; zeros are a number, no bar."""
    edges = np.histogram_bin_edges(np.concatenate([mask.before, mask.after]), _BINS)
    limits = float(edges[0]), float(edges[-1])
    before, after = (np.histogram(values, _BINS, limits)[0] for values in (mask.before, mask.after))
    axis.stairs(after, edges, fill=True, color=BLUE, alpha=0.75, label="after, but zeros")
    axis.stairs(before, edges, color=VERMILION, linewidth=1.4, label="at the start of pruning")
    zeros = int(np.count_nonzero(mask.zeros))
    axis.set_title(f"weights; zeros: {zeros:,} of {mask.zeros.size:,}", loc="left", **_SMALL)
    axis.set_ylim(0, max(int(after.max()), int(before.max()), 1) * 1.32)  # Room for the legend.
    axis.legend(fontsize=8.5, loc="upper left", frameon=False, ncols=1, borderaxespad=0.2)
    axis.set_xlabel("value", **_SMALL)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.yaxis.set_major_formatter(lambda value, _: _short(value))
    axis.tick_params(labelsize=9)


def _label(axis: Axes, mask: StoredMask, most_columns: int, most_rows: int) -> None:
    axis.set_xlabel(mask.columns, labelpad=2, loc="left", **_SMALL)  # A narrow axis is shorter than it.
    axis.set_ylabel(mask.rows, **_SMALL)
    for ticks, at_most in ((axis.xaxis, max(most_columns, 1)), (axis.yaxis, max(most_rows, 1))):
        ticks.set_major_locator(MaxNLocator(at_most, integer=True, steps=[1, 2, 4, 5, 10], min_n_ticks=1))
        ticks.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.tick_params(labelsize=9)


def _title(mask: StoredMask) -> str:
    room = _LONGEST_TITLE - len(mask.pattern)
    short = f"{mask.title[: room // 2 - 2]}...{mask.title[2 - room // 2 :]}"
    return f"{mask.title if len(mask.title) <= room else short}: {mask.pattern}"


def _short(value: float) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"
