import numpy as np
import pytest
from sklearn.datasets import load_digits

from runner.datasets import Dataset, UnfitArrays, load_dataset
from runner.datasets.digits import digits
from runner.recipe.recipe import Data


@pytest.fixture(scope="module")
def loaded() -> Dataset:
    return load_dataset(Data(name="digits"))


def test_sizes_types_and_range(loaded: Dataset) -> None:
    assert loaded.x_train.shape == (8 * 1438, 28, 28, 1)
    assert loaded.x_test.shape == (359, 28, 28, 1)
    assert loaded.x_train.dtype == np.float32
    assert loaded.y_train.dtype == np.int64
    assert (loaded.x_train.min(), loaded.x_train.max()) == (0.0, 1.0)
    assert (loaded.num_classes, loaded.group, loaded.source, loaded.fell_back) == (10, 8, "digits", False)
    assert "not evidence" in str(loaded.note)


def test_copies_are_neighbours_that_differ_and_share_their_label(loaded: Dataset) -> None:
    images = loaded.x_train.reshape(1438, 8, -1)
    assert (loaded.y_train.reshape(1438, 8) == loaded.y_train[::8, np.newaxis]).all()
    distinct = [len(np.unique(copies, axis=0)) for copies in images[:50]]
    assert distinct == [8] * 50
    # Copies of one original are nearer to each other than to the next original.
    within = np.abs(images[:, 1:] - images[:, :-1]).mean()
    between = np.abs(images[1:, 0] - images[:-1, 0]).mean()
    assert within < 0.8 * between


def test_the_test_set_is_untouched_and_apart_from_the_training_set() -> None:
    plain = digits(copies=1)
    labels = load_digits().target
    counts = np.bincount(plain.y_train, minlength=10) + np.bincount(plain.y_test, minlength=10)
    np.testing.assert_array_equal(counts, np.bincount(labels))
    # An untouched image fills the 20x20 in the middle; shifted and turned ones reach beyond it.
    border = np.ones((28, 28), bool)
    border[4:24, 4:24] = False
    assert not plain.x_test[:, border].any()
    assert plain.x_train[:, border].any()


def test_an_enlarged_image_has_the_ink_of_the_original() -> None:
    made = digits(copies=1)
    order = np.random.default_rng(0).permutation(1797)
    source = load_digits().images[order[0]] / 16
    enlarged = made.x_test[0, 4:24, 4:24, 0]
    assert enlarged.mean() == pytest.approx(source.mean(), rel=0.1)
    blocks = np.add.reduceat(np.add.reduceat(enlarged, np.arange(0, 20, 5), 0), np.arange(0, 20, 5), 1)
    coarse = source.reshape(4, 2, 4, 2).sum((1, 3))
    assert np.corrcoef(blocks.ravel(), coarse.ravel())[0, 1] > 0.97


def test_the_content_is_the_same_each_time_and_follows_the_seed(loaded: Dataset) -> None:
    again = load_dataset(Data(name="digits"))
    other = load_dataset(Data(name="digits", arguments={"seed": 1}))
    assert again.sha256 == loaded.sha256
    assert other.sha256 != loaded.sha256


@pytest.mark.parametrize("wrong", [{"copies": 0}, {"copies": 1.5}, {"copies": True}, {"seed": -1}])
def test_wrong_arguments_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UnfitArrays, match=f"recipe.data.{next(iter(wrong))} is .* must be a whole number"):
        digits(**wrong)
