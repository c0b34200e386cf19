"""One job of a sweep: left out, found finished, or run. Its record says how it ended, whatever happens.

What computes is imported by the job that runs: its record is there before the seconds that this takes.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runner.process.errors import RunFailed, RunnerError
from runner.process.interruption import interrupt_reason, was_interrupted
from runner.recipe.objective import read_objectives
from runner.recipe.schema import Recipe
from runner.records.names import sampled_name, sampled_values
from runner.records.sweep_records import JobRecord, Sweep, read_record, read_records, read_sweep, write_record
from runner.settings import RunSettings
from runner.sweep.code import require_same_code
from runner.sweep.log import keep_log

_VANISHED = "its process ended before it did"
_OTHER_DATA = "finished before, on data whose content has changed since: it is run again"


class Job:
    """A job while it runs.

    Args:
        folder: The sweep's folder.
        number: The job's, from 0.
        overrides: The job's, as its sweeper gave them to it.
    """

    def __init__(self, folder: Path, number: int, overrides: Sequence[str] = ()) -> None:
        self.folder, self.number = folder, number
        self.sweep: Sweep = read_sweep(folder)
        # Of this very job: a scheduler that has taken its machine away, or lost it, starts it again.
        self.earlier = read_record(folder, number)
        # Until the opposite is known: a process that is killed cannot say so.
        sampled = sampled_values(overrides, self.sweep.fixed) if self.sweep.objective else {}
        name = sampled_name(sampled) if self.sweep.objective else self.sweep.name_of(number)
        self.record = JobRecord(number, name, "interrupted", _VANISHED, began=time.time(), sampled=sampled)

    def place(self, run_id: str | None, folder: Path | None) -> None:
        """Remembers where the run is logged and what it writes to."""
        self.record = replace(self.record, run_id=run_id, folder=None if folder is None else str(folder))
        keep_log(self.folder, self.record)
        write_record(self.folder, self.record)

    def note(self, told: str) -> None:
        """Remembers what the user should be told, once for all jobs that tell the same."""
        if told not in self.record.notes:
            self.record = replace(self.record, notes=(*self.record.notes, told))
            write_record(self.folder, self.record)

    def end(self) -> None:
        """Writes how the job ended, and how long it took."""
        if self.record.began is not None:
            self.record = replace(self.record, seconds=round(time.time() - self.record.began, 3))
        write_record(self.folder, self.record)

    def run(self, recipe: Recipe, settings: RunSettings) -> None:
        """Does the job.

        Args:
            recipe: The experiment.
            settings: `resume` and `on_failure` among them.

        Raises:
            UserError: This process has other code than the sweep's command; or see `run_experiment`.
            RunFailed: See `run_experiment`.
        """
        from runner.run.experiment import Membership, run_experiment
        from runner.sweep.reuse import data_has_changed, find_equal, required_data, reused
        from runner.tracking import open_store
        from runner.tracking.runs import close_left_open

        settings = self._settings(settings)
        if self.earlier is not None and self.earlier.succeeded:
            self.record = self.earlier
            print("had finished when it was started again")
            return
        require_same_code(self.sweep, settings)
        if self.earlier is not None and self.earlier.run_id is not None:
            close_left_open(open_store(settings.tracking, settings.outputs), [self.earlier.run_id])
        if settings.resume:
            found = find_equal(recipe, settings, self.sweep)
            if found is not None:
                self.record = reused(self.number, self.record.name, found)
                return
            if data_has_changed(recipe, settings, self.sweep):
                self.note(_OTHER_DATA)
        earlier = [record for record in read_records(self.folder) if record.status == "failed"]
        if settings.on_failure == "stop" and earlier:
            self.record = replace(self.record, status="skipped", reason=f"job {earlier[0].number} failed")
            return
        run_experiment(
            recipe,
            settings,
            Membership(
                name=self.record.name,
                parent_run_id=self.sweep.parent_run_id,
                data=required_data(recipe, self.sweep),
                begun=self.place,
                noted=self.note,
            ),
        )
        self.record = replace(self.record, status="finished", reason=None)

    def measure(self) -> None:
        """Reads what a search looks for from the run's metrics.

        Raises:
            RunFailed: The run has logged no such number.
            UserError: The store does not answer.
        """
        from runner.tracking import find_store, runs_by_id

        run_id = self.record.run_id
        if not (self.sweep.objective and self.record.succeeded and run_id) or self.record.values:
            return
        store = find_store(self.sweep.tracking_uri, self.sweep.experiment, where=f"{self.folder}/sweep.json")
        found = runs_by_id(store, [run_id])
        metrics = found[run_id].metrics if run_id in found else {}
        values = []
        for objective in read_objectives(self.sweep.objective):
            value = metrics.get(objective.metric, math.nan)
            if not math.isfinite(value):
                raise RunFailed(f"objective: the run has logged no finite {objective.metric}")
            values.append(value)
        self.record = replace(self.record, values=tuple(values))

    def _settings(self, settings: RunSettings) -> RunSettings:
        """Returns the settings as the command meant them, wherever this process runs."""
        tracking = replace(settings.tracking, uri=self.sweep.tracking_uri, experiment=self.sweep.experiment)
        return replace(settings, argv=self.sweep.argv, tracking=tracking, threads=self.sweep.threads)


@contextmanager
def recorded(folder: Path, number: int, overrides: Sequence[str] = ()) -> Iterator[Job]:
    """Opens a job, and writes its record when the block is left, whichever way.

    Args:
        folder: The sweep's folder.
        number: The job's, from 0.
        overrides: The job's, as its sweeper gave them to it.
    """
    job = Job(folder, number, overrides)
    if job.earlier is None or not job.earlier.succeeded:
        write_record(folder, job.record)
    try:
        yield job
        job.measure()
    except BaseException as error:
        if was_interrupted() or isinstance(error, KeyboardInterrupt):
            job.record = replace(job.record, status="interrupted", reason=interrupt_reason())
            raise
        reason = str(error) if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
        job.record = replace(job.record, status="failed", reason=reason)
        raise
    finally:
        # One that had finished before has ended long ago.
        if job.record is not job.earlier:
            job.end()
