"""The table at the end of a sweep: every job in a line, then why those that did not finish did not."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from runner.process.wording import counted
from runner.records.names import without_common_folder
from runner.records.sweep_records import JobRecord
from runner.report.table_style import plain_table
from runner.sweep.standing import listed
from runner.tracking import LoggedRun

FORMATS = {"test/accuracy": "{:.4f}", "test/loss": "{:.4f}", "sparsity/_pruned_layers": "{:.2%}"}
"""The metrics that are shown of a job, by MLflow's names, and how they are written."""

_HEADS = {"test/accuracy": "accuracy", "test/loss": "loss", "sparsity/_pruned_layers": "sparsity"}
# What a narrow terminal has no room for, the first one first.
_LEFT_OUT = ("test/loss", "sparsity/_pruned_layers", "test/accuracy")
_INDENT = 2
# Of a column of levels where a table is too wide for the terminal; and more than any table needs.
_WIDEST, _ANY = 20, 10_000


def jobs_frame(
    records: Sequence[JobRecord],
    runs: Mapping[str, LoggedRun],
    factors: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Returns the sweep's jobs as `jobs.csv` holds them: one row per job, metrics by MLflow's names.

    Args:
        records: How each ended.
        runs: What MLflow holds of them, by run id.
        factors: What was swept: by a factor's name its level in each job. Each has a column of its own.
    """
    measured = [_metrics(record, runs) for record in records]
    sizes = sorted({name for own in measured for name in own if name.endswith("/gzip_bytes")})
    rows = []
    for record, metrics in zip(records, measured, strict=True):
        rows.append(
            {
                "job": record.number,
                "name": record.name,
                **{name: levels[record.number] for name, levels in (factors or {}).items()},
                # A job that was there already has the result that it would have now.
                "status": "finished" if record.succeeded else record.status,
                "reused": record.status == "reused",
                **{name: metrics.get(name) for name in (*FORMATS, *sizes)},
                "seconds": record.seconds,
                "reason": record.reason,
                "note": "; ".join(record.notes) or None,
                "run_id": record.run_id,
                "folder": record.folder,
            }
        )
    return pd.DataFrame(rows).astype(dict.fromkeys(sizes, "Int64"))


def _metrics(record: JobRecord, runs: Mapping[str, LoggedRun]) -> Mapping[str, float]:
    """Returns what a job has proven; one that missed its budget has scores, which comparisons count."""
    run = runs.get(record.run_id or "")
    proven = run is not None and (record.succeeded or run.tags.get("sparsity_check") == "passed")
    return run.metrics if run is not None and proven else {}


class JobsTable:
    """The jobs of a sweep for the terminal, one line each; those that nothing was done for are a number.

    Args:
        records: How each job ended.
        frame: `jobs_frame` of them.
        factors: The columns of the frame that hold what was swept; without any, the jobs' names are shown.
    """

    def __init__(self, records: Sequence[JobRecord], frame: pd.DataFrame, factors: Iterable[str]) -> None:
        self._records, self._factors = records, list(factors)
        shown = [r.succeeded or (r.began is not None and r.status != "skipped") for r in records]
        self._rows = frame[shown]
        self._count = len(frame)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws it, as wide as the terminal allows."""
        if len(self._rows):
            yield self._fitting(console, options)
        else:
            yield Text(f"Sweep: {counted(self._count, 'job')}", "bold")
        yield from self._reasons()
        yield from self._notes()

    def _fitting(self, console: Console, options: ConsoleOptions) -> Table:
        """Shortens long levels, then leaves measured columns out, as long as the table is too wide."""
        table = self._table(list(FORMATS), widest=None)
        for left_out in range(len(_LEFT_OUT) + 1):
            if Measurement.get(console, options.update(max_width=_ANY), table).maximum <= options.max_width:
                break
            table = self._table([name for name in FORMATS if name not in _LEFT_OUT[:left_out]], _WIDEST)
        return table

    def _table(self, measured: Sequence[str], widest: int | None) -> Table:
        table = plain_table(f"Sweep: {counted(self._count, 'job')}")
        table.add_column("job", justify="right", no_wrap=True)
        levels = {
            name.replace(".", ".\n"): without_common_folder([str(level) for level in self._rows[name]])
            for name in self._factors or ["name"]
        }
        for name in levels:
            # Where all is too wide, columns that may wrap give way; what is in them is cut instead.
            table.add_column(_cut(name), max_width=widest)
        table.add_column("result", no_wrap=True)
        for name in measured:
            table.add_column(_HEADS[name], justify="right", no_wrap=True)
        for place, row in enumerate(self._rows.to_dict("records")):
            finished = row["status"] == "finished"
            table.add_row(
                str(row["job"]),
                *(_cut(own[place]) for own in levels.values()),
                Text(str(row["status"]), "green" if finished else "bold red"),
                *("-" if pd.isna(row[name]) else FORMATS[name].format(row[name]) for name in measured),
            )
        return table

    def _reasons(self) -> Iterable[Padding]:
        """Tells why jobs have no result: each reason once."""
        alike: dict[str, list[int]] = {}
        for record in self._records:
            if record.began is None and not record.succeeded:
                alike.setdefault("not begun", []).append(record.number)
            elif not record.succeeded:
                reason = "" if record.reason in (None, record.status) else f": {record.reason}"
                alike.setdefault(record.status + reason, []).append(record.number)
        for told, numbers in alike.items():
            yield _line(f"{_jobs(numbers)} {told}", "" if told == "not begun" else "red")

    def _notes(self) -> Iterable[Padding]:
        alike: dict[str, list[int]] = {}
        for record in self._records:
            for note in record.notes:
                alike.setdefault(note, []).append(record.number)
        for note, numbers in alike.items():
            yield _line(f"note of {_jobs(numbers)} {note}", "")


def _jobs(numbers: Sequence[int]) -> str:
    return f"job {numbers[0]}:" if len(numbers) == 1 else f"{len(numbers)} jobs ({listed(numbers)}):"


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _line(text: str, style: str) -> Padding:
    return Padding(Text(text, style), (0, 0, 0, _INDENT))
