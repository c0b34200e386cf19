"""Logits or probabilities: told by what the outputs are, however a softmax is written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.errors import UserError
from runner.training.outputs import gives_probabilities


def model(*last: Any) -> tf_keras.Model:
    """Chains layers, models and functions of tensors behind an input of 4 numbers."""
    x = inputs = layers.Input((4,))
    for each in last:
        x = each(x)
    return tf_keras.Model(inputs, x)


def dense(**keys: Any) -> layers.Layer:
    return layers.Dense(3, **keys)


class OwnHead(layers.Layer):
    """A softmax inside a layer with weights of its own, which may start at zero."""

    def __init__(self, activation: Callable[[tf.Tensor], tf.Tensor] = tf.nn.softmax) -> None:
        super().__init__()
        self.finish = activation

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (int(input_shape[-1]), 2), initializer="zeros")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.finish(inputs @ self.kernel)


class SoftDense(layers.Dense):
    """A layer of Keras with a softmax behind it."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(super().call(inputs))


def softmax_by_hand(x: Any) -> Any:
    powers = tf.exp(x - tf.reduce_max(x, axis=-1, keepdims=True))
    return powers / tf.reduce_sum(powers, axis=-1, keepdims=True)


def two_classes_of_one_sigmoid(x: Any) -> Any:
    chance = tf.sigmoid(x)
    return tf.concat([1 - chance, chance], axis=-1)


def sparsemax(x: Any) -> Any:
    ordered = tf.sort(x, axis=-1, direction="DESCENDING")
    sums = tf.cumsum(ordered, axis=-1)
    ranks = tf.constant([1.0, 2.0, 3.0])
    support = tf.reduce_sum(tf.cast(1 + ranks * ordered > sums, tf.float32), axis=-1, keepdims=True)
    threshold = (
        tf.reduce_sum(tf.where(ranks <= support, ordered, 0.0), axis=-1, keepdims=True) - 1
    ) / support
    return tf.maximum(x - threshold, 0.0)


@pytest.mark.parametrize(
    "last",
    [
        [dense(activation="softmax")],
        [dense(activation=tf_keras.activations.softmax)],
        [dense(activation=tf.nn.softmax)],
        [dense(activation=layers.Softmax())],
        [dense(), layers.Softmax()],
        [dense(), layers.Activation("softmax")],
        [dense(), layers.Activation(tf.nn.softmax)],
        [dense(), tf.nn.softmax],
        [dense(), tf_keras.activations.softmax],
        [dense(), lambda x: tf.nn.softmax(x / 0.1)],
        [dense(), layers.Lambda(tf.nn.softmax)],
        [dense(), softmax_by_hand],
        [dense(), sparsemax],
        [layers.Dense(1), two_classes_of_one_sigmoid],
        [dense(activation="softmax"), layers.Reshape((3,))],
        [dense(activation=tf.nn.softmax), layers.Reshape((3, 1)), layers.Flatten()],
        [dense(), tf.nn.softmax, tf.identity, layers.Dropout(0.5), layers.Activation("linear")],
        [dense(activation="softmax", dtype="float16"), lambda x: tf.cast(x, tf.float32)],
        [dense(activation="softmax", dtype="bfloat16")],
        [layers.Dense(4), model(dense(activation=tf.nn.softmax))],
        [dense(), tf_keras.Sequential([layers.Input((3,)), layers.Softmax()])],
        [model(dense()), tf.nn.softmax],
        [layers.Reshape((2, 2)), layers.TimeDistributed(dense(activation=tf.nn.softmax))],
        [layers.Reshape((2, 2, 1)), layers.Conv2D(3, 2, activation=tf.nn.softmax), layers.Flatten()],
        [OwnHead()],
        [SoftDense(3)],
    ],
)
def test_a_softmax_in_any_writing_gives_probabilities(last: list[Any]) -> None:
    assert gives_probabilities(model(*last))


@pytest.mark.parametrize(
    "last",
    [
        [dense()],
        [dense(kernel_initializer="zeros")],
        [dense(activation="relu")],
        [dense(activation="tanh")],
        [dense(activation="softmax"), dense()],
        [dense(), tf.nn.softmax, dense(), layers.Reshape((3,)), tf.identity],
        [dense(), layers.Activation(tf.nn.log_softmax)],
        [dense(activation="softmax"), lambda x: tf.math.log(x + 1e-7)],
        [dense(activation="softmax"), layers.BatchNormalization()],
        [dense(), lambda x: 2.0 * x + 1.0],
        [layers.Reshape((2, 2)), layers.LSTM(3)],
        [layers.Embedding(5, 3), layers.GlobalAveragePooling1D()],
        [OwnHead(tf.identity)],
        [OwnHead(tf.nn.relu)],
    ],
)
def test_what_can_be_any_number_is_logits(last: list[Any]) -> None:
    assert not gives_probabilities(model(*last))


@pytest.mark.parametrize(
    "last",
    [
        [dense(activation="sigmoid")],
        [layers.Dense(2, kernel_initializer="zeros"), tf.nn.sigmoid],
        [dense(), lambda x: tf.nn.softmax(x, axis=0)],
        [dense(activation="softmax"), lambda x: x / 2],
        [OwnHead(tf.nn.sigmoid)],
    ],
)
def test_numbers_in_0_to_1_that_do_not_sum_to_1_are_refused(last: list[Any]) -> None:
    with pytest.raises(UserError) as caught:
        gives_probabilities(model(*last))
    assert "lie in [0, 1] and do not sum to 1 over the classes" in str(caught.value)
    assert str(caught.value).startswith("recipe.training.loss: ")


def test_a_layer_that_takes_no_random_numbers_is_named() -> None:
    def choosy(x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(x, 0.0)]):
            return tf.identity(x)

    with pytest.raises(UserError, match=r"layer 'choosy' \(Lambda\) does not take them: "):
        gives_probabilities(model(dense(), layers.Lambda(choosy, name="choosy")))


def test_the_models_own_weights_are_left_as_they_are() -> None:
    built = model(dense(), OwnHead())
    built.set_weights([np.full_like(weight, 0.1) for weight in built.get_weights()])

    gives_probabilities(built)

    assert all(np.all(weight == np.float32(0.1)) for weight in built.get_weights())


def test_several_inputs_and_integers_are_no_hindrance() -> None:
    words, numbers = layers.Input((5,), dtype="int32"), layers.Input((None, 3))
    merged = layers.Concatenate()([layers.Flatten()(layers.Embedding(7, 2)(words)), layers.GRU(2)(numbers)])
    assert gives_probabilities(tf_keras.Model([words, numbers], tf.nn.softmax(merged)))
    assert not gives_probabilities(tf_keras.Model([words, numbers], merged))
