"""What all pictures of a comparison share: how they are saved, their legends, intervals and dense levels."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.charts import Chart, Line, Mark, Step
from runner.compare.looks import DENSE
from runner.report.palette import GRID

WIDTH = 7.6
"""Inches: of the text of a page."""
GREY = "#555555"
SEED_ALPHA = 0.4
_DOTS_PER_INCH = 130
_LEGEND_LETTERS = 95


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG and, beside it, as PDF.

    PDF because LaTeX takes it as it is, with letters as letters (TrueType, which publishers ask for), where
    SVG needs another program first.

    Args:
        figure: Laid out anew.
        path: The PNG file.
    """
    figure.savefig(path, dpi=_DOTS_PER_INCH)
    figure.set_layout_engine("none")  # The layout is found; to find it again takes as long as to draw.
    with rc_context({"pdf.fonttype": 42}):
        # Without a date two files of one comparison are the same.
        figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})


def add_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Puts a legend under the pictures and makes the figure as much higher as it needs.

    Args:
        figure: With constrained layout.
        handles: Names are shown whole, as many abreast as there is room for.
    """
    named = [handle for handle in handles if handle.get_label()]
    if not named:
        return
    longest = max(len(str(handle.get_label())) for handle in named)
    columns = max(1, min(4, len(named), _LEGEND_LETTERS // (longest + 8)))
    rows = -(-len(named) // columns)
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.2 * rows)
    figure.legend(
        handles=named, loc="outside lower center", ncols=columns, frameon=False, handlelength=3, fontsize=9.5
    )


def line_handles(lines: Sequence[Line], *, markers: bool = True) -> list[Line2D]:
    """Returns what a legend shows for lines; a name that several have stands once."""
    named = {line.name: line for line in reversed(lines) if line.name and not line.dense}
    return [
        Line2D(
            [],
            [],
            color=line.look.colour,
            linestyle=line.look.dash,
            marker=line.look.marker if markers else "",
            label=name,
        )
        for name, line in reversed(named.items())
    ]


def draw_dense(axis: Axes, chart: Chart, *, horizontal: bool) -> None:
    """Draws the dense levels across the picture."""
    colours = {line.name: line.look.colour for line in chart.lines}
    for dense in chart.dense:
        line = axis.axhline if horizontal else axis.axvline
        colour = DENSE.colour if dense.line is None else colours[dense.line]
        line(dense.score, color=colour, linestyle=DENSE.dash, linewidth=1.3, zorder=1.2)


def dense_handles(chart: Chart) -> list[Line2D]:
    """Returns what a legend shows for the dense levels."""
    if not chart.dense:
        return []
    name = chart.dense[0].name if len(chart.dense) == 1 else "dense, in the line's colour"
    return [Line2D([], [], color=DENSE.colour, linestyle=DENSE.dash, linewidth=1.3, label=name)]


def ends(marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
    """Returns the lower and the upper ends of intervals; those of single seeds are their scores."""
    scores = [mark.score for mark in marks]
    low = [score.value if score.low is None else score.low for score in scores]
    return low, [score.value if score.high is None else score.high for score in scores]


def difference_limits(steps: Sequence[Step]) -> tuple[float, float]:
    """Shows all means and 0; intervals as far as they are not many times as wide as these."""
    means = [0.0, *(step.mean for step in steps)]
    span = max(means) - min(means)
    widths = sorted(step.high - step.low for step in steps)
    room = max(0.6 * span, widths[len(widths) // 2])
    low = max(min(step.low for step in steps), min(means) - room)
    high = min(max(step.high for step in steps), max(means) + room)
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.12 * (high - low) or 1e-3
    return low - margin, high + margin


def signed(value: float, _: object = None) -> str:
    """Writes a difference with its sign, and 0 without."""
    return "0" if abs(value) < 1e-12 else f"{value:+.6g}".replace("-", "\N{MINUS SIGN}")


def draw_grid(axis: Axes) -> None:
    """Draws a pale grid behind everything."""
    axis.grid(color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
