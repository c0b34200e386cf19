import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.convert import convert
from runner.export.interpreter import Program, TFLiteRunError, latency_ms, predict

layers = tf_keras.layers
X = np.random.default_rng(7).normal(size=(11, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential(
        [layers.Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]
    )


@pytest.fixture(scope="module")
def path(model: tf_keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(model, "float32", tmp_path_factory.mktemp("interpreter") / "m.tflite")


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
def test_outputs_are_keras_in_every_batch_size(model: tf_keras.Model, path: Path, batch_size: int) -> None:
    outputs = predict(path, X, batch_size)
    assert outputs.shape == (11, 3)
    np.testing.assert_allclose(outputs, model(X).numpy(), rtol=1e-5, atol=1e-6)


def test_doubles_are_taken_as_the_file_wants_them(model: tf_keras.Model, path: Path) -> None:
    np.testing.assert_array_equal(predict(path, X.astype(np.float64)), predict(path, X))


def test_a_fixed_batch_is_filled_up(tmp_path: Path) -> None:
    tf_keras.utils.set_random_seed(2)
    model = tf_keras.Sequential([layers.Input((6,), batch_size=4), layers.Dense(3)])
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert Program(path).input_shape == (4, 6)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(predict(path, X, batch_size=64), X @ kernel + bias, rtol=1e-4, atol=1e-5)
    assert latency_ms(path, X, seconds=0.05) > 0


def test_integer_inputs_and_outputs_are_real_numbers_outside(model: tf_keras.Model, tmp_path: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in X)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path / "int8.tflite"
    path.write_bytes(converter.convert())
    outputs = predict(path, X)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, model(X).numpy(), atol=0.03)


def test_samples_of_another_shape_are_refused(path: Path) -> None:
    with pytest.raises(TFLiteRunError, match=r"takes \[any, 6\], batch first; the samples are \[11, 5\]"):
        predict(path, X[:, :5])
    with pytest.raises(TFLiteRunError, match=r"the samples are \[0, 6\]"):
        predict(path, X[:0])


def test_two_inputs_are_refused_by_name(tmp_path: Path) -> None:
    a, b = layers.Input((2,), name="left"), layers.Input((2,), name="right")
    path = convert(tf_keras.Model([a, b], layers.Add()([a, b])), "float32", tmp_path / "m.tflite")
    with pytest.raises(TFLiteRunError, match=r"has 2 inputs.*left.*and 1 outputs"):
        Program(path)


def test_a_damaged_file_is_an_error_not_a_crash(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TFLiteRunError, match=r"cut\.tflite: is a damaged TFLite file"):
        predict(cut, X)
    with pytest.raises(TFLiteRunError, match="cannot be read"):
        latency_ms(tmp_path / "none.tflite", X)


def test_a_file_that_loads_but_cannot_run_says_why(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32)])
    def pick(x: tf.Tensor) -> tf.Tensor:
        return tf.gather(x, tf.cast(x[:, 0], tf.int32) + 1000)

    path = tmp_path / "m.tflite"
    path.write_bytes(
        tf.lite.TFLiteConverter.from_concrete_functions([pick.get_concrete_function()]).convert()
    )
    with pytest.raises(TFLiteRunError, match=r"loads but does not run: .*GATHER"):
        predict(path, X)


def test_an_output_without_a_row_per_sample_is_refused(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32)])
    def total(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x, axis=0)

    path = tmp_path / "m.tflite"
    path.write_bytes(
        tf.lite.TFLiteConverter.from_concrete_functions([total.get_concrete_function()]).convert()
    )
    with pytest.raises(TFLiteRunError, match=r"gives an output of \[6\] for 11 samples"):
        predict(path, X)


def test_latency_is_a_bounded_median(path: Path) -> None:
    start = time.perf_counter()
    milliseconds = latency_ms(path, X, seconds=0.2)
    assert time.perf_counter() - start < 2
    assert 0 < milliseconds < 200
