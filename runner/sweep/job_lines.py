"""The jobs of a sweep while it goes on: each in one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from runner.records.sweep_records import JobRecord
from runner.sweep.standing import duration

_MOST_LEVELS = 6
_GAP = 2
_LEAST_TOLD = 36


@dataclass(frozen=True)
class JobLine:
    """A job in one line.

    Args:
        record: What is known of it.
        doing: What it says it does; empty where it says nothing, or has ended.
        accuracy: On the test set; None where it has none.
        sparsity: Of the pruned layers, in [0, 1]; None where it has none.
    """

    record: JobRecord
    doing: str = ""
    accuracy: float | None = None
    sparsity: float | None = None

    @property
    def told(self) -> str:
        """What becomes of it, such as `accuracy 0.9123, sparsity 87.50%, 12 s`."""
        record = self.record
        took = "" if record.seconds is None else duration(record.seconds)
        if record.running:
            return self.doing or "starting"
        if record.status == "finished":
            parts = [
                "" if self.accuracy is None else f"accuracy {self.accuracy:.4f}",
                "" if self.sparsity is None else f"sparsity {self.sparsity:.2%}",
                took,
            ]
            return ", ".join(part for part in parts if part) or "finished"
        if record.status == "reused":
            return "finished before"
        if record.status == "failed":
            return f"failed after {took}" if took else "failed"
        return f"{'left out' if record.status == 'skipped' else 'interrupted'}: {record.reason}"

    @property
    def style(self) -> str:
        """How it looks on a terminal."""
        if self.record.running:
            return "cyan"
        return "" if self.record.succeeded else "bold red"

    def __str__(self) -> str:
        return f"job {self.record.number} {self.record.name}: {self.told}"


class LiveSweep:
    """What a terminal shows of a sweep that goes on: jobs, and a line that sums them up.

    Args:
        lines: The jobs that were begun.
        summary: Where the sweep stands.
    """

    def __init__(self, lines: Sequence[JobLine], summary: str) -> None:
        self._lines, self._summary = lines, summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws as many jobs as there is room for: those that run, and those that ended last."""
        shown = self._most_telling(console.height - 3)
        numbers = max((len(str(line.record.number)) for line in shown), default=0)
        names = max((len(line.record.name) for line in shown), default=0)
        # What a job is doing has half of a narrow terminal, or almost, whatever the jobs are called.
        names = min(names, max(8, options.max_width - numbers - 2 * _GAP - _LEAST_TOLD))
        table = Table.grid(padding=(0, _GAP, 0, 0))
        table.add_column(justify="right", width=numbers)
        table.add_column(no_wrap=True, overflow="ellipsis", width=names)
        table.add_column(ratio=1)  # The only one that gives way, so none of its texts may wrap.
        for line in shown:
            told = Text(line.told, line.style, no_wrap=True, overflow="ellipsis")
            table.add_row(str(line.record.number), Text(line.record.name), told)
        yield table
        summary = Table.grid()
        summary.add_column(no_wrap=True, overflow="ellipsis")
        summary.add_row(Text(self._summary, "bold"))
        yield summary

    def _most_telling(self, room: int) -> list[JobLine]:
        latest = sorted(
            self._lines,
            key=lambda line: (
                line.record.running,
                (line.record.began or 0.0) + (line.record.seconds or 0.0),
                -line.record.number,
            ),
        )
        kept = latest[-max(1, room) :]
        return sorted(kept, key=lambda line: line.record.number)


def factors_line(factors: Mapping[str, Sequence[str]]) -> str:
    """Says what a sweep varies: `schedule.name (constant, polynomial), seed (1, 2, 3)`."""
    return ", ".join(f"{name} ({_shown(levels)})" for name, levels in factors.items())


def _shown(levels: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(levels))
    if len(distinct) <= _MOST_LEVELS:
        return ", ".join(distinct)
    return f"{', '.join(distinct[: _MOST_LEVELS - 2])}, ... {distinct[-1]}: {len(distinct)} levels"
