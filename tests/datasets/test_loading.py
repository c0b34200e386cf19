from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from runner.datasets import DATASETS, Arrays, UnfitArrays, load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data


@pytest.fixture
def registered() -> Iterator[None]:
    def ramp(*, samples: int = 4) -> Arrays:
        x = np.arange(samples, dtype=np.float32)[:, np.newaxis]
        return Arrays(x_train=x, y_train=x * 2, x_test=x, y_test=x[1:], num_classes=None)

    DATASETS.register("ramp")(ramp)
    yield
    del DATASETS._entries["ramp"]


def test_an_unknown_dataset_lists_what_there_is() -> None:
    with pytest.raises(
        UserError,
        match=r"recipe\.data\.name: .* 'mnst'\. Did you mean 'mnist'\? Known: cifar10, digits, fashion_mnist",
    ):
        load_dataset(Data(name="mnst"))


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"recipe\.data\.copie: .* Did you mean 'copies'"):
        load_dataset(Data(name="digits", arguments={"copie": 1}))


def test_a_path_for_data_that_reads_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"recipe\.data\.path: dataset 'digits' reads no file"):
        load_dataset(Data(name="digits", path="mine.npz"))


@pytest.mark.usefixtures("registered")
def test_what_a_plugin_returns_is_checked_and_named() -> None:
    with pytest.raises(UserError, match=r"recipe\.data: dataset 'ramp': x_test has 3 samples, y_test has 2"):
        load_dataset(Data(name="ramp", arguments={"samples": 3}))


X, Y = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1])


@pytest.fixture
def returning() -> Iterator[Callable[[object], str]]:
    """Registers a loader, tells what comes of what it returns."""
    returned: list[object] = []

    def odd() -> Any:
        return returned[-1]

    def told(value: object) -> str:
        returned.append(value)
        with pytest.raises(UserError) as refused:
            load_dataset(Data(name="odd"))
        return str(refused.value)

    DATASETS.register("odd")(odd)
    yield told
    del DATASETS._entries["odd"]


def test_a_loader_that_returns_anything_else_learns_what_to_return(
    returning: Callable[[object], str],
) -> None:
    must = (
        "recipe.data: dataset 'odd': its loader must return runner.datasets.Arrays(x_train=..., y_train=...,"
        " x_test=..., y_test=..., num_classes=...), but returned a "
    )
    assert returning(((X, Y), (X, Y))) == f"{must}tuple of 2"
    assert returning(None) == f"{must}NoneType"
    assert returning(tf.data.Dataset.from_tensor_slices(X)).startswith(f"{must}tensorflow.python.data.ops.")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x_train": [[1.0]]}, "x_train is a list; it must be a NumPy array"),
        ({"y_test": tf.constant([0])}, "y_test is a EagerTensor; it must be a NumPy array"),
        ({"num_classes": 2.0}, "num_classes is 2.0; it must be a whole number, 1 or more"),
        ({"group": 0}, "group is 0; it must be a whole number, 1 or more"),
    ],
)
def test_arrays_of_another_kind_are_refused(changes: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "num_classes": 2}
    with pytest.raises(UnfitArrays, match=told):
        Arrays(**{**given, **changes})
