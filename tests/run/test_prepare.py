from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from runner.datasets import Dataset, load_dataset
from runner.models import build_model
from runner.process.errors import UserError
from runner.recipe.recipe import Model, Recipe
from runner.report.display import Display
from runner.report.parts import Prepared, Run
from runner.run import prepare as stage
from runner.settings import RunSettings

RECIPE: dict[str, Any] = {
    "data": {"name": "random", "samples": 64, "input_shape": [2, 32, 2], "target_shape": [2, 8, 8]},
    "model": {"name": "two_conv", "filters": 8},
    "training": {"epochs": 1, "batch_size": 32},
    "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
}


def prepare(recipe: Recipe, seed: int) -> Prepared:
    return stage.prepare(Run(recipe, RunSettings(seed=seed), Display()))


def first_weights(seed: int) -> list[bytes]:
    recipe = Recipe.from_mapping(RECIPE, name="made", source="made.yaml")
    return [weight.tobytes() for weight in prepare(recipe, seed).model.get_weights()]


def test_the_plan_warns_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def warning(data: Any) -> Dataset:
        return replace(load_dataset(data), warnings=("of the data",))

    monkeypatch.setattr(stage, "load_dataset", warning)
    recipe = Recipe.from_mapping(RECIPE, name="made", source="made.yaml")

    assert prepare(recipe, 0).plan.warnings[0] == "of the data"


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Recipe]:
    """A saved model of two classes that divides pixels by 255, and arrays."""
    scaling = tf_keras.layers.Rescaling(1 / 255, name="scaling")
    head = [tf_keras.layers.Flatten(), tf_keras.layers.Dense(2, name="head")]
    tf_keras.Sequential([tf_keras.layers.Input((4, 4, 1)), scaling, *head]).save(tmp_path / "own.keras")

    def of(x: np.ndarray, y: np.ndarray) -> Recipe:
        np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        own = {"data": {"name": "npz", "path": str(tmp_path / "own.npz")}}
        mapping = {**RECIPE, **own, "model": {"path": str(tmp_path / "own.keras")}}
        mapping["layers"] = {"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5}}}
        return Recipe.from_mapping(mapping, name="made", source="made.yaml")

    return of


PIXELS = np.arange(160).reshape(10, 4, 4, 1)


def test_what_the_model_scales_a_second_time_is_told(own: Callable[..., Recipe]) -> None:
    labels = np.arange(10) % 2
    [note] = prepare(own(PIXELS.astype(np.uint8), labels), 0).plan.warnings
    assert "the model's layer 'scaling' is made for pixels of 0 to 255 and scales them a second time" in note
    assert prepare(own(PIXELS.astype(np.float32), labels), 0).plan.warnings == ()


def test_a_stray_label_is_told_where_the_model_has_fewer_classes(own: Callable[..., Recipe]) -> None:
    stray = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 103])
    with pytest.raises(UserError, match=r"the data has 104 classes.*\n.*only 3 different ones occur"):
        prepare(own(PIXELS.astype(np.float32), stray), 0)


def test_the_models_first_weights_do_not_depend_on_what_loading_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = first_weights(1)

    def drawing(data: Any) -> Dataset:
        tf_keras.layers.Dense(2, name="drawing").build((2, 2))
        return load_dataset(data)

    monkeypatch.setattr(stage, "load_dataset", drawing)

    assert first_weights(1) == alone
    assert first_weights(2) != alone


SMALL_CNN = {"name": "mnist_cnn", "filters": [2, 2], "dense_units": 4}


def with_weights(folder: Path, *ignored: str, **changed: Any) -> Recipe:
    """A recipe whose model begins with the weights of one for five classes; its own data has four."""
    path = folder / "five.weights.h5"
    filters = {key: value for key, value in SMALL_CNN.items() if key != "name"}
    model = Model(name="mnist_cnn", arguments=filters)
    build_model(model, input_shape=(16, 16, 1), num_classes=5 if ignored else 4).save_weights(path)
    mapping = {
        "data": {"name": "random", "samples": 16, "input_shape": [16, 16, 1], "classes": 4},
        "model": {**SMALL_CNN, "weights": str(path), "weights_ignore": list(ignored)},
        "training": {"epochs": 1, "batch_size": 8, "dense_epochs": changed.pop("dense_epochs", 0)},
        "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
        **changed,
    }
    return Recipe.from_mapping(mapping, name="made", source="made.yaml")


DROP = {"variant": "float32", "max_accuracy_drop": 0.01}


def test_a_drop_cannot_count_from_a_random_head(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare(with_weights(tmp_path, "probabilities", budget=DROP), 1)

    assert str(caught.value) == (
        "recipe.budget.max_accuracy_drop: there is no dense accuracy for a drop to count from: of the model"
        " that pruning begins with, probabilities is left as built by recipe.model.weights_ignore, untrained."
        " Train the dense model first (recipe.training.dense_epochs=N), or set a limit that counts from"
        " nothing: recipe.budget.min_accuracy"
    )


@pytest.mark.parametrize(
    ("ignored", "dense_epochs", "budget", "trained"),
    [
        ((), 0, DROP, True),
        (("probabilities",), 1, DROP, True),
        (("probabilities",), 0, {"variant": "float32", "min_accuracy": 0.1}, False),
        (("probabilities",), 0, None, False),
    ],
)
def test_what_dense_accuracy_there_is(
    tmp_path: Path, ignored: tuple[str, ...], dense_epochs: int, budget: Any, trained: bool
) -> None:
    recipe = with_weights(tmp_path, *ignored, dense_epochs=dense_epochs, budget=budget)

    assert prepare(recipe, 1).trained == trained
