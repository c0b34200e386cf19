from collections.abc import Iterator

import numpy as np
import pytest

from runner.datasets import DATASETS, Arrays, load_dataset
from runner.errors import UserError
from runner.recipe.schema import Data


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
