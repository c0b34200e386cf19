"""An open sweep until its end: its jobs are shown, then their table, the comparison and the exit status.

The command line opens a sweep before Hydra starts the first job, and closes it whatever happens. Jobs, in
this process or in others, find it by its folder.
"""

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from runner.compare.compare_runs import COMPARISON_PAGE, compare_finished_sweep
from runner.process.console import open_console
from runner.process.errors import RunFailed, RunnerError
from runner.process.wording import counted
from runner.records.sweep_records import KILLED, JobRecord, Sweep, read_all_records, write_record
from runner.search.report import report_search
from runner.sweep.job_log import LOG
from runner.sweep.jobs_table import JobsTable
from runner.sweep.launcher_errors import is_without_trials, launcher_failure
from runner.sweep.launching import Launch
from runner.sweep.live import LiveSweep
from runner.sweep.progress import factors_line, part_of
from runner.sweep.stop_jobs import stop_jobs
from runner.tracking import Store, Tracker, runs_by_id
from runner.tracking.limits import MAX_TAG
from runner.tracking.runs import close_left_open


@dataclass(frozen=True)
class ParentRun:
    """The sweep's own run in MLflow.

    Args:
        store: The store.
        tracker: Logs to the run.
        artifacts: The kinds of files to log; see `runner.settings.ARTIFACTS`.
        closing: Closes the run, with the status that fits the exception that leaves it.
    """

    store: Store
    tracker: Tracker
    artifacts: Sequence[str]
    closing: ExitStack


class Session:
    """An open sweep; `runner.sweep.open_sweep` makes it.

    Args:
        folder: The sweep's folder.
        sweep: The request.
        launch: How its jobs are started.
        parent: Its own run in MLflow.
    """

    def __init__(self, folder: Path, sweep: Sweep, launch: Launch, parent: ParentRun) -> None:
        self.folder, self.sweep = folder, sweep
        self._launch, self._parent = launch, parent
        # The jobs in this process redirect what `sys.stdout` is.
        self._console = open_console(file=sys.stdout)
        self._live = LiveSweep(folder, sweep, self._console)

    def show(self) -> None:
        """Prints what is about to run, and shows the jobs from now on."""
        if not self.sweep.objective:
            self._print(f"sweep of {counted(self.sweep.count, 'job')}: {factors_line(self.sweep.factors)}")
        self._print(f"files:  {self.folder}", f"logs:   {self.folder}/JOB/{LOG}")
        self._live.start()

    def close(self, error: BaseException | None) -> None:
        """Reports the results of the jobs, and ends the sweep's run with the status that fits.

        Args:
            error: What ended the sweep early; None where all jobs were started.

        Raises:
            RunFailed: A job failed, or did not finish.
        """
        with self._parent.closing:
            try:
                error = stop_jobs(self._launch, error)
            finally:
                self._live.stop()
            if self.sweep.objective and is_without_trials(error):
                error = None  # Every job has failed, as the table says.
            try:
                records = self._read_records(interrupted=isinstance(error, KeyboardInterrupt))
                self._report(records, complete=error is None)
            except RunnerError as failure:
                if error is None:
                    raise
                self._print(str(failure))  # What ended the sweep is raised below.
            if error is not None:
                raise launcher_failure(error, self._launch.engine)
            if not all(record.succeeded for record in records):
                raise RunFailed(unsuccessful(records))

    def _read_records(self, *, interrupted: bool) -> list[JobRecord]:
        """Reads the records of all jobs; those that still say `running` have lost their processes."""
        records = read_all_records(self.folder, self.sweep)
        for place, record in enumerate(records):
            if record.status == "running":
                lost = (
                    replace(record, status="interrupted")
                    if interrupted  # Some launchers do not leave their processes the time to say so.
                    else replace(record, status="killed", reason=KILLED)
                )
                write_record(self.folder, lost)
                records[place] = lost
        return records

    def _report(self, records: Sequence[JobRecord], *, complete: bool) -> None:
        if not records:  # A search that ended before its first job began.
            return
        store, tracker = self._parent.store, self._parent.tracker
        # A process that was killed has not closed its run.
        close_left_open(
            store, [own.run_id for own in records if own.run_id and own.status in ("interrupted", "killed")]
        )
        runs = runs_by_id(store, [record.run_id for record in records if record.run_id])
        table = JobsTable(self.sweep, records, runs, shown=self._live.reasons)
        self._show_table(table)
        compared = complete and self._report_result(records)
        page = tracker.address_of(tracker.run_id, COMPARISON_PAGE) if compared and self._logs_tables else None
        tracker.describe(table.description(tracker.address_of, page, most=MAX_TAG))
        self._print(f"files:  {self.folder}", *tracker.shown_at)
        if self._launch.submissions is not None and any(record.status == "killed" for record in records):
            self._print(f"output of the processes that ended early: {self._launch.submissions}")
        if any(record.status in ("interrupted", "killed", "skipped", "not_begun") for record in records):
            self._print(f"to continue: {continuing(self.sweep.argv)}")

    def _show_table(self, table: JobsTable) -> None:
        frame, tracker = table.frame, self._parent.tracker
        frame.to_csv(self.folder / "jobs.csv", index=False)
        self._console.print(table)
        reused = int(frame["reused"].sum())
        if reused:
            self._print(f"{reused} of {counted(len(frame), 'job')} had finished before")
        tracker.log_metrics({f"jobs/{s}": float((frame.status == s).sum()) for s in set(frame.status)})
        if self._logs_tables:
            tracker.log_artifact(self.folder / "jobs.csv", "tables")

    def _report_result(self, records: Sequence[JobRecord]) -> bool:
        """Reports the search, or compares the jobs; returns whether there is a comparison."""
        artifacts = self._parent.artifacts
        if not self.sweep.objective:
            return compare_finished_sweep(self.folder, self._console, artifacts=artifacts) is not None
        report_search(
            self.folder, self.sweep, records, self._parent.tracker, self._console, artifacts=artifacts
        )
        return False

    @property
    def _logs_tables(self) -> bool:
        return "tables" in self._parent.artifacts

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)


def unsuccessful(records: Sequence[JobRecord]) -> str:
    """Returns which jobs have failed, and which others did not finish."""
    failed = [record.number for record in records if record.status == "failed"]
    unfinished = [record.number for record in records if not record.succeeded and record.status != "failed"]
    parts = {"failed": failed, "did not finish": unfinished}
    return "\n".join(part_of(len(records), verb, numbers) for verb, numbers in parts.items() if numbers)


def continuing(argv: tuple[str, ...]) -> str:
    """Returns the command that continues a sweep.

    Args:
        argv: The command of the sweep, its program first.
    """
    own = [argument for argument in argv[1:] if not argument.startswith("resume=")]
    return shlex.join(["python", "-m", "runner", *own, "resume=true"])
