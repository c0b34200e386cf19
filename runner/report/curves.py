"""The schedules of a plan in the terminal: each rule's sparsity over the training steps."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from runner.plan import Plan, ScheduleCurve

_BLOCKS = "_▁▂▃▄▅▆▇█"
"""No weight pruned, then eighths of all weights."""
# Fifty columns part training as the default frequency does, so that their ticks leave no gaps.
_WIDEST, _NARROWEST = 50, 8
_HEADS = ("   sparsity ", "   step     ")
_PARTS = 3


def curve_words(curve: ScheduleCurve) -> str:
    """Describes a curve in a line: its last level, and when the masks are updated."""
    steps = curve.steps
    if len(steps) == 1 and curve.settled is None:
        return f"{_number(curve.final)} once, at step {steps[0]}"
    level = f"{type(curve.schedule).__name__} to {_number(curve.final)}"
    settled = "" if curve.settled is None else ", set at the end of training"
    if not steps:
        return f"{level}{settled}"
    updates = "1 update in step " if len(steps) == 1 else f"{len(steps)} updates in steps {steps[0]}-"
    return f"{level}, {updates}{steps[-1]}{settled}"


@dataclass(frozen=True)
class PlanCurves:
    """Draws, for each rule of a plan, the level of its masks along the steps, and the updates below it.

    It fits the console's width, needs no colour, and is a small table of numbers where the terminal has no
    block characters.
    """

    plan: Plan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the lines."""
        curves = self.plan.curves
        if not curves:
            return
        # As wide for all, so that the same column is the same step.
        left = max(len(_number(curve.level(1))) for _, curve in curves)
        right = max(
            len(text) for _, curve in curves for text in (_number(curve.final), str(curve.total_steps))
        )
        columns = min(max(options.max_width - len(_HEADS[0]) - left - right - 2, _NARROWEST), _WIDEST)
        yield Text("Schedules: each rule's masks along training, and their updates", "bold")
        for rule, curve in curves:
            yield Padding(Text(f"{rule}: {curve_words(curve)}"), (0, 0, 0, 1), expand=False)
            yield from _table(curve) if options.ascii_only else _line(curve, left, columns)


def _line(curve: ScheduleCurve, left: int, columns: int) -> Iterator[Text]:
    """Draws the levels in blocks, the first level before them, and a tick below for each mask update."""
    total = curve.total_steps
    # A column shows its last step, so that the line ends at the level that training ends at.
    bars = "".join(_block(curve.level(-(-(column + 1) * total // columns))) for column in range(columns))
    updated = {(step - 1) * columns // total for step in curve.steps}
    ticks = "".join("╵" if column in updated else " " for column in range(columns))
    first, last = f"{_number(curve.level(1)):>{left}}", _number(curve.final)
    yield Text.assemble(_HEADS[0], first, " ", (bars, "cyan"), " ", last, no_wrap=True)
    yield Text.assemble(_HEADS[1], f"{1:>{left}}", " ", (ticks, "dim"), " ", str(total), no_wrap=True)


def _block(level: float) -> str:
    return _BLOCKS[max(round(level * 8), 1)] if level > 0 else _BLOCKS[0]


def _table(curve: ScheduleCurve) -> Iterator[Text]:
    """Writes the level at some steps: the first, the last, and those that part the window of updates."""
    total = curve.total_steps
    first, last = (curve.steps[0], curve.steps[-1]) if curve.steps else (1, total)
    steps = sorted({1, *(first + (last - first) * part // _PARTS for part in range(_PARTS + 1)), total})
    cells = [(_number(curve.level(step)), str(step)) for step in steps]
    widths = [max(map(len, cell)) for cell in cells]
    rows = [
        head + "  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True))
        for head, row in zip(_HEADS, zip(*cells, strict=True), strict=True)
    ]
    yield from (Text(row) for row in rows)


def _number(level: float) -> str:
    return f"{level:.4g}"
