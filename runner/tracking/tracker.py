"""One run in MLflow, from its opening to its final status."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag

from runner.process.errors import RunFailed, UserError
from runner.process.interruption import was_interrupted
from runner.tracking.limits import MAX_PARAM, MAX_TAG, Names, cut, flattened, sanitized
from runner.tracking.model import log_model
from runner.tracking.process import PROCESS_TAG, own_process
from runner.tracking.reason import short_reason
from runner.tracking.store import STORE_ERRORS, Store, run_tags, without_password
from runner.tracking.view import view_address

if TYPE_CHECKING:
    import tensorflow as tf

# MLflow's limits of one request.
_METRICS_PER_BATCH = 1000
_ENTRIES_PER_BATCH = 100
# Of a SHA-256; MLflow takes 36 characters at most for a data set, and its list shows all of them.
_DIGEST = 8


class Tracker:
    """Logs one run.

    Args:
        store: Where to.
        run_id: MLflow's id of the run.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.run_id = run_id
        self._store = store
        self._metric_names = Names()

    @property
    def ui_line(self) -> str:
        """What shows this run: an `mlflow ui` command, or the address on a server."""
        return self._store.ui_line(self.run_id)

    @property
    def shown_at(self) -> tuple[str, ...]:
        """Lines that tell where MLflow shows this run, and the saved view of all."""
        uri = self._store.uri
        lines = [f"MLflow: {self.ui_line}"]
        if not uri.startswith("databricks"):
            server = without_password(uri) if uri.startswith(("http://", "https://")) else None
            with self._reported("a question for the experiment"):
                experiment = self._store.client.get_experiment(self._store.experiment_id)
            view = view_address(server, experiment.experiment_id, experiment.tags)
            lines += [f"table:  {view}"] if view else []
        return tuple(lines)

    def address_of(self, run_id: str, page: str = "") -> str:
        """Returns the address of a run's page for a link on another page of MLflow's.

        Args:
            run_id: A run of the same experiment.
            page: A part of the run's page, such as `artifacts/plots`.
        """
        address = f"#/experiments/{self._store.experiment_id}/runs/{run_id}"
        return f"{address}/{page}" if page else address

    def describe(self, markdown: str) -> None:
        """Sets what the run's page shows as its description.

        Args:
            markdown: The text, cut at 8,000 characters.

        Raises:
            RunFailed: The store does not take it.
        """
        self.set_tags({"mlflow.note.content": markdown})

    def log_data(self, name: str, sha256: str, source: str, profile: Mapping[str, int]) -> None:
        """Logs which data the run computes with: MLflow's list has a column for it.

        Args:
            name: The data set's.
            sha256: Of its content.
            source: Where it came from: a path, or what made it.
            profile: How many samples it has, by what they are for.

        Raises:
            RunFailed: The store does not take it.
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
        with self._reported("the data set"):
            tags = [InputTag("mlflow.data.context", "training")]
            self._store.client.log_inputs(self.run_id, [DatasetInput(data, tags)])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs numbers in one request, whose price hardly depends on how many there are.

        Args:
            metrics: Values by name; characters that MLflow does not take become `_`.
            step: The training step they belong to; None is 0.

        Raises:
            RunFailed: The store does not take them.
        """
        now = int(time.time() * 1000)
        batch = [
            Metric(self._metric_names(name), float(value), now, step or 0) for name, value in metrics.items()
        ]
        with self._reported("metrics"):
            for start in range(0, len(batch), _METRICS_PER_BATCH):
                part = batch[start : start + _METRICS_PER_BATCH]
                self._store.client.log_batch(self.run_id, metrics=part)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Logs what the run was asked to do.

        Args:
            params: Plain data; nested mappings are flattened with dots, values cut at 6,000 characters.

        Raises:
            RunFailed: The store does not take them.
        """
        names = Names()
        batch = [Param(names(name), cut(value, MAX_PARAM)) for name, value in flattened(params)]
        with self._reported("parameters"):
            for start in range(0, len(batch), _ENTRIES_PER_BATCH):
                part = batch[start : start + _ENTRIES_PER_BATCH]
                self._store.client.log_batch(self.run_id, params=part)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Sets or replaces tags.

        Args:
            tags: Values by name, cut at 8,000 characters.

        Raises:
            RunFailed: The store does not take them.
        """
        batch = [RunTag(name, value) for name, value in _tag_texts(tags).items()]
        with self._reported("tags"):
            for start in range(0, len(batch), _ENTRIES_PER_BATCH):
                self._store.client.log_batch(self.run_id, tags=batch[start : start + _ENTRIES_PER_BATCH])

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copies a file to the run.

        Args:
            path: The file.
            folder: Its folder among the run's artifacts; None is the top.

        Raises:
            RunFailed: The file is not there or the store does not take it.
        """
        with self._reported(str(path)):
            self._store.client.log_artifact(self.run_id, str(path), folder)

    def log_model(self, module: "tf.Module", example: np.ndarray, step: int) -> None:
        """Logs the trained model as `model`; see `runner.tracking.model.log_model`.

        Args:
            module: Called with samples `[n, ...]`, any n, it gives outputs `[n, ...]`.
            example: Samples `[n, ...]`, n >= 1; the first becomes the input example.
            step: The training step that the model is from.

        Raises:
            RunFailed: The store does not take it.
        """
        with self._reported("the model"):
            log_model(self._store.client, self.run_id, module, example, step)

    def finish(self, status: str) -> None:
        """Ends the run.

        Args:
            status: `FINISHED`, `FAILED` or `KILLED`.

        Raises:
            RunFailed: The store does not take it.
        """
        with self._reported("status"):
            self._store.client.set_terminated(self.run_id, status)

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except STORE_ERRORS as error:
            raise RunFailed(
                f"MLflow at {without_password(self._store.uri)} did not take {what} ({short_reason(error)})"
            ) from error


@contextmanager
def open_run(
    store: Store,
    *,
    run_name: str,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    parent_run_id: str | None = None,
) -> Iterator[Tracker]:
    """Opens a run in MLflow and closes it with the status that fits how the block was left.

    `FINISHED` normally, `KILLED` on Ctrl-C (KeyboardInterrupt, or what became of it, or SystemExit with 130
    or more, a signal's), `FAILED` on any other exception.

    Args:
        store: Where to; see `open_store`.
        run_name: The name in MLflow's list. Needed: automatic names repeat after seeding.
        params: What the run was asked to do, nested as it is; see `Tracker.log_params`.
        tags: First tags; see `Tracker.set_tags`.
        parent_run_id: The sweep's run, under which MLflow's list shows this one.

    Yields:
        The run's tracker.

    Raises:
        UserError: The store makes no run.
        RunFailed: The store failed later.
    """
    all_tags = {**run_tags(), PROCESS_TAG: own_process(), **_tag_texts(tags)}
    if parent_run_id is not None:
        all_tags["mlflow.parentRunId"] = parent_run_id
    try:
        run = store.client.create_run(store.experiment_id, run_name=run_name, tags=all_tags)
    except STORE_ERRORS as error:
        raise UserError(
            f"MLflow at {without_password(store.uri)} makes no new run ({short_reason(error)})."
        ) from error
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
    if was_interrupted():
        return str(RunStatus.to_string(RunStatus.KILLED))
    if isinstance(error, SystemExit):
        killed = isinstance(error.code, int) and error.code > 128
    else:
        killed = isinstance(error, KeyboardInterrupt)
    return str(RunStatus.to_string(RunStatus.KILLED if killed else RunStatus.FAILED))


def _tag_texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {sanitized(name): cut(value, MAX_TAG) for name, value in flattened(tags)}
