"""Wrapping layers that are built already, in clone functions as scripts write them, and again."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.pruning import (
    ConstantSparsity,
    PruneLowMagnitude,
    PruningPolicy,
    UpdatePruningStep,
    prune_low_magnitude,
    strip_pruning,
)
from runner.pruning.structures import Block, MByN, Structure, Unstructured, structure_arguments
from runner.pruning.wrapper import wrappers

RNG = np.random.default_rng(0)
HALF = ConstantSparsity(0.5, 0)


def attention() -> tf_keras.Model:
    queries, values = layers.Input((3, 4)), layers.Input((5, 6))
    attended = layers.MultiHeadAttention(2, 3, name="attention")(queries, values)
    return tf_keras.Model([queries, values], attended)


def recurrent() -> tf_keras.Model:
    return tf_keras.Sequential(
        [layers.Input((5, 4)), layers.Bidirectional(layers.SimpleRNN(4), name="both"), layers.Dense(2)]
    )


def separable() -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input((8, 8, 4)), layers.SeparableConv2D(4, 3), layers.Flatten()])


@pytest.mark.parametrize("build", [attention, recurrent, separable])
def test_a_clone_function_keeps_the_weights_of_built_layers(build: Callable[[], tf_keras.Model]) -> None:
    original = build()
    inputs = [RNG.normal(size=(2, *each.shape[1:])).astype(np.float32) for each in original.inputs]
    expected = original.predict(inputs, verbose=0)
    before = [weight.numpy() for weight in original.weights]

    def wrap(layer: layers.Layer) -> layers.Layer:
        return layer if isinstance(layer, layers.InputLayer) else prune_low_magnitude(layer, HALF)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Flatten has nothing to prune, and nobody needs to hear it
        cloned = tf_keras.models.clone_model(original, clone_function=wrap)
    np.testing.assert_array_equal(cloned.predict(inputs, verbose=0), expected)
    cloned.compile("sgd", "mse")
    cloned.fit(inputs, expected + 1, verbose=0, callbacks=[UpdatePruningStep()])
    masked = [each for wrapper in wrappers(cloned) for each in wrapper.masked_weights]
    assert len(masked) == {attention: 4, recurrent: 5, separable: 2}[build]
    assert {each.sparsity() for each in masked} == {0.5}
    for now, then in zip(original.weights, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_wrapping_what_is_left_keeps_the_masks_there_are() -> None:
    first = prune_low_magnitude(layers.Dense(16), ConstantSparsity(0.75, 0, end_step=1), input_shape=(8,))
    partly = tf_keras.Sequential([first, layers.Dense(4, name="head")])
    x, y = RNG.normal(size=(16, 8)), RNG.normal(size=(16, 4))
    partly.compile("sgd", "mse")
    partly.fit(x, y, verbose=0, callbacks=[UpdatePruningStep()])
    whole = prune_low_magnitude(partly, HALF)
    old, new = wrappers(whole)
    assert old is not first
    assert int(old.pruning_step.numpy()) == 1
    assert int(new.pruning_step.numpy()) == 0
    whole.compile("sgd", "mse")
    whole.fit(x, y, verbose=0, callbacks=[UpdatePruningStep()])
    kernels = [layer.kernel.numpy() for layer in strip_pruning(whole).layers]
    assert [np.count_nonzero(kernel == 0) for kernel in kernels] == [96, 32]
    np.testing.assert_array_equal(kernels[0] == 0, ~first.masked_weights[0].mask.numpy())


@pytest.mark.parametrize(
    ("structure", "named"),
    [
        (Unstructured(), {}),
        (MByN(1, 4, "flattened"), {"sparsity_m_by_n": [1, 4], "m_by_n_axis": "flattened"}),
        (Block(4, 1, "MAX"), {"block_size": [4, 1], "block_pooling_type": "MAX"}),
    ],
)
def test_a_structure_goes_to_the_wrapper_as_it_is_and_is_saved_by_tfmot_s_arguments(
    structure: Structure, named: dict[str, Any]
) -> None:
    wrapper = PruneLowMagnitude(layers.Dense(2), HALF, structure=structure)
    assert wrapper.structure is structure
    config = wrapper.get_config()
    plain = PruneLowMagnitude(layers.Dense(2), HALF).get_config()
    changed = {key for key in plain if config[key] != plain[key]} - {"layer", "name"}
    assert {key: config[key] for key in changed} == named
    assert PruneLowMagnitude.from_config(config).structure == structure


def test_two_structures_are_refused() -> None:
    others: list[dict[str, Any]] = [{"block_size": (4, 1)}, {"sparsity_m_by_n": (2, 4)}]
    for other in others:
        with pytest.raises(ValueError, match="name two structures; a layer can have one"):
            PruneLowMagnitude(layers.Dense(2), HALF, structure=MByN(2, 4), **other)


def test_a_structure_that_no_arguments_name_is_not_saved_as_another() -> None:
    class Rows(Unstructured):
        label = "rows"

    with pytest.raises(TypeError, match="no arguments name the structure rows"):
        structure_arguments(Rows())


def test_a_wrapper_is_left_as_it_is() -> None:
    wrapper = PruneLowMagnitude(layers.Dense(2), HALF)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert prune_low_magnitude(wrapper) is wrapper
        assert prune_low_magnitude([wrapper]) == [wrapper]


class Refusing(PruningPolicy):
    def allow_pruning(self, layer: layers.Layer) -> bool:
        return layer.name != "dense_one"

    def ensure_model_supports_pruning(self, model: tf_keras.Model) -> None:
        raise ValueError(f"not {model.name}")


def test_a_policy_decides_over_models_lists_and_single_layers() -> None:
    dense_one, other = layers.Dense(2, name="dense_one"), layers.Dense(2, name="other")
    assert prune_low_magnitude(dense_one, HALF, pruning_policy=Refusing()) is dense_one
    kept, wrapped = prune_low_magnitude([dense_one, other], HALF, pruning_policy=Refusing())
    assert kept is dense_one
    assert isinstance(wrapped, PruneLowMagnitude)
    with pytest.raises(ValueError, match="not whole"):
        prune_low_magnitude(tf_keras.Sequential(name="whole"), HALF, pruning_policy=Refusing())


@pytest.mark.parametrize("candidate", [7, "dense", None])
def test_other_objects_are_named(candidate: Any) -> None:
    with pytest.raises(ValueError, match=f"or functional model; found {type(candidate).__name__}"):
        prune_low_magnitude(candidate)
