"""The jobs of a sweep on the terminal while they run, read from the files that they write.

The files are read from any process or machine, so that every launcher is shown alike.
"""

import json
import re
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from runner.process.errors import UserError
from runner.records.sweep_records import JobRecord, Sweep, read_records
from runner.search.trials import value_text
from runner.sweep.job_log import last_line, log_of
from runner.sweep.progress import SweepProgress, duration

_SECONDS_BETWEEN_UPDATES = 0.5
_LEAST_TEXT = 38
_SCORES = {"test_accuracy": "accuracy {:.4f}", "test_mean_squared_error": "mean squared error {:.4g}"}


@dataclass(frozen=True)
class JobLine:
    """A job in one line.

    Args:
        record: The job's.
        doing: The last line of its log; empty where it has none, or has ended.
        score: Its score on the test set in words, of a search the objectives; empty where it has none.
        sparsity: Of the pruned layers, in [0, 1]; None where it has none.
    """

    record: JobRecord
    doing: str = ""
    score: str = ""
    sparsity: float | None = None

    def text(self, width: int | None = None) -> str:
        """Returns its state, such as `accuracy 0.9123, sparsity 87.50%, 12 s`.

        Args:
            width: Characters that there is room for; first the sparsity is left out, then the score.
        """
        record = self.record
        took = "" if record.seconds is None else duration(record.seconds)
        if record.status == "running":
            return self.doing or "starting"
        if record.status == "finished":
            sparsity = "" if self.sparsity is None else f"sparsity {self.sparsity:.2%}"
            for parts in ([self.score, sparsity, took], [self.score, took], [took]):
                text = ", ".join(part for part in parts if part) or "finished"
                if width is None or len(text) <= width:
                    break
            return text
        if record.status == "failed":
            return f"failed after {took}" if took else "failed"
        state = {"reused": "finished before", "skipped": "left out"}.get(record.status, record.state)
        return f"{state}: {record.reason}" if record.reason else state

    @property
    def style(self) -> str:
        """Its style on a terminal."""
        if self.record.status == "running":
            return "cyan"
        return "" if self.record.succeeded else "bold red"

    def __str__(self) -> str:
        return f"job {self.record.number} {self.record.name}: {self.text()}"


class JobLines:
    """The jobs of a sweep, one line each, and the sweep's progress below.

    Args:
        lines: The jobs that were begun.
        summary: The progress.
    """

    def __init__(self, lines: Sequence[JobLine], summary: str) -> None:
        self._lines, self._summary = lines, summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws as many jobs as there is room for: those that run, and those that ended last."""
        shown = self._latest(max(1, console.height - 3))
        numbers = max((len(str(line.record.number)) for line in shown), default=0)
        names = max((len(line.record.name) for line in shown), default=0)
        names = min(names, max(12, options.max_width - numbers - 4 - _LEAST_TEXT))
        for line in shown:
            name = Text(shortened(line.record.name, names))
            name.truncate(names, pad=True)
            state = Text(line.text(options.max_width - numbers - 4 - names), line.style)
            yield _one_line(Text.assemble(f"{line.record.number:>{numbers}}  ", name, "  ", state), options)
        yield _one_line(Text(self._summary, "bold"), options)

    def _latest(self, count: int) -> list[JobLine]:
        latest = sorted(
            self._lines,
            key=lambda line: (
                line.record.status == "running",
                (line.record.began or 0.0) + (line.record.seconds or 0.0),
                -line.record.number,
            ),
        )
        return sorted(latest[-count:], key=lambda line: line.record.number)


def _one_line(text: Text, options: ConsoleOptions) -> Text:
    text.truncate(options.max_width, overflow="ellipsis")
    text.no_wrap = True
    return text


def shortened(name: str, width: int) -> str:
    """Cuts the name of a job to a width; its seed, which tells equal jobs apart, is kept."""
    if len(name) <= width:
        return name
    found = re.search(r"(^| )seed=\S+", name)
    seed = found[0] if found else ""
    return f"{name.replace(seed, '', 1)[: max(0, width - len(seed) - 1)]}…{seed}"


class LiveSweep:
    """Shows the jobs of a sweep while they run.

    On a terminal it rewrites a list of the jobs that run and those that ended last; elsewhere it prints a
    line for each job that has ended. The reason of a failed job is printed at once, and stays.

    Args:
        folder: The sweep's.
        sweep: The request.
        console: Where to print. It has a file of its own: the jobs in this process redirect `sys.stdout`.
    """

    def __init__(self, folder: Path, sweep: Sweep, console: Console) -> None:
        self._folder, self._sweep, self._console = folder, sweep, console
        # Jobs that had finished before the sweep began have no line each.
        self._ended = {
            record.number: JobLine(record) for record in read_records(folder) if record.status != "running"
        }
        self._reasons: dict[str, int] = {}
        self._live: Live | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_updating, name="live sweep", daemon=True)

    @property
    def reasons(self) -> set[str]:
        """The reasons of failed jobs that were printed."""
        return set(self._reasons)

    def start(self) -> None:
        """Begins to update, in a thread."""
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends the updates, after a last one; the rewritten list is gone from the terminal then."""
        if self._over.is_set():
            return
        self._over.set()
        if self._thread.ident is not None:  # The sweep may have failed before it was started.
            self._thread.join()
        self.update()
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Shows what has changed since the last update."""
        try:
            records = read_records(self._folder, but=self._ended)
        except UserError:
            return  # The sweep reads the records itself when it ends, and reports the damaged one.
        running = []
        for record in records:
            if record.status == "running":
                running.append(JobLine(record, doing=last_line(log_of(self._folder, record))))
            elif record.status != "interrupted":  # It may be started again.
                self._add_ended(record)
        if self._live is not None:
            begun = [*self._ended.values(), *running]
            progress = SweepProgress(self._sweep.count, [line.record for line in begun])
            self._live.update(JobLines(begun, progress.summary(time.time())), refresh=True)

    def _keep_updating(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_UPDATES):
            self.update()

    def _add_ended(self, record: JobRecord) -> None:
        line = read_line(record, self._sweep.metrics)
        self._ended[record.number] = line
        if self._live is None or record.status == "failed":
            self._console.print(Text(str(line), line.style), soft_wrap=True)
        if record.status == "failed":
            reason = record.reason or ""
            first = self._reasons.setdefault(reason, record.number)
            for each in (reason if first == record.number else f"as job {first}").splitlines():
                self._console.print(Text(f"  {each}"), soft_wrap=True)


def read_line(record: JobRecord, metrics: Sequence[str] = ()) -> JobLine:
    """Returns the line of a job that has ended, with numbers of its `summary.json` where that is readable.

    Args:
        record: The job's.
        metrics: The objectives of a search.
    """
    summary: Any = None
    if record.status == "finished" and record.folder is not None:
        # The user may have moved or damaged the file; the results that count are in MLflow.
        with suppress(OSError, ValueError):
            summary = json.loads((Path(record.folder) / "summary.json").read_text(encoding="utf-8"))
    sparsity = summary.get("sparsity") if isinstance(summary, dict) else None
    scores = {key: _number(summary, key) for key in _SCORES}
    score = next((_SCORES[key].format(value) for key, value in scores.items() if value is not None), "")
    objectives = zip(metrics, record.values, strict=False)  # A failed trial has no values.
    score = ", ".join(f"{metric} {value_text(value)}" for metric, value in objectives) or score
    return JobLine(record, score=score, sparsity=_number(sparsity, "pruned_layers"))


def _number(mapping: Any, key: str) -> float | None:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, int | float) else None
