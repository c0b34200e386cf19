"""Whole runs, scaled down: in this process, where they share one MLflow store, and as the command."""

import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import yaml
from hydra import compose, initialize_config_dir
from markupsafe import escape
from mlflow import MlflowClient
from mlflow.entities import Run

from runner.cli.composition import read_job
from runner.datasets import load_dataset
from runner.export.exporter import Attempt, Exporter
from runner.export.variants import VARIANTS
from runner.models import build_model
from runner.plan import make_plan
from runner.process.errors import RunFailed, UserError
from runner.process.packaged import packaged_folder
from runner.pruning import strip_pruning
from runner.pruning.importance import derived_seed, random_scores
from runner.pruning.macs import count_macs
from runner.pruning.masks import unstructured_mask
from runner.recipe import source
from runner.recipe.recipe import Recipe
from runner.records.provenance import COMPUTING
from runner.records.source_content import source_sha256
from runner.report.summary import write_json
from runner.run import experiment, prepare, prove, record
from runner.run.experiment import run_experiment
from runner.settings import RunSettings, Tracking
from tests.export.odd_variants import Deadly

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.stem for path in packaged_folder("recipes").glob("*.yaml"))
LARGEST = "cifar10_resnet20"
SLOW_APART = [pytest.param(name, marks=pytest.mark.slow) if name == LARGEST else name for name in RECIPES]

DIGITS = ["recipe.data.name=digits", "recipe.data.fallback=null", "recipe.data.copies=1"]
SMALL = {
    "tutorial_cnn": ["recipe.model.filters=[4,8]", "recipe.model.dense_units=16"],
    "mnist_cnn": ["recipe.model.filters=[4,8]", "recipe.model.dense_units=16"],
    "resnet20": ["recipe.model.width=4"],
    "two_conv": [
        "recipe.model.filters=8",
        "recipe.data.samples=64",
        "recipe.data.input_shape=[2,32,2]",
        "recipe.data.target_shape=[2,8,8]",
    ],
}
PLANNED = {
    # 80 % of 144, 288, 576, 1152 and 2304 weights.
    "cifar10_resnet20": {
        **{f"stage_1_block_{block}_conv_{conv}": 115 for block in (1, 2, 3) for conv in (1, 2)},
        "stage_2_block_1_conv_1": 230,
        "stage_2_block_1_conv_2": 461,
        **{f"stage_2_block_{block}_conv_{conv}": 461 for block in (2, 3) for conv in (1, 2)},
        "stage_3_block_1_conv_1": 922,
        "stage_3_block_1_conv_2": 1843,
        **{f"stage_3_block_{block}_conv_{conv}": 1843 for block in (2, 3) for conv in (1, 2)},
    },
    # Of 100, 800 and 6272 weights.
    "mnist_2x4": {"pruning_sparsity_0_5": 50, "structural_pruning": 400, "structural_pruning_dense": 3136},
    # Of 36, 288, 3200 and 160 weights; 36 keep round(4.5) = 4.
    "mnist_constant": {"conv_1": 32, "conv_2": 252, "dense": 2800, "probabilities": 140},
    "mnist_polynomial": {"conv_1": 32, "conv_2": 252, "dense": 2800, "probabilities": 140},
    # Of 128 and 512 weights.
    "two_conv_2x4": {"conv_1": 64, "conv_2": 256},
}
FILE_MEASURES = ("bytes", "gzip_bytes", "latency_ms", "latency_p90_ms")
TWO_CONV = ["recipe=two_conv_2x4", "recipe.training.epochs=1", *SMALL["two_conv"]]


def scaled(name: str) -> list[str]:
    written = composed(f"recipe={name}")
    data = DIGITS if written.data.name in ("mnist", "cifar10") else []
    return [f"recipe={name}", "recipe.training.epochs=1", *data, *SMALL.get(written.model.name or "", [])]


def composed(*overrides: str) -> Recipe:
    with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
        config = compose("config", list(overrides), return_hydra_config=True)
    return read_job(config, config.hydra)[0]


@dataclass(frozen=True)
class Finished:
    """A run in this process and what it left."""

    outputs: Path
    folder: Path
    said: str

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def summary(self) -> Any:
        return self.read("summary.json")

    @cached_property
    def model(self) -> tf_keras.Model:
        return tf_keras.models.load_model(self.folder / "model.keras", compile=False)

    @cached_property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.outputs}/mlflow.db")

    @cached_property
    def logged(self) -> Run:
        return self.client.get_run(self.summary["mlflow_run_id"])

    def steps(self, metric: str) -> list[int]:
        return [entry.step for entry in self.client.get_metric_history(self.logged.info.run_id, metric)]


class Runs:
    """Runs recipes into one output folder."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs

    def folders(self) -> set[Path]:
        return set((self.outputs / "runs").glob("*"))

    def mlflow(self) -> list[Run]:
        """The newest first."""
        if not (self.outputs / "mlflow.db").exists():
            return []
        client = MlflowClient(f"sqlite:///{self.outputs}/mlflow.db")
        return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))

    def __call__(self, *overrides: str, **settings: Any) -> Finished:
        before, said = self.folders(), io.StringIO()
        with redirect_stdout(said):
            run_experiment(composed(*overrides), RunSettings(outputs=self.outputs, **settings))
        [folder] = self.folders() - before
        return Finished(self.outputs, folder, said.getvalue())

    def failed(self, *overrides: str, **settings: Any) -> tuple[RunFailed, Finished]:
        before, said = self.folders(), io.StringIO()
        with pytest.raises(RunFailed) as caught, redirect_stdout(said):
            run_experiment(composed(*overrides), RunSettings(outputs=self.outputs, **settings))
        [folder] = self.folders() - before
        return caught.value, Finished(self.outputs, folder, said.getvalue())


@pytest.fixture(scope="module", autouse=True)
def composing() -> Iterator[None]:
    """The shipped recipes, whatever folder the tests are started in, and no MLflow server of the tester's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
            patch.delenv(name, raising=False)
        source.register()
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("outputs"))


@pytest.fixture(scope="module")
def shipped(runs: Runs) -> dict[str, Finished]:
    """Runs of the shipped recipes by name, each made when it is asked for, in this process."""

    class Shipped(dict[str, Finished]):
        def __missing__(self, name: str) -> Finished:
            self[name] = runs(*scaled(name), seed=3)
            return self[name]

    return Shipped()


class Command:
    """`python -m runner` in an empty folder, into the shared store, so that none has to be made anew."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.folder = folder
        self.environment = {
            # As many threads as here (TF_NUM_...), on which the bits of a result depend.
            **{n: v for n, v in os.environ.items() if not n.startswith(("HYDRA", "TF_C", "MLFLOW"))},
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "MLFLOW_TRACKING_URI": f"sqlite:///{store}/mlflow.db",
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_folders(self, outputs: str = "outputs") -> list[Path]:
        return sorted((self.folder / outputs / "runs").glob("*"))


@pytest.fixture
def command(tmp_path: Path, runs: Runs, shipped: dict[str, Finished]) -> Command:
    return Command(tmp_path, runs.outputs)


def zeros_in_keras_file(run: Finished) -> dict[str, int]:
    """Counts without the runner's help."""
    return {
        layer.name: int(np.count_nonzero(layer.kernel.numpy() == 0))
        for layer in run.model.layers
        if hasattr(layer, "kernel")
    }


def zeros_in_tflite_file(run: Finished) -> dict[str, int]:
    """Counts in the constant that lies as TFLite stores that layer's kernel and is zero where it is."""
    interpreter = tf.lite.Interpreter(
        str(run.folder / "model_float32.tflite"),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    constants = []
    for details in interpreter.get_tensor_details():
        try:
            constants.append(interpreter.get_tensor(details["index"]))
        except ValueError:  # an activation, which has no value before the first run
            continue
    counted = {}
    for layer in run.model.layers:
        if not hasattr(layer, "kernel"):
            continue
        kernel = layer.kernel.numpy()
        stored = np.moveaxis(kernel, -1, 0)
        for constant in constants:
            if constant.shape == stored.shape and np.array_equal(constant == 0, stored == 0):
                counted[layer.name] = int(np.count_nonzero(constant == 0))
    return counted


def test_the_recipes_are_those_whose_zeros_are_known() -> None:
    assert sorted(PLANNED) == RECIPES


@pytest.mark.parametrize("name", SLOW_APART)
def test_every_recipe_ends_with_its_planned_zeros_in_every_file(
    name: str, shipped: dict[str, Finished]
) -> None:
    run = shipped[name]

    assert run.summary["status"] == "finished"
    assert run.summary["sparsity_check"] == {"passed": True, "failures": []}
    pruned = {
        row["layer"]: int(row["planned_zeros"])
        for row in run.table("plan.csv")
        if row["structure"] != "dense"
    }
    assert pruned == PLANNED[name]
    in_keras, in_tflite = zeros_in_keras_file(run), zeros_in_tflite_file(run)
    assert {layer: in_keras[layer] for layer in pruned} == pruned
    assert {layer: in_tflite[layer] for layer in pruned} == pruned


@pytest.mark.parametrize("name", SLOW_APART)
def test_every_run_writes_its_files(name: str, shipped: dict[str, Finished]) -> None:
    run = shipped[name]

    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d_{name}", run.folder.name)
    assert {
        "model.keras",
        "model_float32.tflite",
        "plan.csv",
        "provenance.json",
        "recipe.yaml",
        "sparsity.csv",
        "summary.json",
    } <= {path.name for path in run.folder.iterdir()}
    rows = run.table("sparsity.csv")
    assert list(rows[0]) == [
        "layer",
        "weight",
        "point",
        "shape",
        "planned_zeros",
        "zeros",
        "sparsity",
        "pattern",
        "pattern_ok",
    ]
    points = ["trained", "stripped", "saved", "tflite_float32"]
    assert [(row["point"], row["layer"]) for row in rows] == [
        (point, layer) for point in points for layer in PLANNED[name]
    ]
    for row in rows:
        assert int(row["planned_zeros"]) == int(row["zeros"]) == PLANNED[name][row["layer"]]
        assert row["pattern_ok"] == ("true" if row["pattern"].startswith("2:4") else "")
    again = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    assert (
        Recipe.from_mapping(again, name=name, source="recipe.yaml").hash
        == run.read("provenance.json")["recipe_hash"]
    )


@pytest.mark.parametrize("name", SLOW_APART)
def test_the_summary_says_all(name: str, shipped: dict[str, Finished]) -> None:
    run, summary = shipped[name], shipped[name].summary

    assert (summary["recipe"], summary["seed"], summary["dense_accuracy"]) == (name, 3, None)
    assert summary["data_source"] == ("random" if name == "two_conv_2x4" else "digits")
    assert set(summary["seconds"]) == {
        "data",
        "model",
        "plan",
        "tracking",
        "train",
        "strip",
        "evaluate",
        "export",
        "record",
        "report",
    }
    assert 0 < summary["seconds"]["train"] < 300
    planned = PLANNED[name]
    sizes = {
        layer.name: layer.kernel.shape.num_elements()
        for layer in run.model.layers
        if hasattr(layer, "kernel")
    }
    assert summary["sparsity"]["layers"] == {layer: zeros / sizes[layer] for layer, zeros in planned.items()}
    total = sum(planned.values())
    assert summary["sparsity"]["pruned_layers"] == total / sum(sizes[layer] for layer in planned)
    assert summary["sparsity"]["model"] == total / run.model.count_params()
    [(variant, file)] = summary["variants"].items()
    path = run.folder / f"model_{variant}.tflite"
    assert (variant, file["loads"], file["bytes"]) == ("float32", True, path.stat().st_size)
    assert 0 < file["gzip_bytes"] < file["bytes"]
    assert 0 < summary["keras_gzip_bytes"] <= 1.01 * (run.folder / "model.keras").stat().st_size
    assert 0 < file["latency_ms"] <= file["latency_p90_ms"]
    assert file["error"] is None
    assert "zeros take the room and the time of any number" in file["why"]
    assert str(path) in file["benchmark"]
    [dense] = summary["dense_variants"].values()
    assert dense["bytes"] == (run.folder / "dense_float32.tflite").stat().st_size
    assert file["bytes_ratio"] == file["bytes"] / dense["bytes"]
    assert file["latency_ratio"] == file["latency_ms"] / dense["latency_ms"]
    assert (dense["accuracy"], summary["budget"]) == (None, None)
    assert file["loss"] == pytest.approx(summary["test_loss"], rel=1e-3)
    if name == "two_conv_2x4":
        assert (summary["test_accuracy"], file["accuracy"]) == (None, None)
        assert summary["test_mean_squared_error"] == pytest.approx(summary["test_loss"], rel=1e-5)
        assert file["mean_squared_error"] == pytest.approx(file["loss"], rel=1e-5)
    else:
        assert file["accuracy"] == pytest.approx(summary["test_accuracy"], abs=0.01)
        assert (summary["test_mean_squared_error"], file["mean_squared_error"]) == (None, None)


def test_the_scores_are_those_of_the_saved_model(shipped: dict[str, Finished]) -> None:
    run = shipped["mnist_2x4"]
    data = load_dataset(composed(*scaled("mnist_2x4")).data)
    outputs = run.model.predict(data.x_test, verbose=0)
    crossentropy = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    assert run.summary["test_accuracy"] == float(np.mean(np.argmax(outputs, -1) == data.y_test))
    assert run.summary["test_loss"] == pytest.approx(float(crossentropy(data.y_test, outputs)), rel=1e-4)


@pytest.mark.parametrize("name", SLOW_APART)
def test_mlflow_holds_the_run(name: str, shipped: dict[str, Finished]) -> None:
    run, summary = shipped[name], shipped[name].summary
    logged = run.logged

    assert (logged.info.status, logged.info.run_name) == ("FINISHED", f"{name} seed=3")
    layers = [*PLANNED[name], "_pruned_layers", "_model"]
    scores = ["loss", "mean_squared_error" if name == "two_conv_2x4" else "accuracy"]
    assert set(logged.data.metrics) == {
        "train/learning_rate",
        *(f"sparsity/{layer}" for layer in layers),
        *(f"{split}/{score}" for split in ("train", "val", "test") for score in scores),
        *(f"tflite_float32/{measure}" for measure in (*FILE_MEASURES, *scores)),
        *(f"tflite_dense_float32/{measure}" for measure in FILE_MEASURES),
        *(f"model/{measure}" for measure in ("weights", "nonzero_weights", "keras_gzip_bytes")),
        *(f"model/{measure}" for measure in ("macs", "nonzero_macs")),
        "training/steps",
        "training/dense_steps",
    }
    metrics = logged.data.metrics
    assert metrics["model/weights"] == run.model.count_params()
    assert metrics["model/nonzero_weights"] == sum(np.count_nonzero(w) for w in run.model.get_weights())
    assert metrics["model/keras_gzip_bytes"] == summary["keras_gzip_bytes"]
    assert metrics["model/macs"] == summary["macs"]
    images = load_dataset(composed(*scaled(name)).data).x_test
    macs = count_macs(run.model, input_shape=images.shape[1:])
    assert (summary["macs"], summary["nonzero_macs"]) == (macs.total, macs.nonzero)
    assert 0 < metrics["model/nonzero_macs"] == macs.nonzero < macs.total
    assert metrics["test/loss"] == summary["test_loss"]
    assert metrics["tflite_float32/bytes"] == summary["variants"]["float32"]["bytes"]
    assert metrics["sparsity/_model"] == summary["sparsity"]["model"]
    assert metrics["sparsity/_pruned_layers"] == summary["sparsity"]["pruned_layers"]
    for layer, share in summary["sparsity"]["layers"].items():
        assert metrics[f"sparsity/{layer}"] == share
    assert (logged.data.params["seed"], logged.data.params["training.epochs"]) == ("3", "1")
    provenance = run.read("provenance.json")
    assert {
        key: logged.data.tags[key] for key in ("recipe", "recipe_hash", "data_source", "sparsity_check")
    } == {
        "recipe": name,
        "recipe_hash": provenance["recipe_hash"],
        "data_source": summary["data_source"],
        "sparsity_check": "passed",
    }
    versions = {key: provenance["versions"][key] for key in COMPUTING}
    environment = {**versions, "device": provenance["device"], "source": source_sha256()[:12]}
    assert json.loads(logged.data.tags["environment"]) == environment
    assert logged.data.tags["group_fingerprint"] != logged.data.tags["fingerprint"]
    assert logged.data.tags["data_sha256"] == provenance["data_sha256"]
    assert logged.data.tags["git_sha"] == provenance["git_sha"] + (
        "-dirty" if provenance["git_dirty"] else ""
    )


def test_params_are_the_resolved_recipe_with_dots(shipped: dict[str, Finished]) -> None:
    params = shipped["mnist_polynomial"].logged.data.params

    assert params["layers.all.schedule.name"] == "polynomial"
    assert params["layers.all.schedule.begin_step"] == "20%"
    assert params["layers.all.schedule.name"] == "polynomial"
    assert params["layers.all.targets"] == '["*"]'
    assert params["model.filters"] == "[4, 8]"
    assert params["training.optimizer.learning_rate"] == "0.001"


def test_sparsity_is_logged_along_the_steps(shipped: dict[str, Finished]) -> None:
    # 1438 images less a fifth for validation, in steps of 250: five, and a fifth of them is one.
    run = shipped["mnist_polynomial"]

    # The last one was proven after training.
    assert run.steps("sparsity/_pruned_layers") == [1, 2, 3, 4, 5, 5]
    assert run.steps("train/loss") == run.steps("val/loss") == run.steps("test/loss") == [5]
    history = run.client.get_metric_history(run.logged.info.run_id, "sparsity/dense")
    # 0.875 (1 - (1 - p) ** 3) of 3200 weights at a quarter, half and three quarters of the way.
    assert [round(3200 * entry.value) for entry in history] == [0, 1619, 2450, 2756, 2800, 2800]
    window = run.table("plan.csv")[0]
    assert (window["begin_step"], window["end_step"], window["updates"]) == ("1", "5", "5")
    constant = shipped["mnist_constant"]
    first = constant.client.get_metric_history(constant.logged.info.run_id, "sparsity/dense")[0]
    assert (first.step, first.value) == (1, 0.875)


@pytest.mark.slow
def test_the_learning_rate_is_logged_and_said(shipped: dict[str, Finished]) -> None:
    # 1294 images in steps of 128: eleven, of which the last three come after 75 %.
    run = shipped["cifar10_resnet20"]

    [logged] = run.client.get_metric_history(run.logged.info.run_id, "train/learning_rate")
    assert logged.step == 11
    assert logged.value == pytest.approx(0.001)
    assert run.logged.data.params["training.optimizer.learning_rate.name"] == "piecewise"
    assert "learning rate piecewise: 0.1 in step 1, 0.01 in step 8, 0.001 in step 11; images" in run.said
    # What augments the images is in no file.
    assert {type(layer).__module__.partition(".")[0] for layer in run.model.layers} == {"tf_keras"}


def test_the_picture_of_the_schedules_is_that_of_the_training(shipped: dict[str, Finished]) -> None:
    run = shipped["mnist_polynomial"]
    artifacts = run.client.list_artifacts(run.logged.info.run_id, "plots")

    masks = [f"masks_{layer}.png" for layer in ("conv_1", "conv_2", "dense", "probabilities")]
    pictures = [*masks, "sparsity.png", "training.png"]
    assert [item.path for item in artifacts] == [f"plots/{name}" for name in pictures]
    assert sorted(path.name for path in (run.folder / "plots").iterdir()) == pictures
    # The five levels that MLflow holds, of 3200 weights: 0, 0.5059, 0.7656, 0.8612, 0.875, ten columns each.
    lines = run.said.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("   sparsity ")]
    assert lines[at - 1] == " all: PolynomialDecay to 0.875, 5 updates in steps 1-5"
    assert lines[at] == "   sparsity 0 " + 10 * "_" + 10 * "▄" + 10 * "▆" + 20 * "▇" + " 0.875"
    assert lines[at + 1] == "   step     1 " + 5 * ("╵" + 9 * " ") + " 5"


def test_artifacts_are_logged_in_their_folders(shipped: dict[str, Finished]) -> None:
    run = shipped["mnist_2x4"]

    found = {
        item.path
        for folder in ("tables", "recipe", "tflite", "reports")
        for item in run.client.list_artifacts(run.logged.info.run_id, folder)
    }

    assert found == {
        "recipe/provenance.json",
        "recipe/recipe.yaml",
        "reports/report.html",
        "tables/plan.csv",
        "tables/sparsity.csv",
        "tflite/model_float32.tflite",
    }
    assert (run.outputs / "mlartifacts" / run.logged.info.run_id).is_dir()


def test_the_logged_model_predicts_what_the_stripped_one_does(
    shipped: dict[str, Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shipped["mnist_2x4"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{run.outputs}/mlflow.db")
    samples = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)

    loaded = mlflow.pyfunc.load_model(f"runs:/{run.logged.info.run_id}/model")

    np.testing.assert_allclose(loaded.predict(samples), run.model.predict(samples, verbose=0), atol=1e-6)
    [taken], [given] = loaded.metadata.signature.inputs, loaded.metadata.signature.outputs
    assert (taken.shape, given.shape) == ((-1, 28, 28, 1), (-1, 10))
    assert loaded.input_example.shape == (1, 28, 28, 1)


def test_the_plan_names_structure_axis_and_the_warning(shipped: dict[str, Finished]) -> None:
    first, second = shipped["two_conv_2x4"].table("plan.csv")

    assert (first["structure"], first["axis"]) == ("2:4 (2 of 4 zero)", "flattened")
    assert (second["structure"], second["axis"]) == ("2:4 (2 of 4 zero)", "input_channels")
    assert "note: conv_1: 2 input channels are no multiple of 4" in shipped["two_conv_2x4"].said


def test_the_command_says_what_it_did(shipped: dict[str, Finished]) -> None:
    run = shipped["mnist_2x4"]
    lines = run.said.splitlines()

    assert lines[1] == (
        "recipe mnist_2x4, seed 3, data digits (8x8 handwriting enlarged to 28x28: a demonstration, not"
        " evidence)"
    )
    accuracy, loss = run.summary["test_accuracy"], run.summary["test_loss"]
    assert any(line.endswith(f": accuracy {accuracy:.4f}, loss {loss:.4f}") for line in lines)
    assert f"files:  {run.folder}" in lines
    assert lines[-2:] == [
        f"MLflow: mlflow ui --backend-store-uri sqlite:///{run.outputs}/mlflow.db",
        "table:  http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=pruning-runs",
    ]
    assert len([line for line in lines if line.rstrip().endswith(" ok")]) == 3
    assert "accuracy" not in next(
        line for line in shipped["two_conv_2x4"].said.splitlines() if "test set" in line
    )


def test_a_dry_run_writes_nothing_and_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = composed(*TWO_CONV)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(experiment, "fit")
    monkeypatch.delattr(record, "make_run_directory")

    run_experiment(recipe, RunSettings(outputs=tmp_path / "outputs", dry_run=True))

    assert list(tmp_path.rglob("*")) == []
    said = capsys.readouterr().out
    assert "Plan: 2 training steps (1 epoch of 2)" in said
    assert "conv_2" in said
    assert "\n convolutions: 0.5 once, at step 1\n   sparsity 0.5 ▄▄▄" in said
    assert "note: conv_1: 2 input channels" in said


@pytest.mark.parametrize(
    ("overrides", "tracking", "told"),
    [
        (
            ["recipe.layers.convolutions.targets=dense*"],
            {},
            "recipe.layers.convolutions.targets: no layer is",
        ),
        (
            ["recipe.layers.convolutions.types=[Dense]"],
            {},
            "recipe.layers.convolutions.types: the model has no",
        ),
        (["recipe.layers.convolutions.weights=[bias]"], {}, "recipe.layers.convolutions.weights: its layers"),
        (["recipe.layers.convolutions.m_by_n_axis=input_channels"], {}, "recipe.layers.convolutions: conv_1"),
        (
            ["recipe.layers.convolutions.schedule={name: cosine}"],
            {},
            "recipe.layers.convolutions.schedule.name: there is no schedule 'cosine'. Known:",
        ),
        (
            ["recipe.layers.convolutions.schedule={name: constant, begin_step: 3}"],
            {},
            "recipe.layers.convolutions.schedule.begin_step: 3 is step 3, but training has 2 steps",
        ),
        (
            ["recipe.layers.convolutions.schedule={name: exponential, rate: 0.1, frequency: 1}"],
            {},
            "recipe.layers.convolutions.schedule.rate: training ends at sparsity 0.19, not at the 0.5 asked",
        ),
        (
            ["recipe.training.optimizer.name=addam"],
            {},
            "recipe.training.optimizer.name: there is no optimizer",
        ),
        (["recipe.training.optimizer.beta_1=high"], {}, "recipe.training.optimizer.beta_1 is 'high'"),
        (["recipe.training.loss=mse2"], {}, "recipe.training.loss: Keras has no loss called 'mse2'."),
        (["recipe.training.metrics=[acuracy]"], {}, "recipe.training.metrics: Keras has no metric called"),
        (["recipe.model.name=two_konv"], {}, "recipe.model.name: there is no model 'two_konv'. Did you mean"),
        (
            ["recipe.data.name=rndom"],
            {},
            "recipe.data.name: there is no dataset 'rndom'. Did you mean 'random'?",
        ),
        (
            ["recipe.export.variants=[float32,int4]"],
            {},
            "recipe.export.variants: there is no TFLite variant 'int4'. Did you mean 'int8'? Known: ",
        ),
        (
            ["recipe.budget={variant: float32, min_accuracy: 0.9}"],
            {},
            "recipe.budget: asks for an accuracy, but the data has no classes",
        ),
        ([], {"uri": "somewhere"}, "tracking.uri: somewhere is a folder, and MLflow no longer"),
    ],
)
def test_bad_input_leaves_no_run_and_no_directory(
    overrides: list[str], tracking: dict[str, Any], told: str, runs: Runs
) -> None:
    before = (runs.folders(), len(runs.mlflow()))

    with pytest.raises(UserError) as caught:
        runs(*TWO_CONV, *overrides, tracking=Tracking(**tracking))

    assert str(caught.value).startswith(told)
    assert (runs.folders(), len(runs.mlflow())) == before


def test_a_nan_loss_fails_the_run_and_names_the_step(runs: Runs) -> None:
    error, run = runs.failed(
        *TWO_CONV,
        "recipe.training.epochs=3",
        "recipe.training.optimizer.name=sgd",
        "recipe.training.optimizer.learning_rate=1e30",
    )

    assert re.match(r"the loss became (inf|nan) at training step 2 \(epoch 1 of 3\)", str(error))
    assert (run.summary["status"], run.summary["error"]) == ("failed", str(error))
    assert (run.summary["recipe"], run.summary["seed"], run.summary["data_source"]) == (
        "two_conv_2x4",
        0,
        "random",
    )
    assert run.logged.info.status == "FAILED"
    assert run.logged.data.tags["sparsity_check"] == "not made"
    assert run.logged.data.tags["failure"] == " ".join(str(error).split())
    assert run.steps("sparsity/conv_1") == [1]
    assert {path.name for path in run.folder.iterdir()} == {
        "plan.csv",
        "plots",
        "provenance.json",
        "recipe.yaml",
        "summary.json",
    }


def test_a_test_loss_that_is_not_finite_fails_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(recipe: Any) -> Any:
        data = load_dataset(recipe)
        data.x_test[0, 0, 0, 0] = 3e38
        data.y_test[0] = -3e38
        return data

    monkeypatch.setattr(prepare, "load_dataset", poisoned)

    error, run = runs.failed(*TWO_CONV)

    assert str(error).startswith("the loss on the test set is inf after the 2 training steps.")
    assert run.logged.info.status == "FAILED"


def test_a_disk_that_fills_up_fails_the_run_in_one_line(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # As zipfile says it, which names no file.

    monkeypatch.setattr(prove, "save_model", full)
    error, run = runs.failed(*TWO_CONV)

    told = f"{run.folder}: cannot be written (No space left on device). Make room, or choose another folder"
    assert str(error) == f"{told} with outputs=DIR."
    assert run.logged.info.status == "FAILED"
    assert run.logged.data.tags["failure"] == run.summary["error"] == str(error)


def test_why_a_run_failed_is_told_though_the_disk_is_full(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: Any) -> None:
        if path.name == "summary.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_json(path, content)

    def fails(*arguments: Any) -> None:
        raise RunFailed("the loss is NaN")

    monkeypatch.setattr(record, "write_json", full)
    monkeypatch.setattr(experiment, "fit", fails)
    with pytest.raises(RunFailed) as failed:
        run_experiment(composed(*TWO_CONV), RunSettings(outputs=runs.outputs))
    assert str(failed.value) == "the loss is NaN"
    assert "cannot be written (No space left on device)" in failed.value.__notes__[0]


def test_a_zero_that_is_lost_fails_the_run_and_names_the_layer(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(model: tf_keras.Model) -> tf_keras.Model:
        stripped = strip_pruning(model)
        kernel = stripped.get_layer("conv_2").kernel
        values = kernel.numpy()
        values[tuple(np.argwhere(values == 0)[0])] = 1.0
        kernel.assign(values)
        return stripped

    monkeypatch.setattr(prove, "strip_pruning", careless)

    error, run = runs.failed(*TWO_CONV)

    told = str(error).splitlines()
    assert told[0] == "The sparsity check did not pass:"
    assert told[1].startswith("stripped: layer 'conv_2', kernel 1x8x8x8: 1 of 256 planned zeros are not zero")
    assert [line.partition(":")[0] for line in told[1:]] == ["stripped", "saved", "tflite_float32"]
    assert all("'conv_2'" in line for line in told[1:])
    assert run.summary["status"] == "failed"
    assert run.summary["sparsity_check"] == {"passed": False, "failures": told[1:]}
    assert run.logged.info.status == "FAILED"
    assert run.logged.data.tags["sparsity_check"] == "failed"
    # What was found is kept: the tables, the files, the numbers.
    failed = {(row["layer"], row["point"]): row["zeros"] for row in run.table("sparsity.csv")}
    assert failed["conv_2", "stripped"] == failed["conv_2", "saved"] == "255"
    assert failed["conv_2", "trained"] == "256"
    assert run.logged.data.metrics["test/loss"] == run.summary["test_loss"]
    assert "FAILED" in run.said
    assert "stripped, saved" in run.said
    report = (run.folder / "report.html").read_text()
    assert "This run FAILED." in report
    assert str(escape(told[1])) in report
    assert "Not found in the file, so without a picture: conv_2." in report
    assert (run.folder / "plots" / "masks_conv_1.png").exists()
    logged = run.client.list_artifacts(run.logged.info.run_id, "reports")
    assert [item.path for item in logged] == ["reports/report.html"]


def test_a_file_that_does_not_load_fails_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    convert = Exporter.convert

    def cut(self: Exporter, name: str, *arguments: Any) -> Attempt:
        made = convert(self, name, *arguments)
        if made.path is not None and name == "float32":
            made.path.write_bytes(made.path.read_bytes()[:500])
        return made

    monkeypatch.setattr(Exporter, "convert", cut)

    error, run = runs.failed(*TWO_CONV)

    assert "layer 'conv_1'" in str(error)
    assert "layer 'conv_2'" in str(error)
    assert run.summary["variants"]["float32"]["loads"] is False
    assert "is a damaged TFLite file" in run.summary["variants"]["float32"]["error"]
    assert "None: no TFLite file could be read." in (run.folder / "report.html").read_text()
    assert run.logged.info.status == "FAILED"


def test_a_variant_that_dies_fails_the_run_when_all_others_are_done(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS._entries, "tests_deadly", Deadly)

    error, run = runs.failed(*TWO_CONV, "recipe.export.variants=[tests_deadly,float32,int8]")

    assert str(error).splitlines() == [
        "These TFLite files could not be made, or do not run:",
        "tests_deadly: the converter ended its process by SIGABRT (Aborted)",
        "F1120 17:00:00.000000 converter.cc:42] Check failed: shape.size() > 0",
    ]
    variants = run.summary["variants"]
    assert {name: file["loads"] for name, file in variants.items()} == {
        "tests_deadly": False,
        "float32": True,
        "int8": True,
    }
    assert variants["tests_deadly"]["error"].startswith("the converter ended its process by SIGABRT")
    assert variants["tests_deadly"]["bytes"] is None
    assert list(run.summary["dense_variants"]) == ["float32", "int8"]
    assert run.summary["sparsity_check"]["passed"]
    assert {row["point"] for row in run.table("sparsity.csv")} >= {"tflite_float32", "tflite_int8"}
    assert "tests_deadly: does not run: the converter ended its process by SIGABRT" in run.said
    assert "int8: a byte a weight" in run.said
    assert run.logged.info.status == "FAILED"
    assert run.logged.data.metrics["tflite_int8/bytes"] == variants["int8"]["bytes"]
    assert run.logged.data.metrics["tflite_dense_int8/latency_ms"] > 0


def test_a_budget_that_is_missed_fails_the_run_with_the_numbers(runs: Runs) -> None:
    error, run = runs.failed(
        *scaled("mnist_2x4"),
        "recipe.export={variants: [float32, int8], dense: false}",
        "recipe.budget={variant: int8, max_bytes: 100, min_accuracy: 1.0, max_accuracy_drop: 0.5}",
    )

    size, accuracy = (run.summary["variants"]["int8"][name] for name in ("bytes", "accuracy"))
    assert str(error).splitlines() == [
        "The budget was not kept:",
        f"int8: {size:,} bytes, budget.max_bytes allows 100",
        f"int8: accuracy {accuracy:.4f}, budget.min_accuracy asks for 1",
    ]
    assert run.summary["sparsity_check"]["passed"]
    assert run.summary["budget"]["kept"] is False
    assert run.summary["budget"]["misses"] == str(error).splitlines()[1:]
    assert run.summary["budget"]["reference"] == "the Keras model before export"
    assert run.summary["budget"]["reference_accuracy"] == run.summary["test_accuracy"]
    assert run.summary["dense_variants"] == {}
    assert run.summary["variants"]["int8"]["bytes_ratio"] is None
    assert run.logged.info.status == "FAILED"
    assert run.logged.data.tags["budget"] == "missed"
    assert not list(run.folder.glob("dense_*"))


def test_a_drop_counts_from_the_weights_that_were_brought(runs: Runs, shipped: dict[str, Finished]) -> None:
    brought = shipped["mnist_2x4"]

    run = runs(
        "recipe=mnist_constant",
        "recipe.training.epochs=1",
        *DIGITS,
        "recipe.model.name=null",
        f"+recipe.model.path={brought.folder / 'model.keras'}",
        "+recipe.budget={variant: float32, max_accuracy_drop: 1.0}",
    )

    dense = run.summary["dense_variants"]["float32"]
    assert dense["accuracy"] == pytest.approx(brought.summary["test_accuracy"], abs=0.01)
    assert run.summary["budget"] == {
        "variant": "float32",
        "kept": True,
        "bytes": run.summary["variants"]["float32"]["bytes"],
        "accuracy": run.summary["variants"]["float32"]["accuracy"],
        "reference": "the dense model",
        "reference_accuracy": dense["accuracy"],
        "misses": [],
    }
    assert run.logged.data.metrics["tflite_dense_float32/accuracy"] == dense["accuracy"]
    assert run.logged.data.tags["budget"] == "kept"


def zeros_by_chance(run: Finished, sparsity: float) -> dict[str, bool]:
    """Tells of each layer whether its zeros lie where the run's seed, 3, puts them."""
    found = {}
    for layer in run.model.layers:
        if hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            seed = derived_seed(derived_seed(3, layer.name), f"{layer.name}/kernel")
            mask = unstructured_mask(random_scores(kernel.shape, seed), sparsity)
            found[layer.name] = bool(np.array_equal(kernel == 0, mask == 0))
    return found


def test_a_random_mask_has_the_counts_of_magnitude_and_the_places_of_its_seed(
    runs: Runs, shipped: dict[str, Finished]
) -> None:
    run = runs(*scaled("study_schedules/random_mask"), seed=3)

    assert run.folder.name.endswith("_study_schedules_random_mask")
    assert run.summary["recipe"] == run.logged.data.tags["recipe"] == "study_schedules/random_mask"
    assert run.summary["sparsity_check"] == {"passed": True, "failures": []}
    by_magnitude = shipped["mnist_polynomial"]
    assert zeros_in_keras_file(run) == zeros_in_tflite_file(run) == PLANNED["mnist_polynomial"]
    assert set(zeros_by_chance(run, 0.875).values()) == {True}
    assert set(zeros_by_chance(by_magnitude, 0.875).values()) == {False}
    for mine, other in zip(run.table("plan.csv"), by_magnitude.table("plan.csv"), strict=True):
        assert (mine.pop("importance"), other.pop("importance")) == ("random", "magnitude")
        assert mine == other
    assert run.steps("sparsity/dense") == by_magnitude.steps("sparsity/dense")


@pytest.mark.parametrize(
    ("structure", "zeros"),
    [
        ({"m_by_n": "2x4"}, {"conv_1": 64, "conv_2": 256}),
        (
            {"block": {"in": 2, "out": 2}, "schedule": {"name": "polynomial", "sparsity": 0.75}},
            {"conv_1": 96, "conv_2": 384},
        ),
    ],
    ids=["m_by_n", "block"],
)
def test_random_masks_of_every_structure_pass_the_sparsity_check(
    structure: dict[str, Any], zeros: dict[str, int], runs: Runs
) -> None:
    recipe = composed(*TWO_CONV)
    mapping = recipe.to_mapping()
    mapping["layers"]["convolutions"] |= {"m_by_n": None, "importance": "random", **structure}
    said = io.StringIO()
    before = runs.folders()
    with redirect_stdout(said):
        run_experiment(
            Recipe.from_mapping(mapping, name="by_chance", source="here"), RunSettings(outputs=runs.outputs)
        )
    [folder] = runs.folders() - before
    run = Finished(runs.outputs, folder, said.getvalue())

    assert run.summary["sparsity_check"] == {"passed": True, "failures": []}
    assert zeros_in_keras_file(run) == zeros_in_tflite_file(run) == zeros


def test_the_dense_control_trains_as_long_and_prunes_nothing(
    runs: Runs, shipped: dict[str, Finished]
) -> None:
    run = runs(*scaled("study_schedules/dense"), seed=3)

    assert run.summary["sparsity_check"] == {"passed": True, "failures": []}
    assert run.summary["sparsity"]["pruned_layers"] == 0
    assert set(zeros_in_keras_file(run).values()) == {0}
    assert run.steps("train/loss") == shipped["mnist_constant"].steps("train/loss")


def test_the_small_dense_control_has_as_many_weights_as_pruning_leaves() -> None:
    pruned, small = (composed(f"recipe=study_schedules/{name}") for name in ("constant", "small_dense"))
    large_model, small_model = (
        build_model(recipe.model, input_shape=(28, 28, 1), num_classes=10) for recipe in (pruned, small)
    )
    plan = make_plan(pruned.layers, large_model, samples=48_000, batch_size=250, epochs=30)

    kept = {row.layer: row.size - row.planned_zeros for row in plan.pruned}
    assert kept == {"conv_1": 36, "conv_2": 2304, "dense": 51_200, "probabilities": 320}
    assert large_model.count_params() == 431_242
    assert large_model.count_params() - sum(row.planned_zeros for row in plan.pruned) == 54_222
    assert small_model.count_params() == 54_222
    for number in ("431,242", "54,222"):
        assert number in small.description


def test_an_argument_of_another_schedule_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Runs
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").write_text(
        "defaults: [two_conv_2x4, _self_]\nlayers: {convolutions: {schedule: {name: polynomial, power: 2}}}\n"
    )
    monkeypatch.chdir(tmp_path)

    run = runs("recipe=mine", *TWO_CONV[1:], "recipe.layers.convolutions.schedule.name=constant")

    note = (
        "recipe.layers.convolutions.schedule.power was written for schedule 'polynomial'; 'constant' does not"
    )
    assert run.said.splitlines()[0] == f"note: {note} take it: left out"
    written = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    assert "power" not in written["layers"]["convolutions"]["schedule"]
    assert not [name for name in run.logged.data.params if name.endswith(".power")]


def test_what_is_logged_can_be_chosen(runs: Runs) -> None:
    run = runs(*TWO_CONV, tracking=Tracking(experiment="lean", artifacts=("tables",)), run_dir=None)

    artifacts = run.client.list_artifacts(run.logged.info.run_id)
    assert [item.path for item in artifacts] == ["tables"]
    assert run.client.get_experiment(run.logged.info.experiment_id).name == "lean"


def test_a_fallback_is_said_everywhere(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fell_back(data: Any) -> Any:
        note = "'random' in place of 'mnist': no network"
        return replace(load_dataset(data), requested="mnist", note=note)

    monkeypatch.setattr(prepare, "load_dataset", fell_back)

    run = runs(*TWO_CONV)

    assert "data random ('random' in place of 'mnist': no network)" in run.said.splitlines()[1]
    assert "test set of random ('random' in place of 'mnist': no network): loss" in run.said
    assert (run.summary["data_source"], run.summary["data_fallback_for"]) == ("random", "mnist")
    assert run.logged.data.tags["data_fallback_for"] == "mnist"


@pytest.mark.slow
def test_two_processes_give_the_same_bits_as_a_job_among_others(
    command: Command, shipped: dict[str, Finished]
) -> None:
    arguments = [*scaled("mnist_polynomial"), "seed=3"]
    processes = [command.start(*arguments, f"outputs={name}") for name in ("one", "two")]
    said = [process.communicate(timeout=200) for process in processes]

    assert [(process.returncode, err) for process, (_, err) in zip(processes, said, strict=True)] == [
        (0, "")
    ] * 2
    first, second = (
        Finished(command.folder, folder, out)
        for name, (out, _) in zip(("one", "two"), said, strict=True)
        for folder in command.run_folders(name)
    )
    # The second run of this process at least.
    _, third = shipped["mnist_constant"], shipped["mnist_polynomial"]
    for one, two, three in zip(
        first.model.get_weights(), second.model.get_weights(), third.model.get_weights(), strict=True
    ):
        assert one.tobytes() == two.tobytes() == three.tobytes()
    files = [(run.folder / "model_float32.tflite").read_bytes() for run in (first, second, third)]
    assert files[0] == files[1] == files[2]
    for key in ("test_loss", "test_accuracy", "sparsity"):
        assert first.summary[key] == second.summary[key] == third.summary[key]
    assert first.read("provenance.json")["argv"] == ["runner", *arguments, "outputs=one"]
    assert "\x1b" not in first.said


def test_ctrl_c_kills_the_run_and_loses_nothing(command: Command, runs: Runs) -> None:
    process = command.start(*TWO_CONV, "recipe.training.epochs=100000")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("training: epoch 3/"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "\nInterrupted.\n")
    [folder] = command.run_folders()
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], summary["error"]) == ("killed", "KeyboardInterrupt")
    assert summary["seconds"]["train"] > 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "plan.csv",
        "plots",
        "provenance.json",
        "recipe.yaml",
        "summary.json",
    ]
    run = Finished(runs.outputs, folder, "")
    assert run.logged.info.status == "KILLED"
    assert run.steps("train/loss")[:3] == [2, 4, 6]
    assert run.steps("val/loss")[:3] == [2, 4, 6]


HANGING = """
import time

from runner.export.variants import VARIANTS, Float32

@VARIANTS.register("endless")
class Endless(Float32):
    def configure(self, converter, samples):
        time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the processes")
def test_ctrl_c_in_a_conversion_leaves_no_process_behind(command: Command, runs: Runs) -> None:
    (command.folder / "hanging.py").write_text(HANGING)
    process = command.start(*TWO_CONV, "plugins=[hanging]", "recipe.export.variants=[endless]")
    assert process.stdout is not None
    for line in process.stdout:
        if line == "exporting: converting endless\n":
            break
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "\nInterrupted.\n")
    assert len(children) == 1
    assert not Path(f"/proc/{children[0]}").exists()
    [folder] = command.run_folders()
    run = Finished(runs.outputs, folder, "")
    assert run.summary["status"] == "killed"
    assert run.logged.info.status == "KILLED"


CORRUPTING = """
import numpy as np

from runner.export.exporter import Exporter
from runner.tflite.flatbuffer import read_constants

convert = Exporter.convert

def corrupted(self, name, *arguments):
    made = convert(self, name, *arguments)
    if name == "float32":
        [kernel] = [c for c in read_constants(made.path) if c.shape == (8, 1, 8, 8)]
        content = bytearray(made.path.read_bytes())
        start = content.find(kernel.stored.tobytes())
        content[start + 4 * int(np.argmax(kernel.zeros)) + 3] = 0x3F
        made.path.write_bytes(content)
    return made

Exporter.convert = corrupted
"""


def test_a_corrupted_file_is_status_1_and_named(command: Command, runs: Runs) -> None:
    (command.folder / "corrupting.py").write_text(CORRUPTING)

    process = command.start(*TWO_CONV, "plugins=[corrupting]")
    out, err = process.communicate(timeout=200)

    assert process.returncode == 1
    assert err.startswith(
        "The sparsity check did not pass:\ntflite_float32: layer 'conv_2', kernel 1x8x8x8: was not found in "
    )
    assert "1 of 256 planned zeros" in err
    assert "Traceback" not in err
    assert "FAILED" in out
    [folder] = command.run_folders()
    run = Finished(runs.outputs, folder, out)
    assert run.summary["status"] == "failed"
    assert (run.logged.info.status, run.logged.data.tags["sparsity_check"]) == ("FAILED", "failed")


def test_bad_input_is_status_2_and_leaves_nothing(command: Command, runs: Runs) -> None:
    before = len(runs.mlflow())

    process = command.start("recipe=two_conv_2x4", "recipe.layers.convolutions.targets=conv")
    _, err = process.communicate(timeout=200)

    assert process.returncode == 2
    assert err == (
        "command line: recipe.layers.convolutions.targets: no layer is called 'conv'. Did you mean 'conv_2'?"
        " Layers that can be pruned: conv_1, conv_2.\n"
    )
    assert [path for path in command.folder.rglob("*") if path.name != "outputs"] == []
    assert len(runs.mlflow()) == before
