"""The jobs of a sweep as a table: on the terminal, in `jobs.csv`, and in Markdown for MLflow."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from runner.process.wording import counted
from runner.records.names import short_number, without_common_folder
from runner.records.sweep_records import JobRecord, Sweep
from runner.records.swept_keys import short_keys
from runner.report.table_style import plain_table
from runner.search.trials import value_text
from runner.sweep.progress import listed
from runner.tracking import LoggedRun

_METRICS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "test/accuracy": ("accuracy", "{:.4f}".format),
    "test/mean_squared_error": ("mean squared\nerror", "{:.4g}".format),
    "test/loss": ("loss", "{:.4f}".format),
    "sparsity/_pruned_layers": ("sparsity", "{:.2%}".format),
}
"""The metrics that are shown of a job, by their names in MLflow: their heads, and how they are written."""

# What a narrow terminal has no room for, the first one first; the objectives of a search are always shown.
_LEFT_OUT = ("test/loss", "sparsity/_pruned_layers", *_METRICS)
_INDENT = 2
# Of a column of levels where a table is too wide for the terminal; and more than any table needs.
_WIDEST, _ANY = 20, 10_000
_LINE_OF_REST = 60


@dataclass(frozen=True)
class JobsTable:
    """The jobs of a sweep that has ended.

    Args:
        sweep: What it was asked to do.
        records: Of all its jobs.
        runs: The jobs' runs in MLflow, by run id.
        shown: Reasons of failed jobs that the terminal shows already.
    """

    sweep: Sweep
    records: Sequence[JobRecord]
    runs: Mapping[str, LoggedRun]
    shown: Collection[str] = ()

    @property
    def factors(self) -> dict[str, list[str]]:
        """The level of each factor in each job, by its short name; of a search the sampled values."""
        if not self.sweep.objective:
            return {
                name: [levels[record.number] for record in self.records]
                for name, levels in self.sweep.factors.items()
            }
        names = short_keys(key for record in self.records for key in record.sampled)
        return {name: [own.sampled.get(key, "") for own in self.records] for key, name in names.items()}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table as `jobs.csv` holds it: a row per job, a column per factor, metrics by MLflow's names."""
        measured = [_metrics(record, self.runs) for record in self.records]
        sizes = sorted({name for own in measured for name in own if name.endswith("/gzip_bytes")})
        rows = [
            {
                "job": record.number,
                "name": record.name,
                **{name: levels[place] for name, levels in self.factors.items()},
                # A reused job has the result that it would have now.
                "status": "finished" if record.succeeded else record.status,
                "reused": record.status == "reused",
                **{name: metrics.get(name) for name in (*self.sweep.metrics, *_METRICS, *sizes)},
                "seconds": record.seconds,
                "reason": record.reason,
                "note": "; ".join(record.notes) or None,
                "run_id": record.run_id,
                "folder": record.folder,
            }
            for place, (record, metrics) in enumerate(zip(self.records, measured, strict=True))
        ]
        return pd.DataFrame(rows).astype(dict.fromkeys(sizes, "Int64"))

    def description(self, address_of: Callable[[str], str], comparison: str | None, *, most: int) -> str:
        """Returns the table in Markdown, for MLflow's page of the sweep, with links to the jobs' runs.

        Args:
            address_of: Gives the address of a run's page, by its id.
            comparison: The address of the comparison's page; None where there is none.
            most: How many characters it may have; jobs that do not fit are counted.
        """
        counts = Counter("finished" if record.succeeded else record.state for record in self.records)
        states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
        head = f"{counted(len(self.frame), 'job')}: {states}."
        if comparison is not None:
            head += f" **[The comparison]({comparison})**"
        shown = self._shown_metrics()
        lines = [head, "", _markdown_row(["job", "run", *shown]), _markdown_row(["---"] * (2 + len(shown)))]
        left = most - sum(len(line) + 1 for line in lines) - _LINE_OF_REST
        for place, (record, row) in enumerate(zip(self.records, self.frame.to_dict("records"), strict=True)):
            name = record.name.replace("|", "\\|")
            what = f"[{name}]({address_of(record.run_id)})" if record.run_id else name
            if not record.succeeded:
                what += f" {record.state}"
            numbers = ["" if pd.isna(row[metric]) else _written(metric, row[metric]) for metric in shown]
            line = _markdown_row([str(record.number), what, *numbers])
            left -= len(line) + 1
            if left < 0:
                lines += ["", f"and {len(self.frame) - place} more: see tables/jobs.csv among the artifacts"]
                break
            lines.append(line)
        return "\n".join(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws the jobs that were begun, a line each, within the width; then reasons and notes."""
        begun = [record.status not in ("skipped", "not_begun") for record in self.records]
        if any(begun):
            yield self._fitting(self.frame[begun], console, options)
        else:
            yield Text(f"Sweep: {counted(len(self.records), 'job')}", "bold")
        yield from self._reasons()
        notes = _alike((record.number, note) for record in self.records for note in record.notes)
        yield from (_line(f"note of {_jobs(numbers)} {note}") for note, numbers in notes.items())

    def _shown_metrics(self) -> list[str]:
        """Returns the metrics that a job has, of a search the objectives."""
        return [name for name in self.sweep.metrics or _METRICS if self.frame[name].notna().any()]

    def _fitting(self, rows: pd.DataFrame, console: Console, options: ConsoleOptions) -> Table:
        """Shortens long levels, then leaves metrics out, as long as the table is too wide."""
        metrics = self._shown_metrics()
        table = self._table(rows, metrics, widest=None)
        # All of a search's metrics are objectives, and those are what its jobs are told apart by.
        droppable = [] if self.sweep.objective else [name for name in _LEFT_OUT if name in metrics]
        for left_out in range(len(droppable) + 1):
            if Measurement.get(console, options.update(max_width=_ANY), table).maximum <= options.max_width:
                break
            table = self._table(rows, [name for name in metrics if name not in droppable[:left_out]], _WIDEST)
        return table

    def _table(self, rows: pd.DataFrame, metrics: Sequence[str], widest: int | None) -> Table:
        table = plain_table(f"Sweep: {counted(len(self.records), 'job')}")
        table.add_column("job", justify="right", no_wrap=True)
        written = short_number if self.sweep.objective else str
        levels = {
            name: without_common_folder([written(level) for level in rows[name]])
            for name in self.factors or ["name"]
        }
        for name in levels:
            # Where all is too wide, columns that may wrap give way; what is in them is cut instead.
            table.add_column(_cut(name.replace(".", ".\n")), max_width=widest, no_wrap=name == "seed")
        table.add_column("result", no_wrap=True)
        for name in metrics:
            head = _METRICS[name][0] if name in _METRICS else name.replace("/", "/\n")
            table.add_column(head, justify="right", no_wrap=True)
        for place, row in enumerate(rows.to_dict("records")):
            status = str(row["status"])
            table.add_row(
                str(row["job"]),
                *(_cut(own[place]) for own in levels.values()),
                Text(status, "green" if status == "finished" else "bold red"),
                *("-" if pd.isna(row[name]) else _written(name, row[name]) for name in metrics),
            )
        return table

    def _reasons(self) -> Iterable[Padding]:
        """Lists why jobs have no result: each reason once, and none that is shown already."""
        reasons = _alike(
            (own.number, f"{own.state}: {own.reason}")
            for own in self.records
            if own.reason and not own.succeeded and own.reason not in self.shown
        )
        yield from (_line(f"{_jobs(numbers)} {reason}", "red") for reason, numbers in reasons.items())
        if not_begun := [own.number for own in self.records if own.status == "not_begun"]:
            yield _line(f"{_jobs(not_begun)} not begun")


def _metrics(record: JobRecord, runs: Mapping[str, LoggedRun]) -> Mapping[str, float]:
    """Returns the metrics of a job that has proven its sparsity; it may have missed its budget."""
    run = runs.get(record.run_id or "")
    proven = run is not None and (record.succeeded or run.tags.get("sparsity_check") == "passed")
    return run.metrics if run is not None and proven else {}


def _written(metric: str, value: float) -> str:
    return _METRICS.get(metric, ("", value_text))[1](value)


def _alike(pairs: Iterable[tuple[int, str]]) -> dict[str, list[int]]:
    """Returns the numbers of the jobs that share a text, by the text."""
    alike: dict[str, list[int]] = {}
    for number, text in pairs:
        alike.setdefault(text, []).append(number)
    return alike


def _jobs(numbers: Sequence[int]) -> str:
    return f"job {numbers[0]}:" if len(numbers) == 1 else f"{len(numbers)} jobs ({listed(numbers)}):"


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _line(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style), (0, 0, 0, _INDENT))


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
