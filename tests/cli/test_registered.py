"""Whether all that a recipe names is registered."""

from typing import Any

import pytest

from runner.cli.registered import check_registered
from runner.process.errors import UserError
from runner.recipe.recipe import Recipe

GOOD: dict[str, Any] = {
    "data": {"name": "mnist", "fallback": "digits"},
    "model": {"name": "mnist_cnn", "dense_units": 8},
    "training": {"epochs": 1, "batch_size": 8, "optimizer": {"name": "sgd", "momentum": 0.9}},
    "layers": {"all": {"targets": "*", "schedule": {"name": "polynomial", "sparsity": 0.5, "power": 2}}},
}


def recipe(**parts: Any) -> Recipe:
    return Recipe.from_mapping({**GOOD, **parts}, name="own", source="recipes/own.yaml")


def with_schedule(**keys: Any) -> dict[str, Any]:
    return {"all": {"targets": "*", "schedule": {"sparsity": 0.5, **keys}}}


def test_what_is_registered_passes() -> None:
    check_registered(recipe())
    check_registered(recipe(model={"path": "own.keras"}))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"data": {"name": "mnits"}}, "recipe.data.name: there is no dataset 'mnits'. Did you mean 'mnist'?"),
        (
            {"data": {"name": "mnist", "fallback": "digit"}},
            "recipe.data.fallback: there is no dataset 'digit'.",
        ),
        (
            {"data": {"name": "digits", "copy": 1}},
            "recipe.data.copy: dataset 'digits' has no argument 'copy'.",
        ),
        ({"model": {"name": "mnist_cn"}}, "recipe.model.name: there is no model 'mnist_cn'."),
        (
            {"model": {"name": "mnist_cnn", "units": 1}},
            "recipe.model.units: model 'mnist_cnn' has no argument",
        ),
        (
            {"layers": with_schedule(name="polinomial")},
            "recipe.layers.all.schedule.name: there is no schedule",
        ),
        (
            {"layers": with_schedule(name="constant", nme="x")},
            "recipe.layers.all.schedule.nme: schedule 'constant' has no argument 'nme'. It takes:",
        ),
    ],
)
def test_what_is_not_is_told_with_its_key(parts: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as refused:
        check_registered(recipe(**parts))

    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("optimizer", "told"),
    [
        (
            {"name": "adm"},
            "recipe.training.optimizer.name: there is no optimizer 'adm'. Did you mean 'adam'?",
        ),
        ({"name": "adam", "momentum": 0.9}, "recipe.training.optimizer.momentum: optimizer 'adam' has no"),
        (
            {"learning_rate": {"name": "cosin", "initial": 0.1}},
            "recipe.training.optimizer.learning_rate.name: there is no learning rate 'cosin'.",
        ),
    ],
)
def test_optimizers_and_their_rates_too(optimizer: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as refused:
        check_registered(recipe(training={"epochs": 1, "batch_size": 8, "optimizer": optimizer}))

    assert str(refused.value).startswith(told)
