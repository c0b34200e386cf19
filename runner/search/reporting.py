"""The end of a search: best values on the screen, table, page and pictures in its folder and in MLflow."""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.records.sweep_records import JobRecord, Sweep
from runner.report.page import Picture
from runner.report.table_style import plain_table
from runner.search.page import Origin, answer, trials_grid, warning, write_page
from runner.search.plots import plot_front, plot_history
from runner.search.trials import Found, read_found, trials_frame
from runner.tracking import Tracker

RESULTS = "optimization_results.yaml"
"""What the sweeper itself writes: the best values, with all their digits."""

_FOLDER = "search"


def report_search(
    folder: Path,
    sweep: Sweep,
    records: Sequence[JobRecord],
    tracker: Tracker,
    console: Console,
    *,
    artifacts: Collection[str],
) -> None:
    """Shows, writes and logs what a search has found.

    Args:
        folder: The sweep's: `trials.csv`, `search.html` and `plots/` are written.
        sweep: What it was asked to do.
        records: How its jobs ended.
        tracker: Its own run in MLflow.
        console: Where to print.
        artifacts: What is logged: `tables` and `plots` are heeded.

    Raises:
        RunFailed: MLflow does not take it; the files are written by then.
    """
    found = read_found(sweep.objective, records)
    trials_frame(found).to_csv(folder / "trials.csv", index=False)
    written = [folder / "trials.csv"]
    if not found.best:
        console.print("no trial has a result, so there is no best one")
    else:
        if len(found.objectives) > 1:
            console.print(front_table(found))
        console.print(Text(answer(found)), soft_wrap=True)
        console.print(Text(warning(found)), soft_wrap=True)
        origin = Origin(f"search {folder.name}", sweep.argv, sweep.experiment, datetime.now())
        (folder / "plots").mkdir(exist_ok=True)
        pictures = draw(found, folder / "plots")
        write_page(found, origin, pictures, folder / "search.html")
        written += [folder / "search.html", *(picture.path for picture in pictures)]
        _log_best(found, tracker)
    written += [path for path in [folder / RESULTS] if path.is_file()]
    for path in written:
        if ("plots" if path.suffix == ".png" else "tables") in artifacts:
            tracker.log_artifact(path, (Path(_FOLDER) / path.parent.relative_to(folder)).as_posix())


def draw(found: Found, folder: Path) -> list[Picture]:
    """Draws the pictures of a search into a folder; the front, where there is one, comes first."""
    history = folder / "history.png"
    plot_history(found, history)
    pictures = [Picture(history, "The value of each trial, in their order, and the best until then.")]
    if len(found.objectives) > 1:
        front = folder / "front.png"
        plot_front(found, front)
        caption = "Both objectives of every trial; those on the front have their number."
        pictures.insert(0, Picture(front, caption))
    return pictures


def front_table(found: Found) -> Table:
    """Draws the trials on the front for the terminal."""
    grid = trials_grid(found, only_best=True)
    table = plain_table("The front")
    for head in grid.heads:
        table.add_column(head, justify="right")
    for row in grid.rows:
        table.add_row(*row)
    return table


def _log_best(found: Found, tracker: Tracker) -> None:
    if len(found.objectives) > 1:
        tracker.log_metrics({"search/front": float(len(found.best))})
        return
    [best] = found.best
    tracker.log_metrics({f"best/{found.objectives[0].metric}": best.values[0], "best/trial": best.number})
    tracker.log_params({"best": {found.names[key]: value for key, value in best.sampled.items()}})
