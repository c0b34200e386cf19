"""What a model says may be multiplied into its kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.pruning import prune_low_magnitude
from runner.verify.folding import Folds
from runner.verify.model_folds import model_folds

layers = tf_keras.layers


def norm(name: str | None = None) -> tf_keras.layers.Layer:
    drawn = tf_keras.initializers.RandomUniform(0.5, 2, seed=3)
    return layers.BatchNormalization(name=name, gamma_initializer=drawn, moving_variance_initializer=drawn)


def factor(layer: tf_keras.layers.BatchNormalization) -> np.ndarray:
    gamma, variance = (np.asarray(weight, np.float64) for weight in (layer.gamma, layer.moving_variance))
    return np.asarray(gamma / np.sqrt(variance + 1e-3))


def folds(model: tf_keras.Model, kernel: tf.Variable) -> Folds:
    return model_folds(model)[kernel.ref()]


def test_the_batch_norms_behind_a_convolution_multiply_its_outputs() -> None:
    conv, first, second = layers.Conv2D(5, 3), norm(), norm()
    model = tf_keras.Sequential([layers.Input((8, 8, 3)), conv, first, layers.Dropout(0.1), second])
    found = folds(model, conv.kernel)
    assert [one.shape for one in found.outputs] == [(), (1, 1, 1, 5), (1, 1, 1, 5)]
    np.testing.assert_allclose(found.outputs[1].reshape(-1), factor(first))
    np.testing.assert_allclose(found.outputs[2].reshape(-1), factor(first) * factor(second))
    assert [one.tolist() for one in found.inputs] == [1.0]
    scaled = list(found.scaled(conv.kernel.numpy()))
    assert len(scaled) == 2
    np.testing.assert_allclose(scaled[0], conv.kernel.numpy() * factor(first), rtol=1e-6)


def test_a_batch_norm_before_a_dense_layer_repeats_behind_a_flatten() -> None:
    before, dense, behind = norm(), layers.Dense(4), norm()
    model = tf_keras.Sequential([layers.Input((2, 2, 3)), before, layers.Flatten(), dense, behind])
    found = folds(model, dense.kernel)
    np.testing.assert_allclose(found.inputs[1], np.tile(factor(before), 4).reshape(12, 1))
    np.testing.assert_allclose(found.outputs[1], factor(behind).reshape(1, 4))
    assert len(list(found.scaled(dense.kernel.numpy()))) == 3


def test_numbers_in_front_multiply_all_or_each_input() -> None:
    standard, dense = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 16.0]), layers.Dense(3)
    model = tf_keras.Sequential([layers.Input((2,)), layers.Rescaling(1 / 4), standard, dense])
    found = folds(model, dense.kernel)
    assert [one.reshape(-1).tolist() for one in found.inputs] == [[1.0], [0.5, 0.25], [0.125, 0.0625]]


def test_one_mean_and_variance_for_all_inputs_is_one_factor() -> None:
    dense = layers.Dense(3)
    standard = layers.Normalization(axis=None, mean=1.0, variance=16.0)
    found = folds(tf_keras.Sequential([layers.Input((2,)), standard, dense]), dense.kernel)
    assert [one.tolist() for one in found.inputs] == [1.0, 0.25]


def test_depthwise_transposed_and_separable_kernels_have_their_axes() -> None:
    depthwise, transposed = layers.DepthwiseConv2D(3, depth_multiplier=2), layers.Conv2DTranspose(5, 3)
    separable, norms = layers.SeparableConv2D(4, 3), [norm(), norm(), norm()]
    model = tf_keras.Sequential(
        [layers.Input((9, 9, 3)), depthwise, norms[0], transposed, norms[1], separable, norms[2]]
    )
    known = model_folds(model)
    np.testing.assert_allclose(
        known[depthwise.depthwise_kernel.ref()].outputs[1], factor(norms[0]).reshape(1, 1, 3, 2)
    )
    np.testing.assert_allclose(
        known[transposed.kernel.ref()].outputs[1], factor(norms[1]).reshape(1, 1, 5, 1)
    )
    first, second = known[separable.depthwise_kernel.ref()], known[separable.pointwise_kernel.ref()]
    assert (len(first.outputs), [one.shape for one in first.inputs]) == (1, [(), (1, 1, 5, 1)])
    assert (len(second.inputs), [one.shape for one in second.outputs]) == (1, [(), (1, 1, 1, 4)])


@pytest.mark.parametrize("nested", ["conv", "norm", "both"])
def test_nested_models_are_entered(nested: str) -> None:
    conv, behind = layers.Conv2D(5, 3), norm()
    one, other = (
        tf_keras.Sequential([layers.Input((8, 8, 3)), conv]) if nested != "norm" else conv,
        tf_keras.Sequential([layers.Input((6, 6, 5)), behind]) if nested != "conv" else behind,
    )
    x = layers.Input((8, 8, 3))
    found = folds(tf_keras.Model(x, other(one(x))), conv.kernel)
    np.testing.assert_allclose(found.outputs[1].reshape(-1), factor(behind))


def test_wrapped_layers_are_looked_into() -> None:
    model = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(5, 3, name="c"), norm("n")])
    wrapped = prune_low_magnitude(model)
    [conv] = [layer.layer for layer in wrapped.layers if hasattr(layer, "masked_weights")][:1]
    found = folds(wrapped, conv.kernel)
    np.testing.assert_allclose(found.outputs[1].reshape(-1), factor(model.get_layer("n")))


def test_every_way_out_of_a_kernel_is_followed() -> None:
    x, dense, one, other = layers.Input((3,)), layers.Dense(4), norm(), norm()
    y = dense(x)
    model = tf_keras.Model(x, layers.Add()([one(y), other(y)]))
    found = folds(model, dense.kernel)
    assert len(found.outputs) == 3
    np.testing.assert_allclose(found.outputs[1] * found.outputs[2], (factor(one) * factor(other))[None])


@pytest.mark.parametrize(
    "ending",
    [
        lambda: layers.Dense(4, "relu"),
        lambda: [layers.Dense(4), layers.ReLU()],
        lambda: [layers.Dense(4), layers.Activation("swish")],
        lambda: [layers.Dense(4), layers.Dense(4)],
    ],
)
def test_no_factor_gets_past_what_is_not_linear(ending: Callable[[], Any]) -> None:
    made = ending()
    stacked = made if isinstance(made, list) else [made]
    model = tf_keras.Sequential([layers.Input((3,)), *stacked, norm()])
    assert len(folds(model, stacked[0].kernel).outputs) == 1


class Own(tf_keras.layers.Layer):
    def call(self, x: tf.Tensor) -> tf.Tensor:
        return 3.0 * x


@pytest.mark.parametrize(
    "stacked",
    [
        lambda: [layers.Dense(4), Own()],
        lambda: [layers.Dense(4, "hard_sigmoid")],  # 0.2 x + 0.5, clipped.
        lambda: [layers.Dense(3, "selu"), layers.Dense(4)],  # 1.05 times an elu.
        lambda: [layers.Dense(4), layers.LayerNormalization()],
        lambda: [layers.Reshape((2, 2)), layers.Dense(4), layers.BatchNormalization(axis=1)],
        lambda: [layers.Reshape((2, 2)), layers.Conv1D(4, 1, dtype="mixed_float16")],
    ],
)
def test_factors_of_what_is_not_known_are_unknown(stacked: Callable[[], list[object]]) -> None:
    model = tf_keras.Sequential([layers.Input((4,)), *stacked()])
    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    assert last.kernel.ref() not in model_folds(model)


def test_a_model_without_a_graph_is_unknown() -> None:
    class Subclassed(tf_keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.dense(x)

    model = Subclassed()
    model(np.zeros((1, 2)))
    assert model_folds(model) == {}
