import dataclasses
from typing import Any

import numpy as np
import pytest

from runner.datasets import Arrays, Dataset, UnfitArrays
from runner.process.errors import UserError


def arrays(**changes: Any) -> Arrays:
    given: dict[str, Any] = {
        "x_train": np.zeros((6, 2, 2, 1), np.float32),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": np.zeros((3, 2, 2, 1), np.float32),
        "y_test": np.array([0, 1, 2]),
        "num_classes": 3,
    }
    return Arrays(**(given | changes))


def dataset(**changes: Any) -> Dataset:
    made = arrays(**changes)
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    return Dataset(**fields, source="digits", requested="mnist")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((6, 2, 2, 1))}, "x_train holds float64, it must hold float32"),
        ({"x_test": np.zeros(3, np.float32)}, r"x_test has the shape \(3,\)"),
        ({"x_train": np.zeros((0, 4), np.float32)}, "x_train is empty"),
        ({"x_train": np.zeros((5, 2, 2, 1), np.float32)}, "x_train has 5 samples, y_train has 6"),
        (
            {"x_test": np.zeros((3, 2, 3, 1), np.float32)},
            r"x_train has the shape \(2, 2, 1\), of x_test \(2, 3, 1\)",
        ),
        (
            {"x_train": np.full((6, 2, 2, 1), np.nan, np.float32)},
            "x_train holds 24 values that are not finite",
        ),
        ({"y_train": np.array([0, 1, 3, 0, 1, 2])}, "y_train holds labels from 0 to 3; 3 classes .* 0 to 2"),
        ({"y_test": np.array([-1, 1, 2])}, "y_test holds labels from -1 to 2"),
        ({"y_test": np.zeros((3, 1), np.int64)}, r"y_test holds int64 of shape \(3, 1\)"),
        ({"num_classes": None}, "y_train holds int64, regression targets are float32"),
        ({"group": 4}, "6 samples, not a multiple of 4"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnfitArrays, match=message):
        arrays(**changes)


def test_large_finite_values_pass() -> None:
    biggest = np.full((6, 2, 2, 1), np.finfo(np.float32).max)
    assert arrays(x_train=biggest).x_train is biggest


def test_regression_targets_keep_their_shape() -> None:
    made = dataset(y_train=np.ones((6, 5), np.float32), y_test=np.ones((3, 5), np.float32), num_classes=None)
    assert made.target_shape == (5,)
    assert made.input_shape == (2, 2, 1)


def test_fell_back_tells_the_source_from_the_request() -> None:
    assert dataset().fell_back
    assert not dataclasses.replace(dataset(), requested="digits").fell_back


def test_the_hash_is_of_content_and_of_nothing_else() -> None:
    one = dataset()
    assert one.sha256 == dataclasses.replace(one, source="npz", requested="npz", note="x").sha256
    assert len(one.sha256) == 64
    strided = np.zeros((6, 2, 2, 2), np.float32)[..., :1]
    assert dataset(x_train=strided).sha256 == one.sha256
    touched = one.x_test.copy()
    touched[1, 0, 1, 0] = 0.5
    assert dataset(x_test=touched).sha256 != one.sha256
    assert dataset(y_train=np.array([0, 1, 2, 0, 2, 1])).sha256 != one.sha256
    reshaped = dataset(x_train=np.zeros((6, 4, 1, 1), np.float32), x_test=np.zeros((3, 4, 1, 1), np.float32))
    assert reshaped.sha256 != one.sha256


@pytest.mark.parametrize(
    ("group", "share", "trained_on"),
    [(1, 0.0, 6), (1, 0.1, 5), (1, 0.5, 3), (2, 0.1, 4), (2, 0.5, 2), (3, 0.2, 3), (2, 0.0, 6)],
)
def test_the_validation_split_is_the_tail_and_parts_no_group(
    group: int, share: float, trained_on: int
) -> None:
    x = np.arange(24, dtype=np.float32).reshape(6, 2, 2, 1)
    made = dataset(x_train=x, group=group)
    split = made.split(share)
    assert len(split.x_train) == len(split.y_train) == trained_on
    np.testing.assert_array_equal(np.concatenate([split.x_train, split.x_val]), x)
    np.testing.assert_array_equal(np.concatenate([split.y_train, split.y_val]), made.y_train)
    assert (split.x_test is made.x_test, split.y_test is made.y_test) == (True, True)
    assert split.counts == {"train": trained_on, "validation": 6 - trained_on, "test": len(made.x_test)}


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"^recipe\.data\.validation_split: 0\.9 leaves nothing of the 6"):
        dataset().split(0.9)
