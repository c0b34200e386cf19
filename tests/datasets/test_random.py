from typing import Any

import numpy as np
import pytest

from runner.datasets import Dataset, load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data

SHAPES = {"input_shape": [4, 16, 2], "target_shape": [4, 4, 3]}


def load(**arguments: Any) -> Dataset:
    return load_dataset(Data(name="random", arguments=arguments))


def test_shapes_counts_and_distribution() -> None:
    made = load(**SHAPES, samples=200)
    assert made.x_train.shape == (200, 4, 16, 2)
    assert made.y_train.shape == (200, 4, 4, 3)
    assert (len(made.x_test), len(made.y_test)) == (50, 50)
    assert made.num_classes is None
    assert made.x_train.mean() == pytest.approx(0, abs=0.03)
    assert made.x_train.std() == pytest.approx(1, abs=0.03)


def test_classes_make_a_classification() -> None:
    made = load(input_shape=[3], classes=4, samples=400)
    assert (made.num_classes, made.target_shape) == (4, ())
    assert made.y_train.dtype == np.int64
    assert (made.y_train.shape, made.y_test.shape) == ((400,), (100,))
    assert np.bincount(made.y_train) == pytest.approx([100] * 4, abs=25)


def test_the_numbers_follow_the_seed() -> None:
    one = load(**SHAPES, samples=8)
    assert one.sha256 == load(**SHAPES, samples=8, seed=0).sha256
    assert one.sha256 != load(**SHAPES, samples=8, seed=1).sha256
    assert not np.array_equal(one.x_train[:2], one.x_test)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 0}, r"recipe\.data\.samples is 0"),
        ({"seed": "x"}, r"recipe\.data\.seed is 'x'"),
        ({"input_shape": 4}, r"recipe\.data\.input_shape is 4, but must be a list"),
        ({"target_shape": [4, 0]}, r"recipe\.data\.target_shape is \[4, 0\]"),
        ({"target_shape": []}, r"recipe\.data\.target_shape is \[\]"),
        ({"classes": 4}, "it takes recipe.data.classes for a classification, or .*; both are given"),
        ({"target_shape": None}, "or recipe.data.target_shape for a regression; neither is given"),
        ({"target_shape": None, "classes": 1}, r"recipe\.data\.classes is 1; it must be .*, 2 or more"),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(**(SHAPES | wrong))


def test_the_shape_is_needed() -> None:
    with pytest.raises(UserError, match=r"dataset 'random' needs input_shape\. It takes"):
        load()
