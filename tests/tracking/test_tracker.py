import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import tensorflow as tf
from mlflow import MlflowClient
from mlflow.entities import Run

from runner.process.errors import RunFailed
from runner.settings import Tracking
from runner.tracking import Tracker, open_run, open_store
from tests.mlflow_server import mlflow_server


def opened(outputs: Path, **changes: Any) -> Any:
    return open_run(
        open_store(Tracking(), outputs), **({"run_name": "r", "params": {}, "tags": {}} | changes)
    )


def read(outputs: Path, run_id: str) -> Run:
    return MlflowClient(f"sqlite:///{outputs}/mlflow.db").get_run(run_id)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests here: making it takes seconds."""
    return tmp_path_factory.mktemp("outputs")


class Doubling(tf.Module):
    """Stands for a model."""

    def __init__(self) -> None:
        self.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "pixels")])
    def __call__(self, samples: tf.Tensor) -> tf.Tensor:
        return samples * self.factor


def test_a_logged_model_loads_by_its_run_with_signature_and_example(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.arange(6, dtype=np.float32).reshape(2, 3)
    with opened(outputs) as run:
        run.log_model(Doubling(), samples, step=7)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{outputs}/mlflow.db")

    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    again = mlflow.pyfunc.load_model(f"models:/{loaded.metadata.model_id}")

    assert loaded.predict(samples).tolist() == again.predict(samples).tolist() == (2 * samples).tolist()
    signature = loaded.metadata.signature
    assert [str(spec) for spec in (*signature.inputs, *signature.outputs)] == [
        "Tensor('float32', (-1, 3))",
        "Tensor('float32', (-1, 3))",
    ]
    assert loaded.input_example.tolist() == [[0.0, 1.0, 2.0]]
    outcome = read(outputs, run.run_id).outputs
    assert outcome is not None
    [output] = outcome.model_outputs
    assert (output.model_id, output.step) == (loaded.metadata.model_id, 7)
    logged = MlflowClient(f"sqlite:///{outputs}/mlflow.db").get_logged_model(output.model_id)
    assert (logged.name, logged.source_run_id, logged.status) == ("model", run.run_id, "READY")


def test_params_tags_metrics_and_artifacts_arrive(outputs: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("layer\n")
    recipe = {"seed": 7, "layers": {"all": {"schedule": {"sparsity": 0.5}}}, "note": "n" * 7000, "empty": ""}
    tags = {"recipe": "mnist_2x4", "text": "t" * 9000}
    with opened(outputs, run_name="mnist_2x4", params=recipe, tags=tags) as run:
        run.log_metrics({"train/loss": 0.5, "sparsity/conv[0]": 0.25, "sparsity/conv(0)": 0.75}, step=3)
        run.log_metrics({"train/loss": 0.25}, step=4)
        run.log_metrics({"test/loss": float("nan")})
        run.set_tags({"sparsity_check": "passed", "recipe": "mnist_2x4 "})
        run.log_artifact(tmp_path / "plan.csv", "tables")
    logged = read(outputs, run.run_id)
    assert logged.info.run_name == "mnist_2x4"
    assert logged.info.status == "FINISHED"
    assert logged.info.end_time >= logged.info.start_time
    params = dict(logged.data.params)
    assert params.pop("note") == "n" * 5997 + "..."
    assert params == {"seed": "7", "layers.all.schedule.sparsity": "0.5", "empty": ""}
    assert logged.data.metrics["sparsity/conv_0_"] == 0.25
    assert logged.data.metrics["sparsity/conv_0__2"] == 0.75
    assert logged.data.tags["sparsity_check"] == "passed"
    assert logged.data.tags["recipe"] == "mnist_2x4 "
    assert logged.data.tags["text"] == "t" * 7997 + "..."
    assert logged.data.tags["mlflow.source.name"] == "runner"
    client = MlflowClient(f"sqlite:///{outputs}/mlflow.db")
    assert [(m.step, m.value) for m in client.get_metric_history(run.run_id, "train/loss")] == [
        (3, 0.5),
        (4, 0.25),
    ]
    assert [item.path for item in client.list_artifacts(run.run_id, "tables")] == ["tables/plan.csv"]
    copied = outputs / "mlartifacts" / run.run_id / "artifacts" / "tables" / "plan.csv"
    assert copied.read_text() == "layer\n"


def test_the_data_set_of_a_run(outputs: Path) -> None:
    with opened(outputs) as run:
        run.log_data("digits", "0123456789abcdef", "digits", {"train": 10, "test": 2})

    inputs = read(outputs, run.run_id).inputs
    assert inputs is not None
    [used] = inputs.dataset_inputs
    assert used.dataset.name == "digits"
    assert re.fullmatch("01234567-[0-9a-f]{8}", used.dataset.digest)
    assert json.loads(used.dataset.source) == {"uri": "digits"}
    assert json.loads(used.dataset.profile or "") == {"train": 10, "test": 2}
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]


def test_the_data_set_of_a_run_with_another_split_or_path(outputs: Path) -> None:
    given: list[tuple[str, dict[str, int]]] = [
        ("digits", {"train": 10, "validation": 2}),
        ("digits", {"train": 9, "validation": 3}),
        ("other/digits.npz", {"train": 9, "validation": 3}),
        ("digits", {"train": 10, "validation": 2}),
    ]
    digests = []
    for source, profile in given:
        with opened(outputs) as run:
            run.log_data("digits", "fedcba9876543210", source, profile)
        inputs = read(outputs, run.run_id).inputs
        assert inputs is not None
        [used] = inputs.dataset_inputs
        assert json.loads(used.dataset.profile or "") == profile
        assert json.loads(used.dataset.source) == {"uri": source}
        digests.append(used.dataset.digest)
    assert len(set(digests[:3])) == 3
    assert digests[3] == digests[0]


def test_where_it_is_shown_and_how_another_page_links_it(outputs: Path) -> None:
    with opened(outputs) as run:
        run.describe("*all* jobs")

    experiment = read(outputs, run.run_id).info.experiment_id
    assert run.shown_at == (
        f"MLflow: mlflow ui --backend-store-uri sqlite:///{outputs}/mlflow.db",
        f"table:  http://127.0.0.1:5000/#/experiments/{experiment}/runs?viewStateShareKey=pruning-runs",
    )
    assert run.address_of("abc") == f"#/experiments/{experiment}/runs/abc"
    assert run.address_of("abc", "artifacts/plots") == f"#/experiments/{experiment}/runs/abc/artifacts/plots"
    assert read(outputs, run.run_id).data.tags["mlflow.note.content"] == "*all* jobs"


def test_an_experiment_without_the_view_has_no_address_of_it(outputs: Path) -> None:
    store = open_store(Tracking(), outputs)
    store.client.create_experiment("theirs")
    theirs = open_store(Tracking(experiment="theirs"), outputs)
    with open_run(theirs, run_name="r", params={}, tags={}) as run:
        pass
    assert run.shown_at == (f"MLflow: mlflow ui --backend-store-uri sqlite:///{outputs}/mlflow.db",)


def test_more_entries_than_one_request_takes(outputs: Path) -> None:
    many = {f"m{i}": i for i in range(1201)}
    with opened(outputs, params={f"p{i}": i for i in range(250)}) as run:
        run.log_metrics(many)
        run.set_tags({f"t{i}": i for i in range(150)})
    logged = read(outputs, run.run_id)
    assert logged.data.metrics == {name: float(value) for name, value in many.items()}
    assert len(logged.data.params) == 250
    assert len([name for name in logged.data.tags if name.startswith("t")]) == 150


def test_what_became_of_an_interrupt_is_killed(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.process.interruption._reasons", ["interrupted"])
    with pytest.raises(ImportError), opened(outputs) as run:
        raise ImportError("an import was torn apart")
    assert read(outputs, run.run_id).info.status == "KILLED"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("crash"), "FAILED"),
        (RunFailed("NaN loss in step 3"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(130), "KILLED"),
        (SystemExit(143), "KILLED"),
        (SystemExit(1), "FAILED"),
        (SystemExit("a message"), "FAILED"),
        (SystemExit(0), "FAILED"),
    ],
)
def test_the_status_says_how_the_run_ended(outputs: Path, error: BaseException, status: str) -> None:
    runs: list[Tracker] = []

    def leave() -> None:
        with opened(outputs) as run:
            runs.append(run)
            assert read(outputs, run.run_id).info.status == "RUNNING"
            raise error

    with pytest.raises(type(error)) as caught:
        leave()
    assert caught.value is error
    assert read(outputs, runs[0].run_id).info.status == status


def test_a_missing_artifact_fails_the_run_and_is_named(outputs: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"did not take .*none\.csv"), opened(outputs) as run:
        run.log_artifact(tmp_path / "none.csv")
    assert read(outputs, run.run_id).info.status == "FAILED"


def test_a_run_in_the_environment_is_not_touched(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(outputs) as first:
        monkeypatch.setenv("MLFLOW_RUN_ID", first.run_id)
        with opened(outputs) as second:
            second.log_metrics({"a": 1})
    assert first.run_id != second.run_id
    assert read(outputs, first.run_id).data.metrics == {}


def test_nothing_is_printed(outputs: Path, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from runner.settings import Tracking\n"
        "from runner.tracking import open_run, open_store\n"
        "store = open_store(Tracking(), pathlib.Path(sys.argv[1]))\n"
        "with open_run(store, run_name='r', params={}, tags={}) as run:\n"
        "    run.log_metrics({'a': 1})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "new")],
        cwd=Path(__file__).parents[2],
        env={
            name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "GIT_PYTHON"))
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert done.stdout + done.stderr == ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


def test_a_real_server(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    (tmp_path / "report.html").write_text("<p>")
    for status in ("FINISHED", "KILLED"):
        try:
            with opened(tmp_path, params={"seed": 1}) as run:
                run.log_metrics({"train/loss": 0.5}, step=1)
                run.log_artifact(tmp_path / "report.html", "reports")
                if status == "KILLED":
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert status == "KILLED"
        client = MlflowClient(server)
        logged = client.get_run(run.run_id)
        assert logged.info.status == status
        assert (logged.data.metrics, logged.data.params) == ({"train/loss": 0.5}, {"seed": "1"})
        assert [item.path for item in client.list_artifacts(run.run_id, "reports")] == ["reports/report.html"]
        runs = f"{server}/#/experiments/{logged.info.experiment_id}/runs"
        assert run.shown_at == (
            f"MLflow: {runs}/{run.run_id}",
            f"table:  {runs}?viewStateShareKey=pruning-runs",
        )
    assert not (tmp_path / "mlflow.db").exists()
