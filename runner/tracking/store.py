"""The store that MLflow keeps runs in: a local database, made where it is missing, or a server."""

import getpass
import logging
import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from runner.process.errors import RunnerError, UserError, did_you_mean
from runner.settings import Tracking

# Read when mlflow is imported: no git, no telemetry, and no printed line about each run.
for _name, _value in {
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Experiment  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from requests.exceptions import RequestException  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

from runner.tracking.abandoned_runs import settle_dead  # noqa: E402
from runner.tracking.database import (  # noqa: E402
    database_path,
    has_content,
    is_store,
    version_problem,
    whole_database,
)
from runner.tracking.mlflow_internals import found_revision  # noqa: E402
from runner.tracking.moved import ARTIFACTS, follow_moved  # noqa: E402
from runner.tracking.reason import short_reason  # noqa: E402
from runner.tracking.view import experiment_tags  # noqa: E402

DEFAULT_EXPERIMENT = "tflite-pruning"
CONTACT_SECONDS = 10
# ModuleNotFoundError: the driver of a database or of an artifact store is a package of its own.
STORE_ERRORS = (
    MlflowException,
    RequestException,
    SQLAlchemyError,
    sqlite3.Error,
    OSError,
    ModuleNotFoundError,
)
_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks")


@dataclass(frozen=True)
class Store:
    """A store that has been reached, and the experiment in it.

    Args:
        client: MLflow's client for it.
        uri: Its address, a database's path absolute.
        experiment_id: MLflow's id of the experiment.
        experiment: Its name.
    """

    client: MlflowClient
    uri: str
    experiment_id: str
    experiment: str

    @property
    def shown_uri(self) -> str:
        """The address without user name and password, for the screen and files."""
        return without_password(self.uri)

    def ui_line(self, run_id: str) -> str:
        """Returns a command that shows a run of a local store, or the run's address on a server."""
        if self.uri.startswith(("http://", "https://")):
            return f"{without_password(self.uri)}/#/experiments/{self.experiment_id}/runs/{run_id}"
        if self.uri.startswith("databricks"):
            return f"run {run_id} in the experiment {self.experiment_id} of your Databricks workspace"
        return f"mlflow ui --backend-store-uri {shlex.quote(without_password(self.uri))}"

    @contextmanager
    def reporting(self, kind: type[RunnerError], what: str) -> Iterator[None]:
        """Raises `kind` in place of MLflow's own errors.

        Args:
            kind: The error.
            what: What the store failed to do, such as `"cannot be read"`.
        """
        try:
            yield
        except STORE_ERRORS as error:
            raise kind(f"MLflow at {self.shown_uri} {what} ({short_reason(error)}).") from error


def open_store(tracking: Tracking, outputs: Path) -> Store:
    """Opens the store of the settings, of MLflow's environment variables, or the default one.

    Ends runs of its experiment whose process has died; see `runner.tracking.abandoned_runs`. Corrects a local
    store that was moved; see `runner.tracking.moved`.

    Args:
        tracking: The settings. The defaults are `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME`, else
            `sqlite:///<outputs>/mlflow.db` and `tflite-pruning`.
        outputs: The absolute folder of all outputs.

    Raises:
        UserError: There is no such kind of store, it cannot be reached or made, or its experiment is deleted.
    """
    _quieten()
    uri, where = store_address(tracking, outputs)
    experiment = tracking.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    database = database_path(uri, where)
    artifacts = None
    if database is not None:
        uri = f"sqlite:///{database}"
        artifacts = (database.parent / ARTIFACTS).as_uri()
    try:
        if database is not None:
            (database.parent / ARTIFACTS).mkdir(parents=True, exist_ok=True)
        with whole_database(database, where) if database else nullcontext(), _impatient():
            if database is not None and is_store(database, where):  # Else MLflow has yet to make its tables.
                follow_moved(database, experiment)
            client = MlflowClient(tracking_uri=uri)
            found = _experiment(client, experiment, artifacts)
        with _impatient():
            settle_dead(client, found.experiment_id)
    except STORE_ERRORS as error:
        raise _unusable(
            error, uri, where, "Start or mend it, or leave the setting out to log into the output folder."
        ) from error
    _require_active(found, "tracking.experiment", uri)
    return Store(client, uri, found.experiment_id, experiment)


def find_store(uri: str, experiment: str, *, where: str, another: str = "tracking.uri=URI") -> Store:
    """Reaches a store to read from it; makes neither the store nor the experiment.

    Ends runs whose process has died as `open_store` does, so that none is read as running.

    Args:
        uri: Its address; a relative path counts from the current directory.
        experiment: MLflow's experiment.
        where: What names the address, for messages.
        another: How another one is named, for messages.

    Raises:
        UserError: There is no such store or experiment, another version of MLflow made the store, or it does
            not answer.
    """
    _quieten()
    _require_scheme(uri, where)  # MLflow would make a store in the current folder.
    database = database_path(uri, where)
    if database is not None:
        uri = f"sqlite:///{database}"
        if not has_content(database) or not is_store(database, where):
            raise UserError(f"{where}: there is no MLflow store {database}. {another} names another.")
    try:
        with _impatient():
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(experiment)
            known = [] if found else [one.name for one in client.search_experiments()]
            if found is not None:
                settle_dead(client, found.experiment_id)
    except STORE_ERRORS as error:
        raise _unusable(error, uri, where, f"Start or mend it, or name another: {another}") from error
    if found is None:
        raise UserError(
            f"experiment {experiment}: there is none of that name in {without_password(uri)}."
            f"{did_you_mean(experiment, known)} It has: {', '.join(known) or 'none'}"
        )
    _require_active(found, "experiment", uri)
    return Store(client, uri, found.experiment_id, experiment)


def run_tags() -> dict[str, str]:
    """Returns the tags from which MLflow's UI shows the user and the program."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.name": "runner", "mlflow.source.type": "LOCAL"}


def without_password(uri: str) -> str:
    """Returns an address without user name and password."""
    return re.sub(r"//[^/@]*@", "//", uri).rstrip("/")


def store_address(tracking: Tracking, outputs: Path) -> tuple[str, str]:
    """Returns the address of the store and the setting that it comes from.

    Raises:
        UserError: MLflow knows no such kind of store.
    """
    environment = os.environ.get("MLFLOW_TRACKING_URI")
    uri, where = (
        (tracking.uri, "tracking.uri")
        if tracking.uri
        else (environment, "MLFLOW_TRACKING_URI")
        if environment
        else (f"sqlite:///{outputs / 'mlflow.db'}", "outputs")
    )
    _require_scheme(uri, where)
    return uri, where


def _require_scheme(uri: str, where: str) -> None:
    scheme = re.split(r"[:+]", uri, maxsplit=1)[0]
    if scheme not in _SCHEMES:
        if not uri:
            problem = "names no store."
        elif scheme == "file" or "://" not in uri:
            problem = "is a folder, and MLflow no longer keeps runs in folders."
        else:
            problem = f"is no kind of store that MLflow knows.{did_you_mean(scheme, _SCHEMES)}"
        raise UserError(
            f"{where}: {without_password(uri) or repr(uri)} {problem} Write sqlite:///FILE.db for a local"
            " store, or http://HOST:PORT for a server."
        )


def _quieten() -> None:
    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.WARNING)


def _unusable(error: Exception, uri: str, where: str, way_out: str) -> UserError:
    uri = without_password(uri)
    revision = found_revision(error)
    problem = version_problem(revision, uri) if revision else None
    problem = problem or f"the MLflow store {uri} cannot be used ({short_reason(error)}). {way_out}"
    return UserError(f"{where}: {problem}")


def _require_active(experiment: Experiment, setting: str, uri: str) -> None:
    if experiment.lifecycle_stage != "active":
        raise UserError(
            f"{setting}: '{experiment.name}' is deleted in {without_password(uri)}. Name another, or"
            f" bring it back: mlflow experiments restore --experiment-id {experiment.experiment_id}"
        )


@contextmanager
def _impatient() -> Iterator[None]:
    """Lets MLflow's first contact with a server fail after seconds; by default it takes minutes."""
    bounds = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(CONTACT_SECONDS)}
    before = {name: os.environ.get(name) for name in bounds}
    os.environ.update(bounds)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        made = client.create_experiment(name, artifact_location=artifacts, tags=experiment_tags())
    except MlflowException:
        # On a server another client may have been first; then it is there now.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found
    return client.get_experiment(made)
