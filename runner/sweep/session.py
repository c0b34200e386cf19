"""A sweep from its first moment to its last: its folder, its parent run, and the table at its end.

The command line opens one before Hydra starts the first job and closes it whatever happens. Jobs, in this
process or in others, find it by its folder.
"""

import shlex
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.text import Text

from runner.compare.comparing import COMPARISON_PAGE, compare_finished_sweep
from runner.datasets import data_key, resolve
from runner.process.console import open_console
from runner.process.errors import RunFailed, RunnerError, UserError
from runner.process.wording import counted
from runner.recipe.plugin_content import plugin_content
from runner.records.names import job_names, sweep_name
from runner.records.source_content import source_content
from runner.records.sweep_records import JobRecord, Sweep, is_sweep, read_records, write_record, write_sweep
from runner.records.swept_keys import sweep_factors
from runner.search.reporting import report_search
from runner.search.search import Search, check_objectives
from runner.settings import RunSettings, prepare_folder
from runner.sweep.ending import settle
from runner.sweep.job_lines import factors_line
from runner.sweep.jobs_table import JobsTable, jobs_frame
from runner.sweep.launching import Launch
from runner.sweep.log import LOG
from runner.sweep.parent_note import sweep_note
from runner.sweep.planned import PlannedJob
from runner.sweep.reuse import find_equals, reused
from runner.sweep.standing import told_of
from runner.sweep.watch import Watch
from runner.tracking import Store, Tracker, open_run, open_store, runs_by_id
from runner.tracking.limits import MAX_TAG
from runner.tracking.runs import close_left_open


class SweepFailed(RunFailed):
    """Some of the jobs failed or did not finish; the table has said why."""


class Session:
    """An open sweep; use `open_session`.

    Args:
        folder: The sweep's folder.
        sweep: What it was asked to do.
        settings: Of its first job.
        launch: How its jobs are started.
        store: Where it is logged.
        tracker: Its own run there.
        stack: Closes the parent run.
    """

    def __init__(
        self,
        folder: Path,
        sweep: Sweep,
        settings: RunSettings,
        launch: Launch,
        store: Store,
        tracker: Tracker,
        stack: ExitStack,
    ) -> None:
        self.folder, self.sweep, self.settings = folder, sweep, settings
        self._launch, self._store, self._tracker, self._stack = launch, store, tracker, stack
        # The jobs in this process redirect what `sys.stdout` is.
        self._console = open_console(file=sys.stdout)
        self._watch = Watch(folder, len(sweep.jobs) or None, self._console)

    def watch(self) -> None:
        """Says what is about to run, and from now on what becomes of it."""
        factors, count = self.sweep.factors, len(self.sweep.jobs)
        if count:
            told = f"sweep of {counted(count, 'job')}: {factors_line(factors)}"
            self._console.print(Text(told), highlight=False)
        self._print(f"files:  {self.folder}", f"logs:   {self.folder}/JOB/{LOG}")
        self._watch.start()

    def close(self, error: BaseException | None) -> None:
        """Shows and logs what became of the jobs, and ends the parent run with the status that fits.

        Args:
            error: What ended the sweep early; None where all jobs were started.

        Raises:
            SweepFailed: A job failed, or did not report.
        """
        with self._stack:
            try:
                error = settle(self._launch, error)
            finally:
                self._watch.stop()
            records = self._records(interrupted=isinstance(error, KeyboardInterrupt))
            if self.sweep.objective and _is_without_trials(error):
                error = None  # Every job failed, as the table says.
            try:
                frame = self._show(records)
                compared = None
                # Who interrupts a sweep does not want to wait for what can be had at any time.
                if error is None and self.sweep.objective:
                    report_search(
                        self.folder,
                        self.sweep,
                        records,
                        self._tracker,
                        self._console,
                        artifacts=self.settings.tracking.artifacts,
                    )
                elif error is None:
                    compared = compare_finished_sweep(
                        self.folder, self._console, artifacts=self.settings.tracking.artifacts
                    )
                self._describe(frame, compared=compared is not None)
                self._say_where(records)
            finally:
                if error is not None:
                    raise _explained(error, self._launch)
            if not all(record.succeeded for record in records):
                raise SweepFailed(_unsuccessful(records))

    def _records(self, *, interrupted: bool) -> list[JobRecord]:
        """Returns a record for every job; one that never began has none of its own."""
        written = {record.number: record for record in read_records(self.folder)}
        if interrupted:  # Some launchers do not leave their processes the time to say so.
            for number, record in written.items():
                if record.running:
                    written[number] = replace(record, reason="interrupted")
        count = max([len(self.sweep.jobs), *(number + 1 for number in written)])
        return [
            written.get(number)
            or JobRecord(number, self.sweep.name_of(number), "interrupted", "it was not begun")
            for number in range(count)
            if number in written or number < len(self.sweep.jobs)
        ]

    def _show(self, records: list[JobRecord]) -> pd.DataFrame:
        # A process that was killed could not say so itself.
        ended = [record.run_id for record in records if record.status == "interrupted" and record.run_id]
        close_left_open(self._store, ended)
        runs = runs_by_id(self._store, [record.run_id for record in records if record.run_id])
        factors = self.sweep.factors
        frame = jobs_frame(records, runs, factors)
        frame.to_csv(self.folder / "jobs.csv", index=False)
        self._console.print(JobsTable(records, frame, factors))
        reused = sum(record.status == "reused" for record in records)
        if reused:
            self._console.print(
                f"{reused} of {counted(len(records), 'job')} had finished before", highlight=False
            )
        self._tracker.log_metrics({f"jobs/{s}": float((frame.status == s).sum()) for s in set(frame.status)})
        if "tables" in self.settings.tracking.artifacts:
            self._tracker.log_artifact(self.folder / "jobs.csv", "tables")
        return frame

    def _describe(self, frame: pd.DataFrame, *, compared: bool) -> None:
        """Has MLflow's page of the sweep link its jobs, and its comparison where that is logged."""
        logged = compared and "tables" in self.settings.tracking.artifacts
        page = self._tracker.address_of(self._tracker.run_id, COMPARISON_PAGE) if logged else None
        self._tracker.describe(sweep_note(frame, self._tracker.address_of, page, most=MAX_TAG))

    def _say_where(self, records: list[JobRecord]) -> None:
        self._print(f"files:  {self.folder}", *self._tracker.shown_at)
        if self._launch.submissions is not None and any(record.running for record in records):
            self._print(f"what the processes that ended early said: {self._launch.submissions}")
        if any(record.status in ("interrupted", "skipped") for record in records):
            self._print(f"to continue: {continuing(self.sweep.argv)}")

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def open_session(
    folder: Path, jobs: list[PlannedJob], launch: Launch, search: Search | None = None
) -> Session:
    """Opens a sweep: looks up its data, makes its folder and its parent run.

    Args:
        folder: The sweep's folder, not there yet or without a sweep in it.
        jobs: What is to run; of a search examples of it.
        launch: How they are started.
        search: What it looks for, where its sweeper chooses the jobs as it goes.

    Raises:
        UserError: The folder is taken, data or store cannot be had, or the jobs disagree on where they log.
    """
    settings = jobs[0].settings
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        holds = "holds an earlier sweep" if is_sweep(folder) else "is not an empty folder"
        raise UserError(
            f"hydra.sweep.dir={folder}: {holds}, and nothing is overwritten. Leave the folder"
            " to the runner; resume=true continues an earlier sweep from any folder."
        )
    elsewhere = [job for job in jobs if _place(job.settings) != _place(settings)]
    if elsewhere:
        raise UserError(
            f"the sweep's job {' '.join(elsewhere[0].overrides)}: logs to another place than the first one. A"
            " sweep has one store and one experiment, else its jobs could not be compared."
        )
    requests = {data_key(job.recipe.data): job.recipe.data for job in jobs}
    # The last is kept for the jobs in this process, so the first job's comes last.
    data = {key: resolve(asked) for key, asked in reversed(requests.items())}
    if search is not None:
        check_objectives(search.objectives, [job.recipe for job in jobs], data)
    store = open_store(settings.tracking, settings.outputs)
    way_out = "Leave the folder to the runner, or choose another."
    prepare_folder(folder, f"hydra.sweep.dir={folder}", way_out)
    factors = () if search else sweep_factors([job.overrides for job in jobs])
    names = () if search else job_names(factors, len(jobs))
    argv = settings.argv
    with ExitStack() as stack:
        tracker = stack.enter_context(
            open_run(
                store,
                run_name=search.name if search else sweep_name(factors),
                params={
                    "command": shlex.join(argv),
                    "jobs": search.trials if search else len(names),
                    "resume": settings.resume,
                    **({"objective": ", ".join(settings.objective)} if search else {}),
                },
                tags={"runner_kind": "sweep", "folder": str(folder)},
            )
        )
        sweep = Sweep(
            argv=argv,
            jobs=names,
            tracking_uri=store.uri,
            experiment=store.experiment,
            parent_run_id=tracker.run_id,
            data={key: {"source": found.source, "sha256": found.sha256} for key, found in data.items()},
            threads=launch.threads,
            plugins=plugin_content(settings.plugins),
            source=source_content(),
            factors={factor.name: factor.levels for factor in factors},
            objective=settings.objective if search else (),
            fixed=search.fixed if search else (),
        )
        equals = find_equals(jobs, sweep, store) if settings.resume and not search else {}
        if equals:
            missing = tuple(number for number in range(len(jobs)) if number not in equals)
            sweep = replace(sweep, started=missing)
        write_sweep(folder, sweep)
        for number, run in equals.items():
            write_record(folder, reused(number, sweep.name_of(number), run))
        return Session(folder, sweep, settings, launch, store, tracker, stack.pop_all())
    raise AssertionError("a sweep opens or raises")


def _unsuccessful(records: Sequence[JobRecord]) -> str:
    """Says which jobs have failed, and which others did not finish."""
    failed = [record.number for record in records if record.status == "failed"]
    unfinished = [record.number for record in records if not record.succeeded and record.status != "failed"]
    parts = {"failed": failed, "did not finish": unfinished}
    return "\n".join(told_of(len(records), what, numbers) for what, numbers in parts.items() if numbers)


def _place(settings: RunSettings) -> object:
    return settings.tracking, settings.outputs


def _is_without_trials(error: BaseException | None) -> bool:
    """Tells whether Optuna complains that there is no best trial."""
    return isinstance(error, ValueError) and str(error).startswith("No trials are completed")


def _explained(error: BaseException, launch: Launch) -> BaseException:
    """Returns an error of the engine that runs the jobs as a failure of the sweep; any other as it is."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = {str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in frames}
    if not isinstance(error, Exception) or isinstance(error, RunnerError) or "hydra_plugins" not in modules:
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    failed = SweepFailed(f"{launch.engine} gave up: {type(error).__name__}: {' '.join(lines[:3])}")
    failed.__cause__ = error
    return failed


def continuing(argv: tuple[str, ...]) -> str:
    """Writes the command that continues a sweep.

    Args:
        argv: The command of the sweep, its program first.
    """
    own = [argument for argument in argv[1:] if not argument.startswith("resume=")]
    return shlex.join(["python", "-m", "runner", *own, "resume=true"])
