"""Stripping: what is refused, and what is said where nothing has been pruned."""

import warnings

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.pruning import ConstantSparsity, prune_low_magnitude, strip_pruning, update_masks


def wrapped(sparsity: float = 0.5) -> tf_keras.Model:
    dense = tf_keras.Sequential([layers.Dense(4, input_shape=(8,), name="dense")], name="small")
    return prune_low_magnitude(dense, ConstantSparsity(sparsity, 0))


def test_a_training_that_never_reached_the_masks_is_said() -> None:
    model = wrapped()
    with pytest.warns(UserWarning, match=r"reached the masks of 'small': nothing is pruned\..*update_masks"):
        stripped = strip_pruning(model)
    assert np.count_nonzero(stripped.get_weights()[0]) == 32


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_one_step_is_enough_to_be_silent(sparsity: float) -> None:
    model = wrapped(sparsity)
    update_masks(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stripped = strip_pruning(model)
    assert np.count_nonzero(stripped.get_weights()[0] == 0) == 32 * sparsity


def test_without_wrappers_or_with_frozen_ones_nothing_is_said() -> None:
    frozen = wrapped()
    frozen.trainable = False
    plain = tf_keras.Sequential([layers.Dense(4, input_shape=(8,))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (frozen, plain):
            np.testing.assert_array_equal(
                strip_pruning(model).get_weights()[0], model.layers[0].get_weights()[0]
            )


def test_a_model_wrapped_by_tfmot_is_not_half_ported() -> None:
    tfmot = pytest.importorskip("tensorflow_model_optimization").sparsity.keras
    dense = tf_keras.Sequential([layers.Dense(4, input_shape=(8,), name="dense")])
    with pytest.raises(ValueError, match="was wrapped by tensorflow_model_optimization, and only that can"):
        strip_pruning(tfmot.prune_low_magnitude(dense))


@pytest.mark.parametrize("candidate", [layers.Dense(2), "model"])
def test_only_models_are_stripped(candidate: object) -> None:
    with pytest.raises(ValueError, match=f"takes a tf-keras model; found {type(candidate).__name__}"):
        strip_pruning(candidate)
