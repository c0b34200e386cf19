"""Runs that are there already: the finished one that equals a job, and those that a job has left open."""

from collections.abc import Iterable

from runner.process.errors import UserError
from runner.tracking.reason import short_reason
from runner.tracking.runs import LoggedRun, runs_by_id, runs_where
from runner.tracking.store import STORE_ERRORS, Store, without_password


def find_finished(store: Store, fingerprint: str) -> LoggedRun | None:
    """Finds the last FINISHED run of a fingerprint in the store's experiment.

    Raises:
        UserError: The store does not answer.
    """
    found = runs_where(
        store, f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'", most=1
    )
    return found[0] if found else None


def find_on_other_data(store: Store, recipe_hash: str, seed: int, data_sha256: str) -> LoggedRun | None:
    """Finds the last FINISHED run of a recipe and seed whose data had another content.

    Raises:
        UserError: The store does not answer.
    """
    found = runs_where(
        store,
        f"tags.recipe_hash = '{recipe_hash}' and params.seed = '{seed}' and attributes.status = 'FINISHED'"
        f" and tags.data_sha256 != '{data_sha256}'",
        most=1,
    )
    return found[0] if found else None


def close_left_open(store: Store, run_ids: Iterable[str]) -> None:
    """Sets those of the runs to KILLED that are RUNNING, though the process of each has ended.

    Raises:
        UserError: The store does not answer.
    """
    for run in runs_by_id(store, run_ids).values():
        if run.status == "RUNNING":
            _kill(store, run.run_id)


def _kill(store: Store, run_id: str) -> None:
    try:
        store.client.set_terminated(run_id, "KILLED")
    except STORE_ERRORS as error:
        told = f"MLflow at {without_password(store.uri)} cannot be written ({short_reason(error)})."
        raise UserError(told) from error
