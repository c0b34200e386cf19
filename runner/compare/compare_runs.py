"""A comparison from end to end: runs read from MLflow, compared, shown, written and logged."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from runner.compare.comparison import Comparison, compare
from runner.compare.factors import ABSENT, Factor
from runner.compare.fairness import lost_words
from runner.compare.gather import (
    Gathered,
    NoResult,
    NothingToCompare,
    gather_experiment,
    gather_sweep,
    gather_sweeps,
)
from runner.compare.groups import FailedGroup, Group, make_groups
from runner.compare.options import CompareOptions
from runner.compare.result import Result
from runner.compare.score import named_score
from runner.compare.where import Condition, fulfils, resolve_key
from runner.process.errors import UserError
from runner.process.wording import counted
from runner.records.run_directory import make_new_directory
from runner.settings import ARTIFACTS

if TYPE_CHECKING:
    from runner.report.page import Picture

_FOLDER = "comparison"
_MOST_VALUES = 6
_LONGEST_REASON = 200
_LONGEST_NAME = 120
"""Bytes: no folder's name may have more than 255."""
COMPARISON_PAGE = f"artifacts/{_FOLDER}/comparison.html"
"""Where MLflow shows the page, within the page of the sweep's run."""


def compare_finished_sweep(
    folder: Path, console: Console, *, artifacts: Collection[str] = ARTIFACTS
) -> Comparison | None:
    """Compares the recipes of a sweep at its end, which itself says where the files are.

    Args:
        folder: The sweep's: `sweep.json` and the records of its jobs are read, `comparison.*` are written.
        console: Where to print.
        artifacts: What is logged to the sweep's run beside its jobs: `tables` and `plots` are heeded.

    Returns:
        The comparison, whose `ranked` is empty where nothing could be ranked fairly (one recipe, one seed,
        ...: it is printed why, and the table is written all the same); None where no job has a result.

    Raises:
        UserError: The folder is not a sweep's or cannot be written, or MLflow's store cannot be read.
        RunFailed: MLflow does not take the files; they are written by then.
    """
    try:
        gathered = gather_sweep(folder)
    except NoResult as error:
        console.print(Text(error.summary), soft_wrap=True)
        return None
    comparison = _compare(gathered)
    command = CompareOptions((folder,), None, (), None, None, folder, None).command
    _publish(comparison, gathered, folder, console, artifacts, command)
    return comparison


def compare_asked(asked: CompareOptions, console: Console) -> Comparison:
    """Compares what a command asks for.

    The comparison of one whole sweep replaces the one in its folder; any other gets a folder of its own.

    Args:
        asked: What to compare.
        console: Where to print.

    Raises:
        NoResult: No job of a sweep has a result.
        NothingToCompare: No run fits.
        UserError: A key or metric is not known, the store cannot be read, or nothing can be written.
        RunFailed: MLflow does not take the files; they are written by then.
    """
    gathered = _gathered(asked)
    if not asked.whole_sweep:
        gathered = replace(gathered, parent_run_id=None)
    if asked.where:
        gathered = _narrowed(gathered, asked.where)
    comparison = _compare(gathered, by=asked.by, metric=asked.metric)
    folder = asked.sweeps[0] if asked.whole_sweep else _new_folder(asked)
    _publish(comparison, gathered, folder, console, ARTIFACTS, asked.command)
    console.print(Text(f"files:  {folder}"), soft_wrap=True)
    return comparison


def _gathered(asked: CompareOptions) -> Gathered:
    if asked.experiment is not None:
        return gather_experiment(asked.experiment, asked.outputs, asked.tracking_uri)
    if len(asked.sweeps) == 1:
        return gather_sweep(asked.sweeps[0], asked.tracking_uri)
    return gather_sweeps(asked.sweeps, asked.tracking_uri)


def _narrowed(gathered: Gathered, conditions: Sequence[Condition]) -> Gathered:
    """Keeps the runs that fulfil all conditions, and notes what is left out."""
    results = gathered.results
    keys = sorted({key for result in results for key in result.said})
    resolved = [replace(one, key=resolve_key(one.key, keys, "--where")) for one in conditions]
    kept = tuple(result for result in results if fulfils(result.said, resolved))
    if all(result.failure is not None for result in kept):
        told = []
        for one in resolved:
            values = sorted({result.said[one.key] for result in results if one.key in result.said})
            more = ", ..." if len(values) > _MOST_VALUES else ""
            told.append(f"{one.key} is {', '.join(values[:_MOST_VALUES])}{more}")
        wanted = " and ".join(map(str, conditions))
        raise NothingToCompare(f"--where '{wanted}': no run with a result fulfils it; {'; '.join(told)}")
    notes = [f"only runs with {' and '.join(map(str, resolved))}: {len(kept)} of {len(results)}"]
    for key in dict.fromkeys(one.key for one in resolved):
        lacking = [result for result in results if key not in result.said]
        if lacking:
            notes.append(f"left out: {counted(len(lacking), 'run')} without {key}")
    # What is missing cannot be asked whether it fulfils them.
    notes += [f"of all runs, --where aside: {note}" for note in gathered.notes]
    return replace(gathered, results=kept, notes=tuple(notes))


def _new_folder(asked: CompareOptions) -> Path:
    of = asked.experiment or "_".join(folder.resolve().name for folder in asked.sweeps[:2])
    short = of.replace("/", "_").encode()[:_LONGEST_NAME].decode(errors="ignore")
    name = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{short}"
    try:
        return make_new_directory(asked.outputs / "comparisons" / name)
    except OSError as error:
        raise UserError(
            f"--outputs {asked.outputs}: cannot write there ({error.strerror}). Choose another: --outputs DIR"
        ) from error


def _compare(gathered: Gathered, *, by: str | None = None, metric: str | None = None) -> Comparison:
    logged = {name for result in gathered.results for name in result.metrics}
    score = None if metric is None else named_score(metric, logged)
    grouped = make_groups(gathered.results, score)
    factor = None if by is None else _factor(grouped.factors, gathered.results, by)
    notes = [
        *([f"only the levels of {factor.name} are compared (--by)"] if factor is not None else []),
        *([f"ranked by {metric} (--metric)"] if metric is not None else []),
        *gathered.notes,
        *_superseded(grouped.superseded),
        *_failed_runs(grouped.groups),
        *_failed_groups(grouped.failed),
        *_stand_ins(grouped.groups),
    ]
    return compare(grouped, notes, by=factor)


def _factor(factors: Sequence[Factor], results: Sequence[Result], written: str) -> Factor:
    """Finds the factor that is meant, by an ending of its key or of a key that changes with it."""
    of_key = {key: factor for factor in factors for key in (*factor.beside, factor.key)}
    if not of_key:
        raise UserError(f"--by {written}: the runs differ in nothing but their seeds")
    known = {key for result in results for key in result.said}
    key = resolve_key(written, [*of_key, *sorted(known - of_key.keys())], "--by")
    if key in of_key:
        return of_key[key]
    values = {result.said.get(key, ABSENT) for result in results}
    why = f"is {values.pop()} in all runs" if len(values) == 1 else "does not change what is trained"
    why = "only repeats an experiment" if key == "seed" else why
    raise UserError(f"--by {written}: {key} {why}. Factors are {', '.join(own.name for own in factors)}")


def _publish(
    comparison: Comparison,
    gathered: Gathered,
    folder: Path,
    console: Console,
    artifacts: Collection[str],
    command: str,
) -> None:
    """Prints the comparison, writes its files and logs them."""
    from runner.compare.terminal import show

    show(comparison, console)
    written = _write(comparison, gathered, folder, console, command)
    if gathered.parent_run_id is not None:
        _log(gathered, gathered.parent_run_id, folder, written, artifacts)


def _write(
    comparison: Comparison, gathered: Gathered, folder: Path, console: Console, command: str
) -> list[Path]:
    """Writes every file and returns their paths within the folder."""
    from pandas.api.types import is_numeric_dtype

    from runner.compare.comparison_page import ComparisonSource, write_html
    from runner.compare.csv_tables import comparison_frame, differences_frame, means_frame
    from runner.compare.output_files import replacing

    store, made = gathered.store.shown_uri, datetime.now()
    origin = ComparisonSource(gathered.title, store, gathered.experiment, made, command)
    with replacing(folder) as fresh:
        (fresh / "plots").mkdir()
        pictures = _draw(comparison, gathered, fresh / "plots", console)
        # Ten digits are more than was measured, and no sum ends in 0000000000004.
        for name, frame in (
            ("comparison", comparison_frame),
            ("comparison_means", means_frame),
            ("comparison_differences", differences_frame),
        ):
            table = frame(comparison)
            for column in table:
                if not is_numeric_dtype(table[column]):
                    table[column] = table[column].map(_no_formula)
            table.to_csv(fresh / f"{name}.csv", index=False, float_format="%.10g")
        write_html(comparison, origin, pictures, fresh / "comparison.html")
        return sorted(path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file())


def _no_formula(cell: object) -> object:
    """Puts an apostrophe before words that a spreadsheet would compute, such as `=HYPERLINK(...)`."""
    if not isinstance(cell, str) or cell == ABSENT or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _draw(comparison: Comparison, gathered: Gathered, folder: Path, console: Console) -> list["Picture"]:
    from runner.compare.charts.drawing import attempt
    from runner.compare.charts.pictures import draw_pictures
    from runner.compare.charts.training import plot_along_training, read_curves
    from runner.report.page import Picture
    from runner.tracking import metric_history

    pictures = draw_pictures(comparison, folder)
    curves = read_curves(comparison, lambda run_id, name: metric_history(gathered.store, run_id, name))
    path = folder / "along_training.png"
    with attempt(path) as tried:
        drawn = plot_along_training(curves, path)
    if tried.failure or drawn:
        pictures.append(Picture(path, tried.failure or curves.caption, "Along training"))
    for picture in pictures:
        if not picture.drawn:
            console.print(Text(f"note: {picture.caption}"), style="dim", soft_wrap=True)
    return pictures


def _log(
    gathered: Gathered, run_id: str, folder: Path, written: Sequence[Path], artifacts: Collection[str]
) -> None:
    from runner.tracking import Tracker

    tracker = Tracker(gathered.store, run_id)
    for file in written:
        if ("plots" if file.suffix in (".png", ".pdf") else "tables") in artifacts:
            tracker.log_artifact(folder / file, (Path(_FOLDER) / file.parent).as_posix())


def _superseded(results: Sequence[Result]) -> list[str]:
    if not results:
        return []
    return [
        f"{len(results)} run{'s' if len(results) > 1 else ''} left out: a later one has the same recipe, data"
        f" and seed ({results[0].variation} seed={results[0].seed}{', ...' if len(results) > 1 else ''})"
    ]


def _failed_runs(groups: Sequence[Group]) -> list[str]:
    """States which failed runs count, and which seeds the means lack as their runs failed."""
    missed = [result for group in groups for result in group.results if result.missed_budget]
    told = []
    if missed:
        count = f"{len(missed)} run{'s' if len(missed) > 1 else ''}"
        example = f"{missed[0].variation} seed={missed[0].seed}{', ...' if len(missed) > 1 else ''}"
        told.append(
            f"{count} missed the budget and count{'' if len(missed) > 1 else 's'} like any ({example})"
        )
    return told + [
        f"{lost_words(group, [run.seed for run in group.lost])}; its means are over the other seeds only"
        for group in groups
        if group.lost
    ]


def _failed_groups(failed: Sequence[FailedGroup]) -> list[str]:
    """Names the groups without any result, which have no place in the tables."""
    told = [
        f"{group.name}: none of its {counted(len(group.seeds), 'run')} has a result"
        f" ({textwrap.shorten(group.reason, _LONGEST_REASON, placeholder=' ...')})"
        for group in failed[:_MOST_VALUES]
    ]
    left = len(failed) - len(told)
    return [*told, f"{counted(left, 'more group')} without any result"] if left else told


def _stand_ins(groups: Sequence[Group]) -> list[str]:
    """States where other data stood in for the data that a recipe names."""
    pairs = {
        (result.data_source, result.data_fallback_for)
        for group in groups
        for result in group.results
        if result.data_fallback_for
    }
    return [
        f"{wanted} was not at hand, {used} stands in: a demonstration, not evidence"
        for used, wanted in sorted(pairs, key=str)
    ]
