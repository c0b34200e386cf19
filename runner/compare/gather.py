"""Which runs are compared: those of a sweep, or all of an experiment, that have ended."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.compare.result import Result, latest_of_each, read_result
from runner.process.errors import RunFailed, UserError, did_you_mean
from runner.process.wording import counted
from runner.records.sweep_records import JobRecord, Sweep, is_sweep, read_records, read_sweep
from runner.settings import Tracking

if TYPE_CHECKING:
    from runner.tracking import LoggedRun, Store

_MOST_JOBS = 5
_OPTION = "--tracking-uri"


class NothingToCompare(UserError):
    """No run fits what was asked for."""


class NoResult(RunFailed):
    """No job of a sweep has a result.

    Args:
        summary: That it is so.
        reasons: Why each job has none, as the sweep itself has told at its end.
    """

    def __init__(self, summary: str, reasons: Sequence[str]) -> None:
        super().__init__("\n".join([summary, *reasons]))
        self.summary = summary


@dataclass(frozen=True)
class Gathered:
    """The runs to compare.

    Args:
        title: What they are, such as `sweep 2025-01-31_12-00-00-000000`.
        experiment: MLflow's experiment.
        store: Where they were read.
        results: The runs, in the order of the jobs, or of their start; those that failed and have no result
            that counts are among them.
        notes: What is missing, a line each.
        parent_run_id: The sweep's own run, None where there is none.
    """

    title: str
    experiment: str
    store: "Store"
    results: tuple[Result, ...]
    notes: tuple[str, ...]
    parent_run_id: str | None


def require_sweep(folder: Path) -> None:
    """Proves that a folder is a sweep's.

    Raises:
        UserError: It is not there, it is one job's, or it is something else.
    """
    if not folder.is_dir():
        beside = [path.name for path in folder.parent.glob("*") if is_sweep(path)]
        raise UserError(f"{folder}: there is no such folder.{did_you_mean(folder.name, beside)}")
    if not is_sweep(folder) and is_sweep(folder.parent):
        raise UserError(f"{folder}: is one job of a sweep. Compare the sweep: {folder.parent}")
    read_sweep(folder)


def gather_sweep(folder: Path, tracking_uri: str | None = None) -> Gathered:
    """Reads the results of a sweep's jobs from MLflow, reused ones too.

    Args:
        folder: The sweep's.
        tracking_uri: Where its store is now; None is where the sweep left it.

    Raises:
        NoResult: No job has a result.
        UserError: The folder is not a sweep's, or its store cannot be read.
    """
    require_sweep(folder)
    sweep, records = read_sweep(folder), read_records(folder)
    from runner.tracking import find_store, runs_by_id

    uri, where = (tracking_uri, _OPTION) if tracking_uri else _left_in(folder, sweep)
    found = find_store(uri, sweep.experiment, where=where, another=f"{_OPTION} URI")
    runs = runs_by_id(
        found, [sweep.parent_run_id, *(record.run_id for record in records if record.run_id)], deleted=True
    )
    ended: dict[int, Result] = {}
    lost = []
    for record in records:
        run = runs.get(record.run_id or "")
        result = _read_killed(run, record) if _may_be_killed(run, record) else _read_ended(run)
        if result is not None and not (record.succeeded and result.failure):
            ended[record.number] = result
        elif record.succeeded:
            lost.append(f"{_job(record)}: {_why_lost(run, record)}")
    counting = {number for number, result in ended.items() if result.failure is None}
    succeeded = [record for record in records if record.succeeded]
    reasons = _without_result(sweep, records, {*counting, *(record.number for record in succeeded)})
    lost = _cut(lost)
    if not counting:
        summary = [f"{folder}: no job of the sweep has a result to compare.", *lost]
        raise NoResult("\n".join(summary), reasons)
    notes = [*reasons, *lost, *_folders_gone(folder, succeeded)]
    if sweep.parent_run_id not in runs:
        notes.append(
            f"the sweep's own run {sweep.parent_run_id} is not in the store: nothing is logged to it"
        )
    return Gathered(
        title=f"sweep {folder.resolve().name}",
        experiment=sweep.experiment,
        store=found,
        results=tuple(ended.values()),
        notes=tuple(notes),
        parent_run_id=sweep.parent_run_id if sweep.parent_run_id in runs else None,
    )


def gather_sweeps(folders: Sequence[Path], tracking_uri: str | None = None) -> Gathered:
    """Reads the results of several sweeps, to be compared as if they were one.

    Args:
        folders: The sweeps', two or more.
        tracking_uri: Where their store is now; None is where they left it, which must be the same.

    Raises:
        NoResult: A sweep has no result.
        UserError: A folder is not a sweep's, or they logged to different stores.
    """
    own = [gather_sweep(folder, tracking_uri) for folder in folders]
    for folder, gathered in zip(folders, own, strict=True):
        if gathered.store.uri != own[0].store.uri:
            raise UserError(
                f"{folder}: logged to {gathered.store.shown_uri}, {folders[0]} to {own[0].store.shown_uri};"
                " only sweeps of one store are compared"
            )
    by_id = {result.run_id: result for gathered in own for result in gathered.results}
    names = ", ".join(folder.resolve().name for folder in folders)
    notes = [f"{folder.name}: {note}" for folder, one in zip(folders, own, strict=True) for note in one.notes]
    return Gathered(
        title=f"{len(own)} sweeps ({names})",
        experiment=", ".join(dict.fromkeys(gathered.experiment for gathered in own)),
        store=own[0].store,
        results=tuple(by_id.values()),
        notes=tuple(notes),
        parent_run_id=None,
    )


def gather_experiment(experiment: str, outputs: Path, tracking_uri: str | None = None) -> Gathered:
    """Reads every run of an experiment that has ended from MLflow; of runs with one fingerprint the latest.

    Args:
        experiment: MLflow's.
        outputs: Where the default store lies.
        tracking_uri: The store; None is `MLFLOW_TRACKING_URI`, else the one in `outputs`.

    Raises:
        NothingToCompare: It has no run of a recipe with a result.
        UserError: There is no such experiment, or the store cannot be read.
    """
    from runner.tracking import find_store, runs_where, store_address

    uri, where = (tracking_uri, _OPTION) if tracking_uri else store_address(Tracking(), outputs)
    found = find_store(uri, experiment, where=where, another=f"{_OPTION} URI")
    read = [_read_ended(run) for run in runs_where(found, "attributes.status != 'RUNNING'")]
    ended = [result for result in read if result is not None]
    results = latest_of_each(ended)
    if all(result.failure is not None for result in results):
        failed = f" {len(results)} failed, such as: {results[-1].failure}" if results else ""
        raise NothingToCompare(f"--experiment {experiment}: has no run of a recipe with a result.{failed}")
    repeated = len(ended) - len(results)
    return Gathered(
        title=f"experiment {experiment}",
        experiment=experiment,
        store=found,
        results=tuple(results),
        notes=(f"{counted(repeated, 'run')} left out: another one repeats the same job",) if repeated else (),
        parent_run_id=None,
    )


def _left_in(folder: Path, sweep: Sweep) -> tuple[str, str]:
    """Returns where the sweep left its store, and what says so; a store that was moved with it is named."""
    where = f"{folder}/sweep.json"
    moved = folder.resolve().parent.parent / "mlflow.db"
    if sweep.tracking_uri.startswith("sqlite:///"):
        database = Path(sweep.tracking_uri.removeprefix("sqlite:///"))
        if not database.exists() and moved.is_file():
            raise UserError(
                f"{where}: there is no MLflow store {database} any more. Was it moved with the sweep?"
                f" {_OPTION} sqlite:///{moved}"
            )
    return sweep.tracking_uri, where


def _read_ended(run: "LoggedRun | None") -> Result | None:
    if run is None or run.deleted or run.status in ("RUNNING", "SCHEDULED"):
        return None
    return read_result(run)


def _may_be_killed(run: "LoggedRun | None", record: JobRecord) -> bool:
    """Returns whether a run of a job that did not succeed has no end: its process had no time to log one."""
    unended = run is not None and not run.deleted and run.status in ("RUNNING", "SCHEDULED")
    return unended and record.status in ("failed", "interrupted", "killed")


def _read_killed(run: "LoggedRun | None", record: JobRecord) -> Result | None:
    """Reads a run that began and has no end: it is lost, and a job that still runs has no result yet."""
    result = None if run is None else read_result(run)
    if result is None or result.failure is None:
        return result
    return replace(result, failure=_one_line(record.reason or record.status))


def _why_lost(run: "LoggedRun | None", record: JobRecord) -> str:
    if run is None:
        return f"its run {record.run_id} is not in the store"
    if run.deleted:
        return f"its run {record.run_id} is deleted in MLflow"
    if run.status != "FINISHED":
        return f"its run {record.run_id} is {run.status} in MLflow"
    return f"its run {record.run_id} is not of a recipe"


def _without_result(sweep: Sweep, records: Sequence[JobRecord], with_result: Collection[int]) -> list[str]:
    """States why jobs have no result: a line for each reason, with the jobs that it affected."""
    alike: dict[str, list[JobRecord]] = {}
    for record in records:
        if record.number not in with_result:
            why = f"{record.status}{': ' if record.reason else ''}{_one_line(record.reason or '')}"
            alike.setdefault(why, []).append(record)
    told = [f"{_jobs(own)} {why}" for why, own in alike.items()]
    missing = len(sweep.jobs) - len(records)
    if missing > 0:
        told.append(f"{missing} of {len(sweep.jobs)} jobs have not begun")
    return _cut(told)


def _folders_gone(folder: Path, succeeded: Sequence[JobRecord]) -> list[str]:
    gone = [record for record in succeeded if record.folder and not (folder / record.folder).is_dir()]
    if not gone:
        return []
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    return [f"the files of {_job(gone[0])}{more} are gone ({gone[0].folder}); the numbers are MLflow's"]


def _job(record: JobRecord) -> str:
    return f"job {record.number} ({record.name})"


def _jobs(records: Sequence[JobRecord]) -> str:
    if len(records) == 1:
        return _job(records[0])
    numbers = ", ".join(str(record.number) for record in records[:_MOST_JOBS])
    return f"{len(records)} jobs ({numbers}{', ...' if len(records) > _MOST_JOBS else ''})"


def _one_line(text: str) -> str:
    return textwrap.shorten(text, 200, placeholder=" ...")


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_JOBS:
        return lines
    return [*lines[: _MOST_JOBS - 1], f"and {len(lines) - _MOST_JOBS + 1} more lines like these"]
