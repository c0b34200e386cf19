"""One job of a sweep: skipped, reused or run. Its record is written however it ends.

Modules that compute are imported by the job that runs: its record is there before that takes its seconds.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runner.process.errors import RunFailed, RunnerError, UserError
from runner.process.interruption import interrupt_reason, interrupted
from runner.recipe.objective import read_objectives
from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.names import sampled_name, sampled_values
from runner.records.source_content import source_content
from runner.records.sweep_records import JobRecord, Sweep, read_record, read_records, read_sweep, write_record
from runner.settings import RunSettings
from runner.sweep.job_log import keep_log

_OTHER_DATA = "finished before, on data whose content has changed since: it is run again"


@dataclass(frozen=True)
class PlannedJob:
    """One job that a sweep is about to start.

    Args:
        overrides: As Hydra gives them to it.
        recipe: The experiment.
        settings: Its settings.
    """

    overrides: tuple[str, ...]
    recipe: Recipe
    settings: RunSettings


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
        sampled = sampled_values(overrides, self.sweep.fixed) if self.sweep.objective else {}
        name = sampled_name(sampled) if self.sweep.objective else self.sweep.name_of(number)
        self.record = JobRecord(number, name, "running", began=time.time(), sampled=sampled)

    def place(self, run_id: str | None, folder: Path | None) -> None:
        """Records the job's run in MLflow and its folder."""
        self.record = replace(self.record, run_id=run_id, folder=None if folder is None else str(folder))
        keep_log(self.folder, self.record)
        write_record(self.folder, self.record)

    def note(self, text: str) -> None:
        """Records a note for the user; equal notes of several jobs are shown once."""
        if text not in self.record.notes:
            self.record = replace(self.record, notes=(*self.record.notes, text))
            write_record(self.folder, self.record)

    def run(self, recipe: Recipe, settings: RunSettings) -> None:
        """Skips, reuses or runs the job.

        Args:
            recipe: The experiment.
            settings: The job's, with `resume` and `on_failure`.

        Raises:
            UserError: This process has other code than the sweep's command; or see `run_experiment`.
            RunFailed: See `run_experiment`.
        """
        from runner.report.parts import Membership
        from runner.run.experiment import run_experiment
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
            store = open_store(settings.tracking, settings.outputs)
            found = find_equal(recipe, settings, self.sweep, store)
            if found is not None:
                self.record = reused(self.number, self.record.name, found)
                return
            if data_has_changed(recipe, settings, self.sweep, store):
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
        self.record = replace(self.record, status="finished")

    def measure(self) -> None:
        """Reads the values of a search's objectives from the run's metrics.

        Raises:
            RunFailed: The run has not logged one of them.
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
        """Returns the settings with what the command has resolved, wherever this process runs."""
        tracking = replace(settings.tracking, uri=self.sweep.tracking_uri, experiment=self.sweep.experiment)
        return replace(settings, argv=self.sweep.argv, tracking=tracking, threads=self.sweep.threads)


@contextmanager
def recorded(folder: Path, number: int, overrides: Sequence[str] = ()) -> Iterator[Job]:
    """Opens a job, and writes its record when the block is left.

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
        if interrupted(error):
            why = interrupt_reason()
            job.record = replace(
                job.record, status="interrupted", reason=None if why == "interrupted" else why
            )
            raise
        reason = str(error) if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
        job.record = replace(job.record, status="failed", reason=reason)
        raise
    finally:
        if job.record is not job.earlier:  # Else it had finished before it was started again.
            seconds = None if job.record.began is None else round(time.time() - job.record.began, 3)
            write_record(folder, replace(job.record, seconds=seconds))


def require_same_code(sweep: Sweep, settings: RunSettings) -> None:
    """Refuses a job that would compute with other code than the sweep's command and its other jobs.

    A launcher's process imports plugins, and the runner, when its job begins: on another machine, or hours
    later. Code that was edited in between would make the results of the jobs incomparable.

    Args:
        sweep: With the content of the code when the sweep began.
        settings: The job's; its plugins have been imported.

    Raises:
        UserError: A plugin or a part of the runner has another content.
    """
    own = plugin_content(settings.plugins)
    changed = [f"plugins: '{name}'" for name in own if own[name] != sweep.plugins.get(name, own[name])]
    source = source_content()
    changed += [f"runner/{part}" for part in source if source[part] != sweep.source.get(part, source[part])]
    if changed:
        raise UserError(
            f"{', '.join(changed)}: the code is not what it was when the sweep began; runs of different code"
            " are not compared. Begin the sweep again."
        )
