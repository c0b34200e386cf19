"""What all pictures of a comparison share: how they are saved, their legends, intervals and dense levels."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from runner.compare.charts.chart import Chart, DifferencePoint, Line, Mark
from runner.compare.charts.styles import DENSE
from runner.report.palette import GRID

WIDTH = 7.6
"""Inches: of the text of a page."""
GREY = "#555555"
_DOTS_PER_INCH = 130
_LEGEND_LETTERS = 95
_WIDE = 8.0
"""Intervals whose reaches differ by more than this do not show on one linear axis."""


@dataclass
class Attempt:
    """A plot that is being drawn.

    Args:
        failure: Why it could not be drawn; empty where it is.
    """

    failure: str = ""


@contextmanager
def attempt(path: Path) -> Iterator[Attempt]:
    """Lets a plot fail without the rest: its error stands in its place, and no file of it is left.

    Args:
        path: The PNG file that is written within the block.
    """
    tried = Attempt()
    try:
        # In keys and levels `$` does not begin a formula.
        with rc_context({"text.parse_math": False}):
            yield tried
    except OSError:
        raise  # The folder cannot be written.
    except Exception as error:
        tried.failure = f"{path.name} could not be drawn ({type(error).__name__}: {error})."
        for file in (path, path.with_suffix(".pdf")):
            file.unlink(missing_ok=True)


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
    """Returns what a legend shows for lines: a patch of colour where they are single marks.

    Args:
        lines: A name that several of them have stands once.
        markers: Whether the shape of marks tells the lines apart.
    """
    named = {line.name: line for line in reversed(lines) if line.name and not line.dense}
    joined = any(len(line.marks) > 1 for line in lines)
    handles: list[Line2D] = []
    for name, line in reversed(named.items()):
        handle = Line2D([], [], color=line.style.colour, label=name)
        if joined:
            handle.set_linestyle(line.style.dash)
        elif not markers:
            handle.set_linewidth(5)
        else:
            handle.set_linestyle("")
        if markers:
            handle.set_marker(line.style.marker)
        handles.append(handle)
    return handles


def seed_alpha(count: int) -> float:
    """Returns how faint the points of single runs are: the more there are, the less each shows."""
    return max(0.12, min(0.4, 60 / max(1, count)))


def draw_dense(ax: Axes, chart: Chart, *, horizontal: bool) -> None:
    """Draws the dense levels across the picture.

    Args:
        ax: What is drawn into.
        chart: Has the levels, and the colours of lines that have their own.
        horizontal: Whether scores are on the vertical axis.
    """
    colours = {line.name: line.style.colour for line in chart.lines}
    for dense in chart.dense:
        colour = DENSE.colour if dense.line is None else colours[dense.line]
        style: dict[str, Any] = {"color": colour, "linestyle": DENSE.dash, "linewidth": 1.3, "zorder": 1.2}
        if dense.along:
            ax.plot(*zip(*dense.along, strict=True), **style)
        elif horizontal:
            ax.axhline(dense.score, **style)
        else:
            ax.axvline(dense.score, **style)


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


def scale_differences(ax: Axes, which: Literal["x", "y"], steps: Sequence[DifferencePoint]) -> list[str]:
    """Scales the axis of differences so that it shows of each interval whether it holds 0.

    Where some intervals are many times as wide as others the scale is logarithmic away from 0.

    Args:
        ax: What is drawn into.
        which: The axis of the differences.
        steps: What is drawn.

    Returns:
        What the caption has to say of the scale.
    """
    # Where scores are so large that their squares overflow an interval has no ends.
    reached = [end for step in steps for end in (step.mean, step.low, step.high) if math.isfinite(end)]
    reaches = [max(abs(step.low), abs(step.high)) for step in steps]
    reaches = [reach for reach in reaches if math.isfinite(reach)] or [max(map(abs, reached), default=1.0)]
    least, most = min(reach for reach in [*reaches, 1.0] if reach > 0), max(reaches)
    wide = most > _WIDE * least
    if wide:
        scale = ax.set_yscale if which == "y" else ax.set_xscale
        scale("symlog", linthresh=least, linscale=1.0)
    low, high = min([0.0, *reached]), max([0.0, *reached])
    if wide:
        low, high = min(1.5 * low, -0.6 * least), max(1.5 * high, 0.6 * least)
    else:
        margin = 0.12 * (high - low) or 1e-3
        low, high = low - margin, high + margin
    (ax.set_ylim if which == "y" else ax.set_xlim)(low, high)
    own = ax.yaxis if which == "y" else ax.xaxis
    own.set_major_formatter(FuncFormatter(signed))
    if wide:
        own.set_major_locator(FixedLocator(_around_zero(low, high, least)))
        own.set_minor_locator(NullLocator())
        return [f"Differences beyond {least:.2g} have a logarithmic scale."]
    return []


def _around_zero(low: float, high: float, least: float) -> list[float]:
    """Chooses powers of ten on both sides of 0; every second, third, ... of them where they are many."""
    first, last = math.ceil(math.log10(least)), math.floor(math.log10(max(high, -low)))
    powers = range(last, first - 1, -max(1, (last - first + 3) // 4))
    ticks = [sign * 10.0**power for power in powers for sign in (-1, 1)]
    return sorted(tick for tick in [0.0, *ticks] if low <= tick <= high)


def signed(value: float, _: object = None) -> str:
    """Writes a difference with its sign, and 0 without."""
    return "0" if abs(value) < 1e-12 else f"{value:+.6g}".replace("-", "\N{MINUS SIGN}")


def draw_grid(ax: Axes) -> None:
    """Draws a pale grid behind everything."""
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
