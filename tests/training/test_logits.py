"""Logits or probabilities: told by what the outputs are, however a softmax is written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.process.errors import UserError
from runner.training.logits import gives_probabilities


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


class Normalized(layers.Layer):
    """Layers of Keras that estimate moments, and a softmax behind them."""

    def __init__(self, norm: type[layers.Layer], finish: Any = tf.nn.softmax) -> None:
        super().__init__()
        self.dense, self.norm, self.finish = layers.Dense(3), norm(), finish

    def build(self, input_shape: Any) -> None:
        self.norm.build((None, 3))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.finish(self.norm(self.dense(inputs)))


class Subclassed(tf_keras.Model):
    """The same in a subclassed model."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm = layers.Dense(5), layers.BatchNormalization()
        self.head = layers.Dense(3, activation="softmax")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.head(tf.nn.relu(self.norm(self.dense(inputs))))


class Tempered(layers.Layer):
    """A softmax with a learned temperature, which only positive values have a root of."""

    def __init__(self, initializer: str = "ones") -> None:
        super().__init__()
        self.initializer = initializer

    def build(self, input_shape: Any) -> None:
        self.heat = self.add_weight("heat", (int(input_shape[-1]),), initializer=self.initializer)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(inputs * tf.sqrt(self.heat))


class SoftCell(layers.Layer):
    """A cell of the user's own that gives probabilities."""

    state_size = output_size = 3

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (int(input_shape[-1]), 3))

    def call(self, inputs: tf.Tensor, states: Any) -> Any:
        outputs = tf.nn.softmax(inputs @ self.kernel)
        return outputs, [outputs]


def steps_of(*inner: Any) -> list[Any]:
    """Two time steps of what is given, and the mean of them."""
    each = inner[0] if len(inner) == 1 else tf_keras.Sequential([layers.Input((2,)), *inner])
    return [layers.Reshape((2, 2)), layers.TimeDistributed(each), layers.GlobalAveragePooling1D()]


def model_of_one() -> tf_keras.Model:
    inputs = layers.Input((1,))
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(inputs))


def mean_of_all(x: Any) -> Any:
    return tf.reduce_mean(x, axis=(1, 2))


def share_of_the_positive(x: Any) -> Any:
    positive = tf.nn.relu(x)
    return positive / (tf.reduce_sum(positive, axis=-1, keepdims=True) + 1e-7)


def many_averages(x: Any) -> Any:
    for _ in range(400):
        x = layers.Average()([x, x])
    return x


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
        [Normalized(layers.BatchNormalization)],
        [Normalized(layers.Normalization)],
        [Subclassed()],
        [Subclassed(), layers.Reshape((3, 1)), layers.Flatten()],
        [dense(), Tempered()],
        steps_of(layers.Dense(4), dense(activation="softmax")),
        [
            layers.Reshape((2, 2, 1)),
            layers.TimeDistributed(layers.TimeDistributed(model_of_one())),
            mean_of_all,
        ],
        steps_of(OwnHead()),
        [layers.Reshape((2, 2)), layers.RNN(SoftCell())],
        [layers.Reshape((2, 2)), layers.SimpleRNN(3, activation="softmax")],
        [dense(), share_of_the_positive],
        [dense(), many_averages, layers.Softmax()],
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
        [Normalized(layers.BatchNormalization, tf.identity)],
        [layers.Reshape((2, 2)), layers.SimpleRNN(3)],
        steps_of(layers.Dense(4), dense()),
        steps_of(OwnHead(tf.identity)),
        [dense(), many_averages],
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


@pytest.mark.parametrize(
    ("last", "named"),
    [
        ([dense(), layers.Lambda(tf.sqrt, name="roots")], r"'roots' \(Lambda\)"),
        ([dense(), layers.Lambda(tf.sqrt, name="roots"), tf.nn.softmax], r"'roots' \(Lambda\)"),
        ([layers.Dense(3, activation=tf.sqrt, name="last")], r"'last' \(Dense\)"),
        ([model(dense(), tf.sqrt), tf.nn.softmax], r"'model_?\d*' \(Functional\)"),
    ],
)
def test_what_is_not_a_number_tells_nothing(last: list[Any], named: str) -> None:
    with pytest.raises(UserError, match=rf"layer {named} does not take them: it gives NaN or infinite"):
        gives_probabilities(model(*last))


def test_zeros_that_only_some_numbers_can_replace_get_such() -> None:
    class Whitened(layers.Layer):
        def build(self, input_shape: Any) -> None:
            zeros = {"shape": (3,), "initializer": "zeros", "trainable": False}
            self.variance = self.add_weight("variance", **zeros)

        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            return tf.nn.softmax(inputs / tf.sqrt(self.variance + 1e-3))

    assert gives_probabilities(model(dense(), Whitened()))


def test_many_classes_are_tried_on_few_rows() -> None:
    rows = []

    def watched(x: tf.Tensor) -> tf.Tensor:
        rows.append(x.shape[0])
        return tf.nn.softmax(x)

    many = layers.Input((50_000,))
    assert gives_probabilities(tf_keras.Model(many, layers.Lambda(watched)(many)))
    assert rows == [None, 4, 4]


def test_the_models_own_weights_are_left_as_they_are() -> None:
    built = model(dense(), OwnHead())
    built.set_weights([np.full_like(weight, 0.1) for weight in built.get_weights()])

    gives_probabilities(built)

    assert all(np.all(weight == np.float32(0.1)) for weight in built.get_weights())


def test_so_is_what_a_layer_counts_when_it_is_run() -> None:
    class Counting(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.calls = self.add_weight("calls", (), initializer="ones", trainable=False)

        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            self.calls.assign_add(1.0)
            return tf.nn.softmax(inputs)

    built = model(dense(), Counting())
    assert gives_probabilities(built)
    assert built.layers[-1].calls.numpy() == 1


def test_several_inputs_and_integers_are_no_hindrance() -> None:
    words, numbers = layers.Input((5,), dtype="int32"), layers.Input((None, 3))
    merged = layers.Concatenate()([layers.Flatten()(layers.Embedding(7, 2)(words)), layers.GRU(2)(numbers)])
    assert gives_probabilities(tf_keras.Model([words, numbers], tf.nn.softmax(merged)))
    assert not gives_probabilities(tf_keras.Model([words, numbers], merged))
