from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from runner.datasets import Dataset, load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Recipe
from runner.report.display import Display
from runner.run import stages
from runner.run.stages import prepare

RECIPE: dict[str, Any] = {
    "data": {"name": "random", "samples": 64, "input_shape": [2, 32, 2], "target_shape": [2, 8, 8]},
    "model": {"name": "two_conv", "filters": 8},
    "training": {"epochs": 1, "batch_size": 32},
    "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
}


def first_weights(seed: int) -> list[bytes]:
    recipe = Recipe.from_mapping(RECIPE, name="made", source="made.yaml")
    return [weight.tobytes() for weight in prepare(recipe, seed, Display()).model.get_weights()]


def test_the_plan_warns_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def warning(data: Any) -> Dataset:
        return replace(load_dataset(data), warnings=("of the data",))

    monkeypatch.setattr(stages, "load_dataset", warning)
    recipe = Recipe.from_mapping(RECIPE, name="made", source="made.yaml")

    assert prepare(recipe, 0, Display()).plan.warnings[0] == "of the data"


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
    [note] = prepare(own(PIXELS.astype(np.uint8), labels), 0, Display()).plan.warnings
    assert "the model's layer 'scaling' is made for pixels of 0 to 255 and scales them a second time" in note
    assert prepare(own(PIXELS.astype(np.float32), labels), 0, Display()).plan.warnings == ()


def test_a_stray_label_is_told_where_the_model_has_fewer_classes(own: Callable[..., Recipe]) -> None:
    stray = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 103])
    with pytest.raises(UserError, match=r"the data has 104 classes.*\n.*only 3 different ones occur"):
        prepare(own(PIXELS.astype(np.float32), stray), 0, Display())


def test_the_models_first_weights_do_not_depend_on_what_loading_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = first_weights(1)

    def drawing(data: Any) -> Dataset:
        tf_keras.layers.Dense(2, name="drawing").build((2, 2))
        return load_dataset(data)

    monkeypatch.setattr(stages, "load_dataset", drawing)

    assert first_weights(1) == alone
    assert first_weights(2) != alone
