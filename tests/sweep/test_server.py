"""Sweeps and runs that are logged to a real `mlflow server`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.mlflow_server import mlflow_server
from tests.sweep.sweeping import ROOT, TINY, Sweeps

pytestmark = pytest.mark.slow

ONE_RECIPE = ["recipe=mnist_constant", *TINY[1:], "threads=1"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that keeps runs in SQLite and files in a folder, and gives out both."""
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


def runs(address: str, experiment: str, kind: str) -> list[Run]:
    client = MlflowClient(address)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id], f"tags.runner_kind = '{kind}'"))


def test_a_parallel_sweep_is_logged_to_the_server_of_the_environment(server: str, tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path, store=False)
    status, out, err = sweeps(
        "launch=joblib", *ONE_RECIPE, "seed=1,2", MLFLOW_TRACKING_URI=server, MLFLOW_EXPERIMENT_NAME="study"
    )

    assert (status, err) == (0, "")
    [parent], children = runs(server, "study", "sweep"), runs(server, "study", "run")
    assert parent.info.status == "FINISHED"
    assert {child.info.run_name for child in children} == {"seed=1", "seed=2"}
    assert {child.info.status for child in children} == {"FINISHED"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert f"MLflow: {server}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}" in out
    view = f"{server}/#/experiments/{parent.info.experiment_id}/runs?viewStateShareKey=pruning-runs"
    assert f"table:  {view}" in out
    client = MlflowClient(server)
    [folder] = sweeps.folders
    table = client.download_artifacts(parent.info.run_id, "tables/jobs.csv", str(tmp_path))
    assert Path(table).read_bytes() == (folder / "jobs.csv").read_bytes()
    for child in children:
        listed = {file.path for file in client.list_artifacts(child.info.run_id, "tflite")}
        assert listed == {"tflite/model_float32.tflite"}
        [row] = sweeps.table(folder).query(f"name == '{child.info.run_name}'").to_dict("records")
        assert child.data.metrics["test/loss"] == row["test/loss"]
    # Nothing is kept here beside the files of the jobs.
    assert not (tmp_path / "outputs" / "mlflow.db").exists()


def test_a_run_is_logged_to_the_server_of_the_settings(server: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "runner",
            *ONE_RECIPE,
            f"tracking.uri={server}",
            "tracking.experiment=single",
            "tracking.artifacts=[recipe]",
        ],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert (done.returncode, done.stderr) == (0, "")
    [run] = runs(server, "single", "run")
    assert run.info.status == "FINISHED"
    assert run.data.params["training.epochs"] == "1"
    assert run.data.tags["sparsity_check"] == "passed"
    assert [file.path for file in MlflowClient(server).list_artifacts(run.info.run_id)] == ["recipe"]
    assert f"MLflow: {server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}" in done.stdout
