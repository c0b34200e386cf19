from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from runner.datasets import Dataset
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.records.source_content import DENSE_PARTS
from runner.training.dense_key import dense_ingredients, dense_key

RECIPE: dict[str, Any] = {
    "description": "one",
    "data": {"name": "noise", "validation_split": 0.25},
    "model": {"name": "mnist_cnn", "dense_units": 8},
    "training": {
        "epochs": 4,
        "batch_size": 32,
        "dense_epochs": 2,
        "optimizer": {"name": "sgd", "momentum": 0.9},
    },
    "layers": {"all": {"schedule": {"name": "constant", "sparsity": 0.5}}},
}
COMPUTED_WITH = {"python": "3.11.1", "runner": "0.1.0", "tensorflow": "2.21.0", "device": "CPU"}
SOURCE = dict.fromkeys(DENSE_PARTS, "a" * 64)


def noise(seed: int = 0, *, classes: int = 2, group: int = 1) -> Dataset:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(16, 4)).astype(np.float32), rng.integers(0, 2, 16)
    return Dataset(
        x_train=x,
        y_train=y,
        x_test=x[:1],
        y_test=y[:1],
        num_classes=classes,
        group=group,
        source="noise",
        requested="noise",
    )


def changed(mapping: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **mapping,
        **{
            key: changed(mapping.get(key) or {}, value) if isinstance(value, dict) else value
            for key, value in changes.items()
        },
    }


def ingredients(
    changes: Mapping[str, Any] | None = None,
    *,
    name: str = "one",
    data: Dataset | None = None,
    seed: int = 1,
    computed_with: Mapping[str, str] = COMPUTED_WITH,
    source: Mapping[str, str] = SOURCE,
    files: Mapping[str, str] | None = None,
    plugins: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    recipe = Recipe.from_mapping(changed(RECIPE, changes or {}), name=name, source=f"recipes/{name}.yaml")
    data = data or noise()
    content = Ingredients(data.sha256, computed_with, source, files or {}, plugins or {})
    return dense_ingredients(recipe, seed, data, data.split(recipe.data.validation_split), content)


BASE = dense_key(ingredients())


def test_what_it_is_made_from_is_in_clear_text() -> None:
    assert ingredients(files={"weights": "f" * 64}, plugins={"mine": "e" * 64}) == {
        "data": {"sha256": noise().sha256, "classes": 2, "validation_split": 0.25, "training_samples": 12},
        "model": {
            "name": "mnist_cnn",
            "path": None,
            "weights": f"sha256 {'f' * 64}",
            "weights_ignore": [],
            "dense_units": 8,
        },
        "training": {
            "batch_size": 32,
            "dense_epochs": 2,
            "optimizer": {"name": "sgd", "learning_rate": 0.001, "momentum": 0.9},
            "loss": None,
            "metrics": None,
            "augmentation": None,
        },
        "seed": 1,
        "computed_with": COMPUTED_WITH,
        "source": SOURCE,
        "plugins": {"mine": "e" * 64},
    }


def test_a_key_is_sixteen_digits_and_stays_what_it_is() -> None:
    assert dense_key({"seed": 1, "model": {"b": 1.5, "a": None}}) == "b4d71e4d76fa3ccb"
    assert dense_key({"model": {"a": None, "b": 1.5}, "seed": 1}) == "b4d71e4d76fa3ccb"
    assert len(BASE) == 16


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "two"},
        {"training": {"epochs": 9}},
        {"layers": {"all": {"schedule": {"name": "polynomial", "sparsity": 0.9, "begin_step": 3}}}},
        {"layers": {"more": {"targets": "dense*", "m_by_n": "2x4"}}},
        # The content counts, wherever it came from.
        {"data": {"name": "elsewhere", "path": "noise.npz", "fallback": "digits"}},
    ],
)
def test_rules_schedules_pruning_epochs_and_words_do_not_change_it(changes: dict[str, Any]) -> None:
    assert dense_key(ingredients(changes)) == BASE


def test_source_that_does_not_decide_about_dense_weights_does_not_change_it() -> None:
    assert dense_key(ingredients(source={**SOURCE, "export": "d" * 64})) == BASE


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"dense_epochs": 3}},
        {"training": {"batch_size": 16}},
        {"training": {"optimizer": {"name": "adam", "momentum": 0.9}}},
        {"training": {"optimizer": {"learning_rate": 0.01}}},
        {"training": {"optimizer": {"momentum": 0.8}}},
        {"training": {"optimizer": {"nesterov": True}}},
        {"training": {"loss": "mean_squared_error"}},
        {"training": {"metrics": ["mean_absolute_error"]}},
        {"model": {"dense_units": 9}},
        {"model": {"name": "tutorial_cnn"}},
        {"model": {"dropout": 0.0}},
        {"data": {"validation_split": 0.5}},
    ],
)
def test_model_training_and_split_change_it(changes: dict[str, Any]) -> None:
    assert dense_key(ingredients(changes)) != BASE


@pytest.mark.parametrize(
    "given",
    [
        {"seed": 2},
        {"data": noise(1)},
        {"data": noise(classes=3)},
        {"data": noise(group=8)},
        {"plugins": {"mine": "e" * 64}},
        {"files": {"weights": "f" * 64}},
        *({"computed_with": {**COMPUTED_WITH, name: "9"}} for name in COMPUTED_WITH),
        {"source": {**SOURCE, "training": "c" * 64}},
    ],
)
def test_seed_data_plugins_files_and_versions_change_it(given: dict[str, Any]) -> None:
    assert dense_key(ingredients(**given)) != BASE


def test_the_names_of_recipe_and_files_do_not_change_it() -> None:
    here = ingredients({"model": {"weights": "here.weights.h5"}}, files={"weights": "f" * 64})
    there = ingredients({"model": {"weights": "/there.h5"}}, files={"weights": "f" * 64}, name="two")

    assert dense_key(here) == dense_key(there)
    other = ingredients({"model": {"weights": "here.weights.h5"}}, files={"weights": "e" * 64})
    assert dense_key(other) != dense_key(here)


def test_the_order_in_which_keys_are_written_does_not_change_it() -> None:
    backwards = dict(reversed(list(ingredients(plugins={"a": "1", "b": "2"}).items())))

    assert dense_key(backwards) == dense_key(ingredients(plugins={"b": "2", "a": "1"}))
