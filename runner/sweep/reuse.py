"""Which finished run of before equals a job."""

from collections.abc import Sequence

from runner.datasets import ResolvedData, data_key
from runner.models.content import model_content
from runner.plan.schedules import drop_leftovers
from runner.recipe.schema import Recipe
from runner.records.fingerprint import job_fingerprint
from runner.records.sweep_records import JobRecord, Sweep
from runner.settings import RunSettings
from runner.sweep.planned import PlannedJob
from runner.tracking import LoggedRun, Store, open_store
from runner.tracking.runs import find_finished, find_on_other_data


def required_data(recipe: Recipe, sweep: Sweep) -> ResolvedData | None:
    """Returns what the sweep found for a recipe's data; None where it did not know its jobs beforehand."""
    found = sweep.data.get(data_key(recipe.data))
    return None if found is None else ResolvedData(**found)


def find_equal(recipe: Recipe, settings: RunSettings, sweep: Sweep) -> LoggedRun | None:
    """Finds the finished run, in the sweep's experiment, that asked for the same computation.

    Raises:
        UserError: The store does not answer, or a file that the recipe names is not there.
    """
    return _find_equal(recipe, settings, sweep, open_store(settings.tracking, settings.outputs))


def _find_equal(recipe: Recipe, settings: RunSettings, sweep: Sweep, store: Store) -> LoggedRun | None:
    data = required_data(recipe, sweep)
    if data is None:
        return None
    asked, _ = drop_leftovers(recipe)  # As the run itself does before it is logged.
    return find_finished(store, job_fingerprint(asked, settings, data.sha256, model_content(recipe.model)))


def find_equals(jobs: Sequence[PlannedJob], sweep: Sweep, store: Store) -> dict[int, LoggedRun]:
    """Finds the finished runs that the jobs of a sweep equal, by the numbers of the jobs.

    Raises:
        UserError: See `find_equal`.
    """
    found = {}
    for number, job in enumerate(jobs):
        equal = _find_equal(job.recipe, job.settings, sweep, store)
        if equal is not None:
            found[number] = equal
    return found


def data_has_changed(recipe: Recipe, settings: RunSettings, sweep: Sweep) -> bool:
    """Tells whether the job had finished before, on data of another content than the sweep has found.

    Raises:
        UserError: The store does not answer.
    """
    data = required_data(recipe, sweep)
    if data is None:
        return False
    store = open_store(settings.tracking, settings.outputs)
    asked, _ = drop_leftovers(recipe)
    return find_on_other_data(store, asked.hash, settings.seed, data.sha256) is not None


def reused(number: int, name: str, found: LoggedRun) -> JobRecord:
    """Returns the record of a job whose equal has finished before."""
    return JobRecord(number, name, "reused", run_id=found.run_id, folder=found.tags.get("folder"))
