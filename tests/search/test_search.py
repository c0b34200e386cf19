"""Objectives are checked before the first trial."""

from collections.abc import Mapping
from typing import Any

import pytest

from runner.datasets import ResolvedData, data_key, resolve
from runner.process.errors import UserError
from runner.recipe.objective import read_objectives
from runner.recipe.recipe import Recipe
from runner.search.search import Search, check_objectives


def recipe(*, split: float = 0.2, classes: int | None = 3, **training: Any) -> Recipe:
    targets: Mapping[str, Any] = {"classes": classes} if classes else {"target_shape": [1]}
    mapping = {
        "data": {"name": "random", "input_shape": [4], **targets, "validation_split": split},
        "model": {"name": "two_conv"},
        "training": {"epochs": 1, "batch_size": 8, "optimizer": {"name": "adam"}, **training},
        "layers": {"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5}}},
        "export": {"variants": ["float32", "int8"]},
    }
    return Recipe.from_mapping(mapping, name="mine", source="mine.yaml")


def check(asked: Recipe, *objectives: str) -> None:
    data: dict[str, ResolvedData] = {data_key(asked.data): resolve(asked.data)}
    check_objectives(read_objectives(objectives), [asked], data)


@pytest.mark.parametrize(
    "objectives",
    [("val/accuracy",), ("-val/loss", "-tflite_int8/bytes"), ("test/accuracy", "sparsity/_model")],
)
def test_what_a_run_logs_can_be_searched_for(objectives: tuple[str, ...]) -> None:
    check(recipe(), *objectives)


def test_a_recipe_that_names_its_metrics_logs_those() -> None:
    check(recipe(metrics=["sparse_categorical_crossentropy"]), "-val/sparse_categorical_crossentropy")
    with pytest.raises(UserError, match="will log no val/accuracy"):
        check(recipe(metrics=["sparse_categorical_crossentropy"]), "val/accuracy")


def test_an_unknown_metric_is_told_with_those_that_will_be_logged() -> None:
    with pytest.raises(UserError) as refused:
        check(recipe(), "val/acuracy")

    assert str(refused.value).startswith(
        "objective: recipe mine will log no val/acuracy. Did you mean 'val/accuracy'? It will log val/loss,"
        " val/accuracy, train/loss,"
    )
    with pytest.raises(UserError, match="will log no tflite_float16/bytes"):
        check(recipe(), "-tflite_float16/bytes")


def test_a_regression_has_no_accuracy() -> None:
    check(recipe(classes=None), "-val/mean_squared_error")
    with pytest.raises(UserError, match="will log no val/accuracy"):
        check(recipe(classes=None), "val/accuracy")


def test_a_validation_metric_needs_validation_samples() -> None:
    with pytest.raises(UserError) as refused:
        check(recipe(split=0.0), "val/accuracy")

    assert str(refused.value) == (
        "objective: val/accuracy is measured on validation samples, and recipe mine has none. Set some aside:"
        " recipe.data.validation_split=0.1"
    )


@pytest.mark.parametrize(
    ("written", "right", "told"),
    [
        ("val/loss", "-val/loss", "asks for the highest val/loss, and less of it is better"),
        ("-val/accuracy", "val/accuracy", "asks for the lowest val/accuracy, and more of it is better"),
    ],
)
def test_an_objective_that_points_the_wrong_way(written: str, right: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        check(recipe(), written)
    assert str(refused.value) == f"objective: {written} {told}. Write objective={right}"


def test_the_first_line_says_that_the_test_set_is_searched_on() -> None:
    keys = ("layers.all.schedule.sparsity", "training.epochs")
    search = Search(read_objectives(("val/accuracy", "-tflite_int8/bytes")), keys, (), 20, 2)
    assert search.first_line == (
        "search of schedule.sparsity, training.epochs for the highest val/accuracy and the lowest"
        " tflite_int8/bytes: 20 trials"
    )
    told = Search(read_objectives(("test/accuracy",)), keys[:1], (), 1, 1).first_line
    assert told == (
        "search of schedule.sparsity for the highest test/accuracy: 1 trial, searched on the test set, so"
        " that its test scores are no estimate for new data"
    )
