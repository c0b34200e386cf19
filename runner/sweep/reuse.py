"""Finds the finished runs that jobs of a sweep may reuse."""

from runner.datasets import ResolvedData, data_key
from runner.models.content import model_content
from runner.plan.schedule_builders import drop_leftovers
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.records.sweep_records import JobRecord, Sweep
from runner.settings import RunSettings
from runner.tracking import LoggedRun, Store
from runner.tracking.runs import find_finished, find_on_other_data


def required_data(recipe: Recipe, sweep: Sweep) -> ResolvedData | None:
    """Returns the data that the sweep has resolved for a recipe; None where it has not."""
    found = sweep.data.get(data_key(recipe.data))
    return None if found is None else ResolvedData(**found)


def find_equal(recipe: Recipe, settings: RunSettings, sweep: Sweep, store: Store) -> LoggedRun | None:
    """Finds the finished run, in the sweep's experiment, of the same computation.

    Raises:
        UserError: The store does not answer, or a file that the recipe names is not there.
    """
    data = required_data(recipe, sweep)
    if data is None:
        return None
    asked, _ = drop_leftovers(recipe)  # As the run itself does before it is logged.
    ingredients = Ingredients.read(settings, data.sha256, model_content(recipe.model))
    return find_finished(store, ingredients.job_fingerprint(asked, settings.seed))


def data_has_changed(recipe: Recipe, settings: RunSettings, sweep: Sweep, store: Store) -> bool:
    """Tells whether the job had finished before, on data of another content than the sweep has resolved.

    Raises:
        UserError: The store does not answer.
    """
    data = required_data(recipe, sweep)
    if data is None:
        return False
    asked, _ = drop_leftovers(recipe)
    return find_on_other_data(store, asked.hash, settings.seed, data.sha256) is not None


def reused(number: int, name: str, found: LoggedRun) -> JobRecord:
    """Returns the record of a job that reuses a finished run."""
    return JobRecord(number, name, "reused", run_id=found.run_id, folder=found.tags.get("folder"))
