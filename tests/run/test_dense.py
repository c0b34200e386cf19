"""Whole runs that begin with dense weights, in this process and as the command."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from runner.datasets import load_dataset
from runner.plan import wrap_model
from runner.process.errors import RunFailed
from runner.recipe.recipe import Data, Recipe
from runner.records.provenance import computed_with, device
from runner.records.source_content import DENSE_PARTS, source_content
from runner.run import dense as dense_start
from runner.run import fit
from runner.run.experiment import run_experiment
from runner.settings import RunSettings, Tracking
from runner.tracking import open_store
from runner.training.dense import train_dense

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

ROOT = Path(__file__).resolve().parents[2]

# 1,438 images less a fifth: five steps an epoch, with dropout.
DIGITS: dict[str, Any] = {
    "data": {"name": "digits", "copies": 1, "validation_split": 0.2},
    "model": {"name": "mnist_cnn", "filters": [4, 8], "dense_units": 16},
    "training": {"epochs": 2, "batch_size": 250, "dense_epochs": 2},
    "layers": {
        "all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5, "begin_step": "1ep"}}
    },
}
POLYNOMIAL = {"all": {"targets": "*", "schedule": {"name": "polynomial", "sparsity": 0.75}}}
# Two steps an epoch; a regression.
NOISE: dict[str, Any] = {
    "data": {"name": "random", "samples": 64, "input_shape": [2, 32, 2], "target_shape": [2, 8, 8]},
    "model": {"name": "two_conv", "filters": 8},
    "training": {"epochs": 1, "batch_size": 32, "dense_epochs": 1},
    "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
}


@dataclass(frozen=True)
class Finished:
    """A run and what it left."""

    folder: Path
    said: str
    client: MlflowClient

    @cached_property
    def summary(self) -> Any:
        return json.loads((self.folder / "summary.json").read_text())

    @cached_property
    def weights(self) -> list[bytes]:
        model = tf_keras.models.load_model(self.folder / "model.keras", compile=False)
        return [weight.tobytes() for weight in model.get_weights()]

    @cached_property
    def model_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.glob("model*")}

    @cached_property
    def logged(self) -> Run:
        return self.client.get_run(self.summary["mlflow_run_id"])

    def curve(self, metric: str) -> list[tuple[int, float]]:
        history = self.client.get_metric_history(self.logged.info.run_id, metric)
        return [(entry.step, entry.value) for entry in history]


class Runs:
    """Runs recipes into several output folders, but one MLflow store, so that none has to be made anew."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.uri = f"sqlite:///{top}/mlflow.db"
        self.client = MlflowClient(self.uri)

    def __call__(self, mapping: Mapping[str, Any], outputs: str, **changes: Any) -> Finished:
        recipe = Recipe.from_mapping({**mapping, **changes}, name="made", source="made.yaml")
        settings = RunSettings(seed=4, outputs=self.top / outputs, tracking=Tracking(self.uri))
        before, said = self.folders(outputs), io.StringIO()
        with redirect_stdout(said):
            run_experiment(recipe, settings)
        [folder] = self.folders(outputs) - before
        return Finished(folder, said.getvalue(), self.client)

    def start(
        self, mapping: Mapping[str, Any], outputs: str, *arguments: str, **changes: Any
    ) -> subprocess.Popen[str]:
        """Starts the command on a recipe, its folder of recipes being where it stands."""
        (self.top / "recipes").mkdir(exist_ok=True)
        (self.top / "recipes" / "made.yaml").write_text(yaml.safe_dump({**mapping, **changes}))
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("HYDRA", "TF_C", "MLFLOW"))}
        return subprocess.Popen(
            [sys.executable, "-m", "runner", "recipe=made", "seed=4", f"outputs={outputs}", *arguments],
            cwd=self.top,
            env={**clean, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": self.uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def folders(self, outputs: str) -> set[Path]:
        return set((self.top / outputs / "runs").glob("*"))

    def kept(self, outputs: str) -> list[str]:
        """The names of what is in the folder of dense checkpoints, locks aside."""
        found = (path.name for path in (self.top / outputs / "dense").iterdir())
        return sorted(name for name in found if not name.endswith(".lock"))


@pytest.fixture(scope="module", autouse=True)
def no_server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("top"))


@pytest.fixture(scope="module")
def trained(runs: Runs) -> Finished:
    """Its dense weights are trained in this process."""
    return runs(DIGITS, "here")


@pytest.fixture(scope="module")
def loaded(runs: Runs, trained: Finished) -> Finished:
    """The same run again."""
    return runs(DIGITS, "here")


@pytest.fixture(scope="module")
def begun() -> dict[str, list[np.ndarray]]:
    """The weights that `other_rule` was wrapped with."""
    return {}


@pytest.fixture(scope="module")
def other_rule(runs: Runs, trained: Finished, begun: dict[str, list[np.ndarray]]) -> Finished:
    def watched(plan: Any, model: tf_keras.Model, seed: int) -> tf_keras.Model:
        begun["weights"] = model.get_weights()
        return wrap_model(plan, model, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "wrap_model", watched)
        return runs(DIGITS, "here", layers=POLYNOMIAL)


def told(run: Finished) -> str:
    [line] = [line for line in run.said.splitlines() if line.startswith("dense weights ")]
    return line


@pytest.mark.slow
def test_the_final_weights_are_the_same_whoever_trained_the_dense_ones(
    runs: Runs, trained: Finished, loaded: Finished
) -> None:
    process = runs.start(DIGITS, "there")
    out, err = process.communicate(timeout=200)
    assert (process.returncode, err) == (0, "")
    [folder] = runs.folders("there")
    elsewhere = Finished(folder, out, runs.client)
    of_another_job = runs(DIGITS, "there")

    key, accuracy = trained.summary["dense_checkpoint"], f"accuracy {trained.summary['dense_accuracy']:.4f}"
    here, there = (f"dense weights {runs.top}/{name}/dense/{key} (trained" for name in ("here", "there"))
    assert told(trained).startswith(f"{here} in ")
    assert told(trained).endswith(f" s, 10 steps): {accuracy}")
    assert told(loaded) == f"{here} before, 10 steps): {accuracy}"
    assert told(elsewhere).startswith(f"{there} in ")
    assert told(of_another_job) == f"{there} before, 10 steps): {accuracy}"
    assert trained.weights == loaded.weights == elsewhere.weights == of_another_job.weights
    assert len(trained.weights) == 8
    # In two processes, seconds apart: every file that holds the model, byte for byte.
    assert trained.model_files == loaded.model_files == elsewhere.model_files == of_another_job.model_files
    assert sorted(trained.model_files) == ["model.keras", "model_float32.tflite"]
    checkpoints = [runs.top / name / "dense" / key / "dense.weights.h5" for name in ("here", "there")]
    assert checkpoints[0].read_bytes() == checkpoints[1].read_bytes()
    assert trained.summary["keras_gzip_bytes"] == elsewhere.summary["keras_gzip_bytes"]


def test_the_latest_sparsity_in_mlflow_is_the_proven_one(trained: Finished, other_rule: Finished) -> None:
    for run in (trained, other_rule):
        proven, logged = run.summary["sparsity"], run.logged.data.metrics
        shares = {name: value for name, value in logged.items() if name.startswith("sparsity/")}
        assert shares == {
            "sparsity/_model": proven["model"],
            "sparsity/_pruned_layers": proven["pruned_layers"],
            **{f"sparsity/{layer}": share for layer, share in proven["layers"].items()},
        }
        assert max(step for step, _ in run.curve("sparsity/_model")) == 10


def test_a_run_says_what_computed_it(trained: Finished) -> None:
    origin = json.loads((trained.folder / "provenance.json").read_text())
    assert (origin["device"], origin["source_sha256"]) == (device(), source_content())
    checkpoint = trained.folder.parents[1] / "dense" / trained.summary["dense_checkpoint"]
    made_from = json.loads((checkpoint / "manifest.json").read_text())
    assert made_from["made_from"]["computed_with"] == computed_with()
    assert made_from["made_from"]["source"] == source_content(DENSE_PARTS)


def test_two_rules_share_one_checkpoint(
    runs: Runs, trained: Finished, other_rule: Finished, begun: dict[str, list[np.ndarray]]
) -> None:
    [key] = runs.kept("here")

    assert trained.summary["dense_checkpoint"] == other_rule.summary["dense_checkpoint"] == key
    assert (
        trained.logged.data.tags["dense_checkpoint"] == other_rule.logged.data.tags["dense_checkpoint"] == key
    )
    model = tf_keras.models.load_model(trained.folder / "model.keras", compile=False)
    model.load_weights(runs.top / "here" / "dense" / key / "dense.weights.h5")
    assert [w.tobytes() for w in begun["weights"]] == [w.tobytes() for w in model.get_weights()]
    # The accuracy is that of these weights.
    data = load_dataset(Data("digits", arguments={"copies": 1}))
    right = model.predict(data.x_test, verbose=0).argmax(-1) == data.y_test
    assert float(np.mean(right)) == trained.summary["dense_accuracy"] == other_rule.summary["dense_accuracy"]


def draw() -> list[float]:
    """A number of each kind of randomness; Keras's own shows in a first weight."""
    model = tf_keras.Sequential([tf_keras.layers.Input((1,)), tf_keras.layers.Dense(1)])
    numbers = [random.random(), np.random.random(), tf.random.uniform([]), model.get_weights()[0][0, 0]]
    return list(map(float, numbers))


def test_randomness_begins_anew_before_dense_training_and_before_pruning(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, list[list[float]]] = {"dense": [], "pruning": []}

    def opened(*arguments: Any) -> Any:
        for _ in range(3):  # What comes between, MLflow for one, may draw as it likes.
            draw()
        return open_store(*arguments)

    def trained_dense(*arguments: Any, **options: Any) -> Any:
        drawn["dense"].append(draw())
        return train_dense(*arguments, **options)

    def wrapped(*arguments: Any) -> Any:
        drawn["pruning"].append(draw())
        raise RunFailed("this is enough")

    monkeypatch.setattr(dense_start, "train_dense", trained_dense)
    monkeypatch.setattr(fit, "wrap_model", wrapped)
    for number, outputs in enumerate(("first", "second", "first")):
        if number == 1:
            monkeypatch.setattr("runner.tracking.open_store", opened)
        with pytest.raises(RunFailed, match="this is enough"):
            runs(NOISE, outputs)

    # The third run found the weights of the first.
    assert [len(drawn["dense"]), len(drawn["pruning"])] == [2, 3]
    assert drawn["dense"][0] == drawn["dense"][1]
    assert drawn["pruning"][0] == drawn["pruning"][1] == drawn["pruning"][2]
    assert runs.kept("first") == runs.kept("second")


def test_the_dense_numbers_stand_beside_the_pruned_ones(trained: Finished, other_rule: Finished) -> None:
    for run in (trained, other_rule):
        metrics, summary = run.logged.data.metrics, run.summary
        assert metrics["test/dense_accuracy"] == summary["dense_accuracy"]
        assert metrics["test/dense_loss"] == summary["dense_loss"] == trained.summary["dense_loss"]
        assert metrics["test/dense_loss"] != metrics["test/loss"]
        assert (metrics["training/steps"], metrics["training/dense_steps"]) == (10, 10)
        dense, pruned = summary["dense_accuracy"], summary["test_accuracy"]
        way = "rise" if pruned > dense else "drop"
        beside = f"dense {dense:.4f}, {way} {abs(dense - pruned):.4f}"
        line = f": accuracy {pruned:.4f}, loss {summary['test_loss']:.4f}; {beside}"
        assert any(said.endswith(line) for said in run.said.splitlines())


def test_the_dense_files_are_of_the_dense_weights(trained: Finished, loaded: Finished) -> None:
    for run in (trained, loaded):
        dense = run.summary["dense_variants"]["float32"]
        assert dense["loss"] == pytest.approx(run.summary["dense_loss"], rel=1e-4)
        assert dense["accuracy"] == pytest.approx(run.summary["dense_accuracy"], abs=1e-6)


def test_every_run_shows_the_dense_curve(trained: Finished, loaded: Finished) -> None:
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        curve = trained.curve(f"dense/{name}")
        assert [step for step, _ in curve] == [5, 10]
        assert loaded.curve(f"dense/{name}") == curve
    assert [step for step, _ in trained.curve("train/loss")] == [5, 10]


def test_the_dense_training_is_a_stage_of_its_own(trained: Finished, loaded: Finished) -> None:
    lines = trained.said.splitlines()

    started = lines.index("dense training")
    assert lines[started - 1] == "looking for the dense weights"
    assert lines[started + 1].startswith("dense training: epoch 1/2, step 5/10, loss ")
    assert lines[started + 2].startswith("dense training: epoch 2/2, step 10/10, loss ")
    assert lines[started + 4] == "training"
    assert list(trained.summary["seconds"])[3:6] == ["tracking", "dense", "train"]
    assert 0 < loaded.summary["seconds"]["dense"] < trained.summary["seconds"]["dense"]
    assert "dense training" not in loaded.said


def test_the_steps_of_schedules_count_pruning_only(trained: Finished) -> None:
    plan = (trained.folder / "plan.csv").read_text().splitlines()
    first = dict(zip(plan[0].split(","), plan[1].split(","), strict=True))

    # begin_step is 1ep, of five steps.
    assert first["begin_step"] == "5"
    sparsity = dict(trained.curve("sparsity/_pruned_layers"))
    assert sparsity[5] > 0.4
    assert max(sparsity) == 10


def test_a_damaged_checkpoint_is_made_anew_and_named(runs: Runs, trained: Finished, loaded: Finished) -> None:
    [key] = runs.kept("here")
    folder = runs.top / "here" / "dense" / key
    weights = folder / "dense.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])

    again = runs(DIGITS, "here")

    [warning] = [line for line in again.said.splitlines() if line.startswith("warning: ")]
    assert warning == (
        f"warning: the dense checkpoint {folder} is damaged (its dense.weights.h5 does not have the checksum"
        f" that manifest.json gives). It is moved to {key}_damaged, and the dense weights are trained anew."
    )
    assert again.weights == trained.weights
    assert runs.kept("here") == [key, f"{key}_damaged"]


def test_a_regression_has_a_dense_loss(runs: Runs) -> None:
    run = runs(NOISE, "noise")

    summary, metrics = run.summary, run.logged.data.metrics
    dense, loss = summary["dense_loss"], summary["test_loss"]
    assert summary["dense_accuracy"] is None
    assert "test/dense_accuracy" not in metrics
    assert (metrics["test/dense_loss"], metrics["training/dense_steps"]) == (dense, 2)
    change = f"{'fall' if loss < dense else 'rise'} {abs(loss - dense):.4f}"
    assert f"test set of random: loss {loss:.4f}; dense loss {dense:.4f}, {change}\n" in run.said
    assert f"loss {dense:.4f}" in told(run)


def test_without_dense_epochs_nothing_is_kept(runs: Runs) -> None:
    run = runs(NOISE, "plain", training={"epochs": 1, "batch_size": 32})

    assert not (runs.top / "plain" / "dense").exists()
    dense = ("dense_accuracy", "dense_loss", "dense_checkpoint")
    assert [run.summary[key] for key in dense] == [None] * 3
    metrics = run.logged.data.metrics
    assert (metrics["training/steps"], metrics["training/dense_steps"]) == (2, 0)
    assert not [name for name in metrics if name.startswith(("dense/", "test/dense_"))]
    assert "dense_checkpoint" not in run.logged.data.tags
    assert "dense weights" not in run.said


def test_a_dry_run_says_what_would_come_first_and_writes_nothing(
    runs: Runs, trained: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe.from_mapping(DIGITS, name="made", source="made.yaml")
    key = trained.summary["dense_checkpoint"]

    run_experiment(recipe, RunSettings(seed=4, outputs=tmp_path / "outputs", dry_run=True))
    fresh = capsys.readouterr().out
    files = set((runs.top / "here").rglob("*"))
    run_experiment(recipe, RunSettings(seed=4, outputs=runs.top / "here", dry_run=True))
    known = capsys.readouterr().out

    first = "Before pruning: 10 steps of dense training (2 epochs), shared in"
    assert f"\n{first} {tmp_path}/outputs/dense/{key} (not trained yet)\nPlan: 10 training steps" in fresh
    accuracy = trained.summary["dense_accuracy"]
    assert f"{first} {runs.top}/here/dense/{key} (trained before: accuracy {accuracy:.4f})\n" in known
    assert list(tmp_path.iterdir()) == []
    assert set((runs.top / "here").rglob("*")) == files


def test_one_epoch_is_told_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe.from_mapping(NOISE, name="made", source="made.yaml")
    run_experiment(recipe, RunSettings(seed=4, outputs=tmp_path, dry_run=True))
    assert "Before pruning: 2 steps of dense training (1 epoch), shared in" in capsys.readouterr().out


def test_a_nan_in_dense_training_fails_the_run_and_nothing_is_kept(runs: Runs) -> None:
    training = {**NOISE["training"], "optimizer": {"name": "sgd", "learning_rate": 1e30}}

    with pytest.raises(RunFailed, match=r"^dense training: .* at training step 2 \(epoch 1 of 1\)") as failed:
        runs(NOISE, "broken", training=training)

    [folder] = runs.folders("broken")
    run = Finished(folder, "", runs.client)
    assert (run.summary["status"], run.summary["error"]) == ("failed", str(failed.value))
    assert run.logged.info.status == "FAILED"
    assert "train" not in run.summary["seconds"]
    assert runs.kept("broken") == []


def test_ctrl_c_in_dense_training_kills_the_run_and_nothing_is_kept(runs: Runs) -> None:
    process = runs.start(NOISE, "stopped", "recipe.training.dense_epochs=100000")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("dense training: epoch 3/100000, step 6/200000"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "\nInterrupted.\n")
    [folder] = runs.folders("stopped")
    run = Finished(folder, "", runs.client)
    assert run.summary["status"] == "killed"
    assert run.summary["seconds"]["dense"] > 0
    assert run.logged.info.status == "KILLED"
    assert [step for step, _ in run.curve("dense/loss")][:3] == [2, 4, 6]
    assert runs.kept("stopped") == []
