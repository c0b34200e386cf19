"""Which finished run of before equals a job."""

from runner.datasets import ResolvedData, data_key
from runner.fingerprint import job_fingerprint
from runner.models.content import model_content
from runner.plan.schedules import drop_leftovers
from runner.recipe.schema import Recipe
from runner.settings import RunSettings
from runner.sweep.records import Sweep
from runner.tracking import LoggedRun, open_store
from runner.tracking.lookup import find_finished, find_on_other_data


def required_data(recipe: Recipe, sweep: Sweep) -> ResolvedData | None:
    """Returns what the sweep found for a recipe's data; None where it did not know its jobs beforehand."""
    found = sweep.data.get(data_key(recipe.data))
    return None if found is None else ResolvedData(**found)


def find_equal(recipe: Recipe, settings: RunSettings, sweep: Sweep) -> LoggedRun | None:
    """Finds the finished run, in the sweep's experiment, that asked for the same computation.

    Raises:
        UserError: The store does not answer, or a file that the recipe names is not there.
    """
    data = required_data(recipe, sweep)
    if data is None:
        return None
    store = open_store(settings.tracking, settings.outputs)
    asked, _ = drop_leftovers(recipe)  # As the run itself does before it is logged.
    return find_finished(store, job_fingerprint(asked, settings, data.sha256, model_content(recipe.model)))


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
