"""What MLflow shows as the description of a sweep's own run: its page, and a link to each job's run."""

from collections.abc import Callable

import pandas as pd

from runner.process.wording import counted
from runner.sweep.jobs_table import FORMATS


def sweep_note(
    frame: pd.DataFrame, address_of: Callable[[str], str], comparison: str | None, *, most: int
) -> str:
    """Writes the description, in Markdown.

    Args:
        frame: The jobs; see `jobs_frame`.
        address_of: Gives the address of a run's page, by its id.
        comparison: The address of the comparison's page; None where there is none.
        most: How many characters it may have; jobs that do not fit are a number.
    """
    counts = frame["status"].value_counts()
    told = [f"{count} {status}" for status, count in counts.items()]
    head = f"{counted(len(frame), 'job')}: {', '.join(told)}."
    if comparison is not None:
        head += f" **[The comparison]({comparison})**"
    shown = [name for name in FORMATS if frame[name].notna().any()]
    lines = [head, "", _row(["job", "run", *shown]), _row(["---"] * (2 + len(shown)))]
    left = most - sum(len(line) + 1 for line in lines) - 60
    for place, row in enumerate(frame.to_dict("records")):
        name = str(row["name"]).replace("|", "\\|")
        run_id = row["run_id"]
        what = f"[{name}]({address_of(run_id)})" if isinstance(run_id, str) else name
        numbers = ["" if pd.isna(row[column]) else FORMATS[column].format(row[column]) for column in shown]
        if row["status"] != "finished":
            what += f" {row['status']}"
        line = _row([str(row["job"]), what, *numbers])
        left -= len(line) + 1
        if left < 0:
            lines += ["", f"and {len(frame) - place} more: see tables/jobs.csv among the artifacts"]
            break
        lines.append(line)
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
