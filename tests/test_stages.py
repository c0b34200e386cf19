from dataclasses import replace
from typing import Any

import pytest
import tf_keras

from runner import stages
from runner.datasets import Dataset, load_dataset
from runner.recipe.schema import Recipe
from runner.report.display import Display
from runner.stages import prepare

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


def test_the_models_first_weights_do_not_depend_on_what_loading_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = first_weights(1)

    def drawing(data: Any) -> Dataset:
        tf_keras.layers.Dense(2, name="drawing").build((2, 2))
        return load_dataset(data)

    monkeypatch.setattr(stages, "load_dataset", drawing)

    assert first_weights(1) == alone
    assert first_weights(2) != alone
