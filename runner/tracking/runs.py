"""Runs as MLflow holds them, read in bulk into plain values."""

import gc
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from mlflow.entities import Run, ViewType

from runner.process.errors import UserError
from runner.tracking.reason import short_reason
from runner.tracking.store import STORE_ERRORS, Store, without_password

# SQLite takes a thousand variables a query, and a server's address line has an end too.
_IDS_PER_QUERY = 500
_RUNS_PER_PAGE = 1000


@dataclass(frozen=True)
class LoggedRun:
    """A run as MLflow holds it.

    Args:
        run_id: MLflow's id.
        status: `FINISHED`, `FAILED`, `KILLED` or `RUNNING`.
        metrics: Last values; those that are not finite are left out.
        tags: All of them.
        params: All of them.
        started: Milliseconds since 1970.
        deleted: Whether it lies in MLflow's bin.
    """

    run_id: str
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    started: int = 0
    deleted: bool = False


def runs_where(store: Store, condition: str, *, most: int | None = None) -> list[LoggedRun]:
    """Searches the store's experiment, the latest runs first; deleted ones are not found.

    Args:
        store: Where.
        condition: In MLflow's language, such as `attributes.status = 'FINISHED'`.
        most: How many are wanted; None is all.

    Raises:
        UserError: The store does not answer.
    """
    return list(islice(_search(store, condition, ViewType.ACTIVE_ONLY, most or _RUNS_PER_PAGE), most))


def runs_by_id(store: Store, run_ids: Iterable[str], *, deleted: bool = False) -> dict[str, LoggedRun]:
    """Reads runs of the store's experiment.

    Args:
        store: Where from.
        run_ids: Which; those that the store does not know are not in the answer.
        deleted: Read deleted ones too.

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
    """Reads a metric along the steps of one run: a query of its own, some milliseconds on a local store.

    Args:
        store: Where from.
        run_id: The run.
        name: The metric, as logged.

    Returns:
        `(step, value)` by step, finite values only; of several at one step the one logged last.

    Raises:
        UserError: The store does not answer.
    """
    with _reported(store):
        points = store.client.get_metric_history(run_id, name)
    last = {point.step: point.value for point in sorted(points, key=lambda point: point.timestamp)}
    return tuple((step, last[step]) for step in sorted(last) if math.isfinite(last[step]))


def _search(store: Store, condition: str, view: int, page_size: int) -> Iterator[LoggedRun]:
    token = None
    while True:
        with _reported(store), _uncollected():
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
    """Keeps the garbage collector from looking through a page's objects over and over; none is garbage.

    It took two thirds of the time of reading a thousand runs.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _reported(store: Store) -> Iterator[None]:
    try:
        yield
    except STORE_ERRORS as error:
        raise UserError(
            f"MLflow at {without_password(store.uri)} cannot be read ({short_reason(error)})."
        ) from error
