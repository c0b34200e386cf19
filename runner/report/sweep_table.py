"""The table at the end of a sweep: every job, failures with their reason."""

from collections.abc import Mapping, Sequence

import pandas as pd
from rich.text import Text

from runner.report.spanning_table import Name, SpanningTable
from runner.report.table_style import plain_table
from runner.sweep.records import JobRecord
from runner.tracking import LoggedRun

_COLUMNS = {
    "accuracy": "test/accuracy",
    "loss": "test/loss",
    "sparsity": "sparsity/_pruned_layers",
}
_REASON_INDENT = 6


def jobs_frame(records: Sequence[JobRecord], runs: Mapping[str, LoggedRun]) -> pd.DataFrame:
    """Returns the sweep's jobs as `jobs.csv` holds them: one row per job.

    Args:
        records: How each ended.
        runs: What MLflow holds of them, by run id.
    """
    rows = []
    for record in records:
        run = runs.get(record.run_id or "")
        # A job that missed its budget has scores, which comparisons count.
        proven = run is not None and (record.succeeded or run.tags.get("sparsity_check") == "passed")
        metrics = run.metrics if run is not None and proven else {}
        sizes = {name: value for name, value in metrics.items() if name.endswith("/gzip_bytes")}
        rows.append(
            {
                "job": record.number,
                "name": record.name,
                # A job that was there already has the result that it would have now.
                "status": "finished" if record.succeeded else record.status,
                "reused": record.status == "reused",
                **{column: metrics.get(name) for column, name in _COLUMNS.items()},
                "gzip_bytes": min(sizes.values(), default=None),
                "reason": record.reason,
                "note": record.note,
                "run_id": record.run_id,
                "folder": record.folder,
            }
        )
    return pd.DataFrame(rows).astype({"gzip_bytes": "Int64"})


def jobs_table(frame: pd.DataFrame) -> SpanningTable:
    """Draws `jobs_frame` for the terminal."""
    table = plain_table(f"Sweep: {len(frame)} jobs")
    table.add_column("job", justify="right")
    table.add_column("swept", ratio=1)
    table.add_column("result", no_wrap=True)
    for name in ("accuracy", "loss", "sparsity"):
        table.add_column(name, justify="right", no_wrap=True)
    whole = SpanningTable(table)
    for row in frame.to_dict("records"):
        finished = row["status"] == "finished"
        accuracy, loss, sparsity = (row[name] for name in ("accuracy", "loss", "sparsity"))
        table.add_row(
            str(row["job"]),
            Name(str(row["name"])),
            Text(str(row["status"]), "green" if finished else "bold red"),
            "-" if pd.isna(accuracy) else f"{accuracy:.4f}",
            "-" if pd.isna(loss) else f"{loss:.4f}",
            "-" if pd.isna(sparsity) else f"{sparsity:.2%}",
        )
        if not finished:
            whole.add_line(Text(str(row["reason"]), "red"), _REASON_INDENT)
        if isinstance(row["note"], str):
            whole.add_line(Text(row["note"]), _REASON_INDENT)
    return whole
