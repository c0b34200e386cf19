"""Reads runs of MLflow in bulk into plain values, and finds those that are there already."""

import gc
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from mlflow.entities import Run, ViewType

from runner.process.errors import UserError
from runner.tracking.store import Store

# SQLite allows a thousand variables a query, and a server limits the length of an address.
_IDS_PER_QUERY = 500
_RUNS_PER_PAGE = 1000


@dataclass(frozen=True)
class LoggedRun:
    """A run in MLflow.

    Args:
        run_id: MLflow's id.
        status: `FINISHED`, `FAILED`, `KILLED` or `RUNNING`.
        metrics: The last value of each; values that are not finite are left out.
        tags: Its tags.
        params: Its parameters.
        started: Milliseconds since 1970.
        deleted: Whether it is deleted but still stored.
    """

    run_id: str
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    started: int = 0
    deleted: bool = False


def runs_where(store: Store, condition: str, *, most: int | None = None) -> list[LoggedRun]:
    """Searches the store's experiment, the latest runs first, without deleted ones.

    Args:
        store: The store.
        condition: A filter of MLflow, such as `attributes.status = 'FINISHED'`.
        most: The number of runs to return; None for all.

    Raises:
        UserError: The store does not answer.
    """
    return list(islice(_search(store, condition, ViewType.ACTIVE_ONLY, most or _RUNS_PER_PAGE), most))


def runs_by_id(store: Store, run_ids: Iterable[str], *, deleted: bool = False) -> dict[str, LoggedRun]:
    """Reads runs of the store's experiment by their ids; ids that the store does not know are left out.

    Args:
        store: The store.
        run_ids: MLflow's ids.
        deleted: Whether to read deleted runs too.

    Raises:
        UserError: The store does not answer.
    """
    wanted, found = list(dict.fromkeys(run_ids)), {}
    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        listed = ",".join(f"'{run_id}'" for run_id in wanted[start : start + _IDS_PER_QUERY])
        for run in _search(store, f"attributes.run_id IN ({listed})", view, _RUNS_PER_PAGE):
            found[run.run_id] = run
    return found


def metric_history(store: Store, run_id: str, name: str) -> tuple[tuple[int, float], ...]:
    """Reads a metric of one run at all steps, with one query: some milliseconds on a local store.

    Returns:
        `(step, value)` by step, finite values only; of several values at one step the last.

    Raises:
        UserError: The store does not answer.
    """
    with store.reporting(UserError, "cannot be read"):
        points = store.client.get_metric_history(run_id, name)
    last = {point.step: point.value for point in sorted(points, key=lambda point: point.timestamp)}
    return tuple((step, last[step]) for step in sorted(last) if math.isfinite(last[step]))


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
            with store.reporting(UserError, "cannot be written"):
                store.client.set_terminated(run.run_id, "KILLED")


def _search(store: Store, condition: str, view: int, page_size: int) -> Iterator[LoggedRun]:
    token = None
    while True:
        with store.reporting(UserError, "cannot be read"), _uncollected():
            page = store.client.search_runs(
                [store.experiment_id],
                condition,
                run_view_type=view,
                max_results=min(page_size, _RUNS_PER_PAGE),
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
        yield from map(_plain, page)
        token = page.token
        if not token:
            return


def _plain(run: Run) -> LoggedRun:
    return LoggedRun(
        run_id=run.info.run_id,
        status=run.info.status,
        metrics={name: value for name, value in run.data.metrics.items() if math.isfinite(value)},
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        started=run.info.start_time or 0,
        deleted=run.info.lifecycle_stage != "active",
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pauses the garbage collector, which took two thirds of the time of reading a thousand runs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
