"""Ordinary models load through the walk; what crafted ones do is in `test_crafted`."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.models.applications import NAMES, Application
from runner.models.config_check import check_config, parse_config, without_compilation
from runner.models.saved import load_saved_model
from runner.pruning import PolynomialDecay, prune_low_magnitude

layers = tf_keras.layers
Build = Callable[[], tf_keras.Model]


def stack(*parts: tf_keras.layers.Layer, shape: tuple[int, ...] = (6, 4)) -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input(shape), *parts])


def arithmetic() -> tf_keras.Model:
    x, y = layers.Input((4, 4, 2)), layers.Input((4, 4, 2))
    z = tf.identity(x) + 1
    z = (1 - z) * 2.0 / 3 - abs(-z) ** 2 // 1
    z = tf.where(z > 0, tf.nn.relu(z), -np.inf) + tf.add(1.0, y=x)
    z = tf.concat([z, y, tf.zeros_like(y)], -1)[:, ::2, :, 1:]
    z = tf.transpose(tf.reshape(z, (-1, 2, 20)), [0, 2, 1])
    z = tf.cast(tf.squeeze(z[:, :1], 1), "float16")
    z = tf.reduce_mean(tf.stack([z, z], 1), axis=1) @ tf.ones((2, 3), "float16")
    return tf_keras.Model([x, y], [z, tf.nn.softmax(z), tf.image.resize(x, (8, 8)), tf.split(y, 2, -1)[0]])


def calls_in_any_order() -> tf_keras.Model:
    x = layers.Input((4,))
    functional = tf_keras.Model(x, layers.Dense(4)(x))
    seen = stack(layers.Dense(4), shape=(4,))
    unseen = tf_keras.Sequential([layers.Dense(4)])
    shared = layers.Dense(4)
    y = shared(unseen(unseen(seen(seen(functional(functional(x)))))))
    return tf_keras.Model(x, shared(layers.Add()([x, shared(y)])))


def sequences() -> tf_keras.Model:
    x = layers.Input((6, 4))
    y = layers.LSTM(3, return_sequences=True)(x, initial_state=[x[:, 0, :3], x[:, 1, 1:]])
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True), backward_layer=None)(y)
    y = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)(y)
    y = layers.TimeDistributed(layers.Dense(4, "relu", kernel_regularizer="l2", bias_constraint="non_neg"))(y)
    return tf_keras.Model(x, layers.MultiHeadAttention(2, 3)(query=y, value=x))


def options() -> tf_keras.Model:
    return stack(
        layers.Dense(4, tf.nn.silu, kernel_initializer=tf_keras.initializers.Constant(np.ones((4, 4), "f4"))),
        layers.Dense(4, dtype="mixed_float16", kernel_initializer=tf_keras.initializers.Orthogonal(0.5)),
        layers.Dense(4, layers.LeakyReLU(0.1), kernel_regularizer=tf_keras.regularizers.L1L2(0.1, 0.1)),
        layers.Activation("softmax"),
        layers.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 1, 1, 1]),
        layers.BatchNormalization(synchronized=True, gamma_constraint=tf_keras.constraints.MinMaxNorm()),
    )


def words() -> tf_keras.Model:
    texts = layers.Input((1,), dtype="string")
    adapted = layers.TextVectorization(max_tokens=10, output_sequence_length=3)
    adapted.adapt(["a b", "c d e"])
    given = layers.StringLookup(vocabulary=["a", "b"])
    return tf_keras.Model(texts, [layers.Embedding(10, 3)(adapted(texts)), given(texts)])


def wrapped() -> tf_keras.Model:
    schedule = PolynomialDecay(0.0, 0.5, 0, 10)
    return prune_low_magnitude(stack(layers.Dense(8), layers.Dense(8)), pruning_schedule=schedule)


def compiled() -> tf_keras.Model:
    inner = stack(layers.Dense(4), shape=(4,))
    inner.compile("adam", "mse")
    model = stack(inner, layers.Dense(2), shape=(4,))
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    return model


@tf_keras.saving.register_keras_serializable("tests", "Renamed")
class Own(tf_keras.layers.Dense):
    """A class that a plugin registers, under another name than its own."""


class Known(tf_keras.layers.Layer):
    """A class that a plugin makes known by its own name."""

    def call(self, x: Any) -> Any:
        return x + 1


@tf_keras.saving.register_keras_serializable("tests")
def doubled(x: Any) -> Any:
    return 2 * x


@tf_keras.saving.register_keras_serializable("tests")
class OwnModel(tf_keras.Model):
    """A model of a plugin's, made of layers."""


def of_plugins() -> tf_keras.Model:
    x = layers.Input((4,))
    inner = OwnModel(x, Own(4, activation="relu")(x))
    each = layers.TimeDistributed(Known())(layers.Reshape((2, 2))(inner(inner(x))))
    return tf_keras.Model(x, [Known()(each), layers.Dense(2, activation=doubled)(x)])


@pytest.fixture(autouse=True)
def plugin() -> Iterator[None]:
    with tf_keras.utils.custom_object_scope({"Known": Known}):
        yield


MODELS: list[tuple[Build, str]] = [
    (build, suffix)
    for build in (arithmetic, calls_in_any_order, sequences, options, wrapped, compiled, of_plugins, words)
    for suffix in (".keras", ".h5")
    # Neither constants of arrays and layers as activations nor adapted vocabularies load from .h5.
    if suffix == ".keras" or build not in (options, words, of_plugins)
]


@pytest.mark.parametrize(("build", "suffix"), MODELS)
def test_ordinary_models_load(build: Build, suffix: str, tmp_path: Path) -> None:
    model = build()
    path = tmp_path / f"m{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
        loaded = load_saved_model(path)
    assert not loaded.optimizer
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    for found, wanted in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_vocabularies_come_with_the_file(tmp_path: Path) -> None:
    model = words()
    model.save(tmp_path / "m.keras")
    texts = tf.constant([["a c e"], ["b"]])
    for found, wanted in zip(load_saved_model(tmp_path / "m.keras")(texts), model(texts), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "name",
    [name if name == "MobileNetV3Small" else pytest.param(name, marks=pytest.mark.slow) for name in NAMES],
)
def test_the_applications_pass(name: str) -> None:
    model = Application(name)(input_shape=(32, 32, 3), num_classes=10)
    check_config(without_compilation(parse_config(json.dumps(tf_keras.saving.serialize_keras_object(model)))))
    check_config(parse_config(model.to_json()))
