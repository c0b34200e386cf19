"""Whole runs of models that people bring: saved files, frozen layers, other people's weights and networks."""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from mlflow import MlflowClient

from runner.datasets import load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data, Recipe
from runner.run.experiment import run_experiment
from runner.settings import RunSettings
from runner.tflite.flatbuffer import read_constants

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")]

layers = tf_keras.layers
HALF = {"name": "constant", "sparsity": 0.5}
ARGUMENTS = {"input_shape": [8, 8, 3], "classes": 4, "samples": 16}
IMAGES = {"name": "random", **ARGUMENTS}
Run = Callable[..., Path]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all runs, so that MLflow's store is made once."""
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture
def run(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)

    def run(
        model: Mapping[str, Any], rules: Mapping[str, Any], data: Mapping[str, Any] = IMAGES, **more: Any
    ) -> Path:
        before = set((outputs / "runs").glob("*"))
        mapping = {
            "data": data,
            "model": model,
            "training": {"epochs": 2, "batch_size": 8, "optimizer": {"name": "adam", "learning_rate": 0.01}},
            "layers": rules,
            **more,
        }
        recipe = Recipe.from_mapping(mapping, name="brought", source="brought.yaml")
        run_experiment(recipe, RunSettings(outputs=outputs))
        [folder] = set((outputs / "runs").glob("*")) - before
        return folder

    return run


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


def frozen_below() -> tf_keras.Model:
    """A backbone of which some is frozen, batch norms too, one frozen whole as a model, and a new head."""
    inside = layers.Input((8, 8, 6))
    x = layers.Conv2D(6, 3, padding="same", name="deep_conv")(inside)
    nested = tf_keras.Model(inside, layers.BatchNormalization(name="deep_norm")(x), name="nested")
    inputs = layers.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", name="frozen_conv")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="frozen_norm")(x))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, padding="same", name="conv")(nested(x)))
    x = layers.Dense(4, activation="softmax", name="head")(layers.Flatten(name="flatten")(x))
    model = tf_keras.Model(inputs, x, name="brought")
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, weight.shape) for weight in model.get_weights()])
    for name in ("frozen_conv", "frozen_norm", "nested"):
        model.get_layer(name).trainable = False
    return model


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_frozen_layers_of_a_saved_model_come_through_a_run_to_the_bit(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    model, path = frozen_below(), tmp_path / f"model{suffix}"
    model.save(path)

    folder = run({"path": str(path)}, {"all": {"targets": "*", "schedule": HALF}})

    assert summary(folder)["status"] == "finished"
    assert summary(folder)["sparsity_check"] == {"passed": True, "failures": []}
    rows = {row["layer"]: row for row in table(folder / "plan.csv") if row["weight"] == "kernel"}
    frozen = "frozen (trainable is false)"
    assert {layer: row["reason"] for layer, row in rows.items()} == {
        "frozen_conv": frozen,
        "nested/deep_conv": frozen,
        "conv": "",
        "head": "",
    }
    shown = capsys.readouterr().out
    assert shown.count(frozen) == 2
    saved = tf_keras.models.load_model(folder / "model.keras", compile=False)
    for name in ("frozen_conv", "frozen_norm", "nested"):
        for found, weight in zip(saved.get_layer(name).weights, model.get_layer(name).weights, strict=True):
            assert found.numpy().tobytes() == weight.numpy().tobytes()
        assert saved.get_layer(name).trainable_weights == []
    for name, zeros in (("conv", 162), ("head", 768)):
        kernel = saved.get_layer(name).kernel.numpy()
        assert np.count_nonzero(kernel == 0) == int(rows[name]["planned_zeros"]) == zeros
        assert not np.array_equal(saved.get_layer(name).bias, model.get_layer(name).bias)
    moved = saved.get_layer("norm").moving_mean.numpy() - model.get_layer("norm").moving_mean.numpy()
    assert np.abs(moved).min() > 0
    # The frozen kernel is in the file whole, its batch norm folded in.
    kernel, norm = model.get_layer("frozen_conv").kernel.numpy(), model.get_layer("frozen_norm")
    folded = kernel * (norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)).numpy()
    constants = [c.values for c in read_constants(folder / "model_float32.tflite") if c.shape == (6, 3, 3, 3)]
    assert any(np.allclose(constant, np.moveaxis(folded, -1, 0), rtol=1e-5) for constant in constants)


@pytest.mark.parametrize("target", ["frozen_conv", "nested/*"])
def test_a_rule_for_frozen_layers_alone_is_refused_before_there_is_a_run(
    tmp_path: Path, run: Run, outputs: Path, target: str
) -> None:
    frozen_below().save(tmp_path / "model.keras")
    before = set((outputs / "runs").glob("*"))

    with pytest.raises(
        UserError, match=r"recipe\.layers\.own: it can zero nothing \(.*frozen .trainable is f"
    ):
        run({"path": str(tmp_path / "model.keras")}, {"own": {"targets": target, "schedule": HALF}})

    assert set((outputs / "runs").glob("*")) == before


def test_weights_with_another_head_begin_a_run_and_are_on_record(
    tmp_path: Path, run: Run, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = frozen_below(), tmp_path / "model.keras"
    model.save(path)
    x = layers.Dense(9, name="head")(model.get_layer("flatten").output)
    weights = tmp_path / "other.h5"
    tf_keras.Model(model.input, x).save_weights(weights)

    folder = run(
        {"path": str(path), "weights": str(weights), "weights_ignore": ["head"]},
        {"all": {"targets": "conv", "schedule": HALF}},
    )

    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == (
        "weights of other.h5: 6 layers loaded; left as built: head [384, 4], [4];"
        " not taken from the file: head [384, 9], [9]"
    )
    digests = {
        key: hashlib.sha256(file.read_bytes()).hexdigest()
        for key, file in (("path", path), ("weights", weights))
    }
    assert json.loads((folder / "provenance.json").read_text())["model_sha256"] == digests
    tags = MlflowClient(f"sqlite:///{outputs}/mlflow.db").get_run(summary(folder)["mlflow_run_id"]).data.tags
    assert {key: tags[f"model_{key}_sha256"] for key in digests} == digests


@pytest.mark.parametrize("dense", [True, False])
def test_the_dense_accuracy_of_a_saved_model_is_told_everywhere(
    tmp_path: Path, run: Run, outputs: Path, capsys: pytest.CaptureFixture[str], dense: bool
) -> None:
    """Whether the dense files are measured beside or not."""
    path = tmp_path / "model.keras"
    frozen_below().save(path)

    folder = run(
        {"path": str(path)},
        {"all": {"targets": "conv", "schedule": HALF}},
        export={"variants": ["float32"], "dense": dense},
        budget={"variant": "float32", "max_accuracy_drop": 1.0},
    )

    found, data = summary(folder), load_dataset(Data("random", arguments=ARGUMENTS))
    model = tf_keras.models.load_model(path, compile=False)
    outputs_of = model.predict(data.x_test, verbose=0)
    accuracy = float(np.mean(outputs_of.argmax(-1) == data.y_test))
    assert found["dense_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    crossentropy = tf_keras.losses.SparseCategoricalCrossentropy()(data.y_test, outputs_of)
    assert found["dense_loss"] == pytest.approx(float(crossentropy), rel=1e-3)
    assert found["dense_checkpoint"] is None
    assert found["budget"]["reference_accuracy"] == found["dense_accuracy"]
    logged = MlflowClient(f"sqlite:///{outputs}/mlflow.db").get_run(found["mlflow_run_id"]).data.metrics
    assert logged["test/dense_accuracy"] == found["dense_accuracy"]
    assert logged["test/dense_loss"] == found["dense_loss"]
    assert logged["training/dense_steps"] == 0
    shown = capsys.readouterr().out
    change = found["test_accuracy"] - accuracy
    assert f"; dense {accuracy:.4f}, {'rise' if change > 0 else 'drop'} {abs(change):.4f}" in shown
    assert f"accuracy {accuracy:.4f}, trained before the run" in (folder / "report.html").read_text()
    guessed = np.bincount(data.y_test).max() / len(data.y_test)
    assert (f"no better than always naming the most frequent class ({guessed:.4f})" in shown) == (
        accuracy <= guessed
    )


def test_a_network_of_tf_keras_is_pruned_by_one_glob(run: Run) -> None:
    """Depthwise layers, squeeze and excite, hard swish, batch norms that are folded, slashes in names."""
    folder = run(
        {"name": "MobileNetV3Small"},
        {"all": {"targets": "*", "schedule": HALF}},
        {"name": "random", "input_shape": [32, 32, 3], "classes": 4, "samples": 16},
    )

    found = summary(folder)
    assert (found["status"], found["sparsity_check"]["failures"]) == ("finished", [])
    planned = {
        row["layer"]: int(row["planned_zeros"])
        for row in table(folder / "plan.csv")
        if row["structure"] == "unstructured"
    }
    assert len(planned) == 54
    assert planned["expanded_conv/depthwise"] == 72
    in_file = [row for row in table(folder / "sparsity.csv") if row["point"] == "tflite_float32"]
    assert {row["layer"]: int(row["zeros"]) for row in in_file} == planned
    saved = tf_keras.models.load_model(folder / "model.keras", compile=False)
    for layer in saved.layers:
        if layer.name in planned:
            assert np.count_nonzero(layer.weights[0].numpy() == 0) == planned[layer.name]
    assert found["variants"]["float32"]["loss"] == pytest.approx(found["test_loss"], rel=1e-3)
