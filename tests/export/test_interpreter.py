import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.interpreter import Program, TFLiteRunError, run_file, time_file
from tests.tflite_files import convert, predict

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
    assert Program(path).times(X, seconds=0.05)


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
    with pytest.raises(TFLiteRunError, match="there is no such file"):
        Program(tmp_path / "none.tflite")


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


class Signs:
    """Counts the signs of life."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def test_a_file_is_run_from_file_to_file(path: Path, samples: Path, tmp_path: Path) -> None:
    signs = Signs()
    assert run_file(path, samples, tmp_path / "y.npy", 4, True, alive=signs) == 0.0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), predict(path, X, 4))
    assert signs.count == 3


def test_the_step_of_integer_outputs_is_told(model: tf_keras.Model, samples: Path, tmp_path: Path) -> None:
    path = convert(model, "int8", tmp_path / "int8.tflite", X)
    # Softmax has the steps of 1/256 by TFLite's specification.
    assert run_file(path, samples, tmp_path / "y.npy", 4, True) == 1 / 256
    outputs = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(256 * outputs, np.rint(256 * outputs))


def test_xnnpack_can_be_left_out(path: Path, samples: Path, tmp_path: Path) -> None:
    run_file(path, samples, tmp_path / "y.npy", 4, False)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), predict(path, X), rtol=1e-5, atol=1e-6)

    def operators(*, delegate: bool) -> set[str]:
        program = Program(path, delegate=delegate)
        return {operator["op_name"] for operator in program._interpreter._get_ops_details()}

    assert "DELEGATE" in operators(delegate=True)
    assert "DELEGATE" not in operators(delegate=False)


def test_times_are_those_of_single_runs_and_bounded(path: Path, samples: Path) -> None:
    signs, start = Signs(), time.perf_counter()
    times = time_file(path, samples, 0.5, alive=signs)
    assert time.perf_counter() - start < 5
    assert 3 <= len(times) <= 200
    assert all(0 < seconds < 0.5 for seconds in times)
    assert signs.count >= len(times)
