from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.graph import Inference, in_batches, input_name, write_graph

layers = tf_keras.layers


def signature(folder: Path) -> tf.types.experimental.ConcreteFunction:
    return tf.saved_model.load(str(folder)).signatures["serving_default"]


def test_the_graph_computes_what_the_model_does_and_needs_no_classes_of_it(tmp_path: Path) -> None:
    class Own(tf_keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            return 2 * x

    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    model = tf_keras.Sequential([layers.Input((6,), name="taken"), Own(), layers.Dense(3, name="given")])
    read = signature(write_graph(model, tmp_path / "graph"))
    np.testing.assert_allclose(read(taken=x)["given"], model(x), rtol=1e-5, atol=1e-6)


def test_dropout_and_batch_norm_are_those_of_inference(tmp_path: Path) -> None:
    model = tf_keras.Sequential(
        [layers.Input((6,), name="x"), layers.Dropout(0.9), layers.BatchNormalization()]
    )
    x = np.ones((4, 6), np.float32)
    [given] = signature(write_graph(model, tmp_path / "graph"))(x=x).values()
    np.testing.assert_allclose(given, x, rtol=1e-3)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ([layers.Input((4, 3))], [None, 4, 3]),
        ([layers.Input((None, 3))], [None, None, 3]),
        ([layers.Input((4, 3), batch_size=7)], [7, 4, 3]),
        ([layers.Input((4, 3)), layers.LSTM(2)], [1, 4, 3]),
        ([layers.Input((4, 3)), layers.Bidirectional(layers.GRU(2))], [1, 4, 3]),
        ([layers.Input((4, 3), batch_size=7), layers.LSTM(2)], [7, 4, 3]),
    ],
)
def test_only_recurrent_models_get_a_batch_of_1(
    model: list[tf_keras.layers.Layer], shape: list[int | None], tmp_path: Path
) -> None:
    built = tf_keras.Sequential([*model, layers.Dense(2)])
    [taken] = signature(write_graph(built, tmp_path / "graph")).structured_input_signature[1].values()
    assert taken.shape.as_list() == shape


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    joined = layers.Concatenate()([a, b])
    model = tf_keras.Model([a, b], [layers.Dense(4, name="c")(joined), layers.Dense(1, name="d")(joined)])
    read = signature(write_graph(model, tmp_path / "graph"))
    assert set(read.structured_input_signature[1]) == {"a", "b"}
    assert {name: given.shape[1] for name, given in read.structured_outputs.items()} == {"c": 4, "d": 1}


def test_the_input_is_called_as_in_the_tflite_file(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((3,), name="image"), layers.Dense(2)])
    graph = write_graph(model, tmp_path / "graph")
    content = tf.lite.TFLiteConverter.from_saved_model(str(graph)).convert()
    [taken] = tf.lite.Interpreter(model_content=content).get_input_details()
    assert taken["name"] == input_name(model) == "serving_default_image:0"


def test_samples_are_put_into_the_batches_that_the_graph_takes() -> None:
    samples = np.arange(10, dtype=np.float32).reshape(5, 2)
    one = tf_keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    assert in_batches(one, samples).tolist() == [[[0, 1]], [[2, 3]], [[4, 5]], [[6, 7]], [[8, 9]]]
    two = tf_keras.Sequential([layers.Input((2,), batch_size=2), layers.Dense(1)])
    assert in_batches(two, samples).tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [0, 1]]]
    many = tf_keras.Sequential([layers.Input((2,), batch_size=12), layers.Dense(1)])
    assert in_batches(many, samples).shape == (1, 12, 2)
    whole = tf_keras.Sequential([layers.Input((2,), dtype="int32"), layers.Embedding(10, 2)])
    assert in_batches(whole, samples).dtype == np.int32


def test_inference_is_called_and_saved_without_keras(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    samples = tf.constant(np.arange(12, dtype=np.float32).reshape(3, 4))

    inference = Inference(model)
    tf.saved_model.save(inference, str(tmp_path / "saved"))
    loaded = tf.saved_model.load(str(tmp_path / "saved"))

    wanted = samples @ model.layers[-1].kernel
    np.testing.assert_allclose(inference(samples), wanted, rtol=1e-6)
    np.testing.assert_allclose(loaded(samples), wanted, rtol=1e-6)
    assert not [name for name in dir(loaded) if "layer" in name]
