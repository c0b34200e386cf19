from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.tflite.constant import StoredConstant, Use
from runner.tflite.flatbuffer import read_constants
from runner.tflite.weight_tensors import StoredAxes, many_weights, weight_tensors
from tests.tflite_files import convert

layers = tf_keras.layers


class Product(tf_keras.layers.Layer):
    """A batch of matrix products with a matrix for each sample of the batch."""

    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.turned = turned

    def build(self, shape: tf.TensorShape) -> None:
        self.matrices = self.add_weight(name="matrices", shape=(3, 4, 6) if self.turned else (3, 6, 4))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, self.matrices, transpose_b=self.turned)


@pytest.mark.parametrize(
    ("layer", "inputs", "shape"),
    [
        (lambda: layers.Dense(7), (6,), (7, 1, 6)),
        (lambda: layers.Conv1D(7, 3), (5, 6), (7, 3, 6)),
        (lambda: layers.Conv2D(7, (3, 2)), (5, 5, 6), (7, 6, 6)),
        (lambda: layers.Conv2DTranspose(7, (3, 2)), (5, 5, 6), (7, 6, 6)),
        (lambda: layers.DepthwiseConv2D((3, 2), depth_multiplier=2), (5, 5, 6), (12, 6, 1)),
        (lambda: layers.Conv3D(7, (3, 2, 2)), (5, 5, 5, 6), (7, 12, 6)),
        (lambda: layers.Conv3DTranspose(7, (3, 2, 2)), (5, 5, 5, 6), (7, 12, 6)),
        (lambda: Product(turned=False), (3, 5, 6), (12, 1, 6)),
        (lambda: Product(turned=True), (3, 5, 6), (12, 1, 6)),
        (lambda: layers.Embedding(10, 6), (4,), (10, 1, 6)),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_rows_are_outputs_by_window_by_inputs(
    layer: Callable[[], tf_keras.layers.Layer],
    inputs: tuple[int, ...],
    shape: tuple[int, ...],
    tmp_path: Path,
) -> None:
    model = tf_keras.Sequential([layers.Input(inputs, batch_size=1), layer()])
    kernel = model.weights[0]
    values = np.arange(1.0, 1 + np.prod(kernel.shape), dtype=np.float32).reshape(kernel.shape)
    kernel.assign(values)
    [weight], left_out = weight_tensors(read_constants(convert(model, "float32", tmp_path / "m.tflite")))
    rows = weight.axes.rows(weight.constant.values)
    assert rows.shape == shape
    assert left_out == []
    # In Keras the inputs of an output lie far apart, except where a row of the file is one of Keras.
    straight = isinstance(
        model.layers[-1], layers.Embedding | layers.Conv2DTranspose | layers.Conv3DTranspose
    )
    step = int(rows[0, 0, 1] - rows[0, 0, 0]) if shape[2] > 1 else 1
    turned = isinstance(model.layers[-1], Product) and model.layers[-1].turned
    assert step == (1 if straight or turned or shape[2] == 1 else kernel.shape[-1])


def test_of_an_lstm_the_gates_are_weights_and_biases_are_none(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((3, 5)), layers.LSTM(4)])
    weights, _ = weight_tensors(read_constants(convert(model, "float32", tmp_path / "m.tflite")))
    assert [(weight.uses[0].position, weight.constant.shape) for weight in weights] == [
        *[(position, (4, 5)) for position in (1, 2, 3, 4)],
        *[(position, (4, 4)) for position in (5, 6, 7, 8)],
    ]
    assert {weight.axes for weight in weights} == {StoredAxes((0,), (), (1,))}


def test_a_layer_that_is_used_twice_is_one_weight(tmp_path: Path) -> None:
    twice, taken = layers.Dense(6), layers.Input((6,))
    model = tf_keras.Model(taken, twice(twice(taken)))
    [weight], _ = weight_tensors(read_constants(convert(model, "float32", tmp_path / "m.tflite")))
    assert weight.uses == (Use("FULLY_CONNECTED", 1),)


def test_weights_stand_in_the_order_in_which_they_are_read(tmp_path: Path) -> None:
    stack = [layers.Dense(units) for units in (5, 4, 3, 2)]
    model = tf_keras.Sequential([layers.Input((6,)), *stack])
    for variant in ("float32", "float16"):
        weights, _ = weight_tensors(read_constants(convert(model, variant, tmp_path / "m.tflite")))
        assert [weight.constant.shape for weight in weights] == [(5, 6), (4, 5), (3, 4), (2, 3)]


def test_a_matrix_that_is_added_is_left_out_by_name(tmp_path: Path) -> None:
    class Shifted(tf_keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            return x + tf.constant(np.ones((2, 3), np.float32))

    model = tf_keras.Sequential([layers.Input((2, 3), batch_size=1), Shifted()])
    weights, [left] = weight_tensors(read_constants(convert(model, "float32", tmp_path / "m.tflite")))
    assert (weights, left.shape, [use.op for use in left.uses]) == ([], (2, 3), ["ADD"])


def constant(*uses: Use, dtype: str = "float32", shape: tuple[int, ...] = (4, 6)) -> StoredConstant:
    stored = np.zeros(shape, "int32" if dtype == "int32" else "float32")
    none = np.zeros(0)
    return StoredConstant(shape, dtype, stored, stored, none, none, 0, name="w", uses=uses)


def test_tied_embeddings_read_as_the_matrix_that_they_are() -> None:
    [weight], _ = weight_tensors([constant(Use("GATHER", 0), Use("FULLY_CONNECTED", 1))])
    assert [use.op for use in weight.uses] == ["FULLY_CONNECTED", "GATHER"]


@pytest.mark.parametrize(
    "other",
    [
        constant(Use("GATHER", 0), dtype="int32"),
        constant(Use("FULLY_CONNECTED", 2), shape=(1, 6)),
        constant(Use("FULLY_CONNECTED", 1), shape=(6,)),
        constant(Use("UNIDIRECTIONAL_SEQUENCE_LSTM", 18), shape=(1, 6)),
    ],
)
def test_tables_of_integers_biases_and_states_are_no_weights(other: StoredConstant) -> None:
    assert weight_tensors([other]) == ([], [])


def test_the_left_factor_of_a_product_has_its_inputs_last_unless_turned() -> None:
    for turned, layout in ((False, StoredAxes((0, 1), (), (2,))), (True, StoredAxes((0, 2), (), (1,)))):
        [weight], _ = weight_tensors([constant(Use("BATCH_MATMUL", 0, turned), shape=(2, 4, 6))])
        assert weight.axes == layout


def test_operators_of_several_weights_are_known() -> None:
    assert [many_weights(op) for op in ("CONV_2D", "LSTM", "ADD")] == [False, True, False]
