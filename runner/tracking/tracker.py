"""One run in MLflow, from its opening to its final status."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag

from runner.process.errors import RunFailed, UserError
from runner.process.interruption import interrupted
from runner.tracking.abandoned_runs import PROCESS_TAG, own_process
from runner.tracking.limits import MAX_PARAM, MAX_TAG, Names, cut, flattened, sanitized
from runner.tracking.model import log_model
from runner.tracking.store import Store, run_tags, without_password
from runner.tracking.view import view_address

if TYPE_CHECKING:
    import tensorflow as tf

# MLflow's limits of one request.
_METRICS_PER_BATCH = 1000
_ENTRIES_PER_BATCH = 100
# Of a SHA-256; MLflow takes 36 characters at most for a data set, and its list shows all of them.
_DIGEST = 8


class Tracker:
    """Logs one run. Every method raises `RunFailed` where the store fails.

    Args:
        store: The store.
        run_id: MLflow's id of the run.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.run_id = run_id
        self._store = store
        self._metric_names = Names()

    @property
    def ui_line(self) -> str:
        """An `mlflow ui` command that shows the run, or its address on a server."""
        return self._store.ui_line(self.run_id)

    @property
    def shown_at(self) -> tuple[str, ...]:
        """Lines for the screen: where MLflow shows this run, and the saved view of all runs."""
        uri = self._store.uri
        lines = [f"MLflow: {self.ui_line}"]
        if not uri.startswith("databricks"):
            server = without_password(uri) if uri.startswith(("http://", "https://")) else None
            with self._reporting("a question for the experiment"):
                experiment = self._store.client.get_experiment(self._store.experiment_id)
            view = view_address(server, experiment.experiment_id, experiment.tags)
            lines += [f"table:  {view}"] if view else []
        return tuple(lines)

    def address_of(self, run_id: str, page: str = "") -> str:
        """Returns the address of a page of a run of this experiment, for a link on a page of MLflow.

        Args:
            run_id: MLflow's id of the run.
            page: A part of the run's page, such as `artifacts/plots`.
        """
        address = f"#/experiments/{self._store.experiment_id}/runs/{run_id}"
        return f"{address}/{page}" if page else address

    def describe(self, markdown: str) -> None:
        """Sets the description on the run's page, Markdown of at most 8,000 characters."""
        self.set_tags({"mlflow.note.content": markdown})

    def log_data(self, name: str, sha256: str, source: str, profile: Mapping[str, int]) -> None:
        """Logs the run's data set, for which MLflow's list has a column.

        Args:
            name: The name of the data set.
            sha256: SHA-256 of its content.
            source: A path, or the name of the loader.
            profile: The number of samples by part, such as `{"train": 900, "validation": 100}`.
        """
        origin, counts = json.dumps({"uri": source}), json.dumps(dict(profile))
        # MLflow keeps the first entry of a name and digest, so another split or path needs another one.
        part = hashlib.sha256(f"{origin} {counts}".encode()).hexdigest()
        data = Dataset(
            name=name,
            digest=f"{sha256[:_DIGEST]}-{part[:_DIGEST]}",
            source_type="local",
            source=origin,
            profile=counts,
        )
        with self._reporting("the data set"):
            tags = [InputTag("mlflow.data.context", "training")]
            self._store.client.log_inputs(self.run_id, [DatasetInput(data, tags)])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs metrics in one request, whose cost hardly depends on their number.

        Args:
            metrics: Values by name; characters that MLflow does not allow become `_`.
            step: The training step; None is 0.
        """
        now = int(time.time() * 1000)
        batch = [
            Metric(self._metric_names(name), float(value), now, step or 0) for name, value in metrics.items()
        ]
        self._log("metrics", batch, most=_METRICS_PER_BATCH)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Logs parameters: nested mappings flattened with dots, values cut at 6,000 characters."""
        names = Names()
        batch = [Param(names(name), cut(value, MAX_PARAM)) for name, value in flattened(params)]
        self._log("params", batch)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Sets or replaces tags; values are cut at 8,000 characters."""
        self._log("tags", [RunTag(name, value) for name, value in _tag_texts(tags).items()])

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copies a file into a folder of the run's artifacts; None is the top folder."""
        with self._reporting(str(path)):
            self._store.client.log_artifact(self.run_id, str(path), folder)

    def log_model(self, module: "tf.Module", example: np.ndarray, step: int) -> None:
        """Logs the trained model as `model`; see `runner.tracking.model.log_model`."""
        with self._reporting("the model"):
            log_model(self._store.client, self.run_id, module, example, step)

    def finish(self, status: str) -> None:
        """Ends the run with the status `FINISHED`, `FAILED` or `KILLED`."""
        with self._reporting("status"):
            self._store.client.set_terminated(self.run_id, status)

    def _log(self, kind: str, entries: Sequence[Any], most: int = _ENTRIES_PER_BATCH) -> None:
        with self._reporting(kind):
            for start in range(0, len(entries), most):
                part: dict[str, Any] = {kind: entries[start : start + most]}
                self._store.client.log_batch(self.run_id, **part)

    def _reporting(self, what: str) -> AbstractContextManager[None]:
        return self._store.reporting(RunFailed, f"did not take {what}")


@contextmanager
def open_run(
    store: Store,
    *,
    run_name: str,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    parent_run_id: str | None = None,
) -> Iterator[Tracker]:
    """Opens a run in MLflow and ends it with the status that fits how the block was left.

    `FINISHED` normally; `KILLED` after Ctrl-C, whatever exception arrives, and on SystemExit with the status
    of a signal (above 128); `FAILED` on any other exception.

    Args:
        store: The store; see `open_store`.
        run_name: The name in MLflow's list. Required: automatic names repeat after seeding.
        params: See `Tracker.log_params`.
        tags: See `Tracker.set_tags`.
        parent_run_id: The sweep's run, under which MLflow's list shows this one.

    Raises:
        UserError: The store makes no run.
        RunFailed: The store failed later.
    """
    all_tags = {**run_tags(), PROCESS_TAG: own_process(), **_tag_texts(tags)}
    if parent_run_id is not None:
        all_tags["mlflow.parentRunId"] = parent_run_id
    with store.reporting(UserError, "makes no new run"):
        run = store.client.create_run(store.experiment_id, run_name=run_name, tags=all_tags)
    tracker = Tracker(store, run.info.run_id)
    try:
        tracker.log_params(params)
        yield tracker
    except BaseException as error:
        try:
            tracker.finish(_status(error))
        except RunFailed as unreported:
            error.add_note(str(unreported))
        raise
    tracker.finish("FINISHED")


def _status(error: BaseException) -> str:
    by_signal = isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128
    killed = by_signal or interrupted(error)
    return str(RunStatus.to_string(RunStatus.KILLED if killed else RunStatus.FAILED))


def _tag_texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {sanitized(name): cut(value, MAX_TAG) for name, value in flattened(tags)}
