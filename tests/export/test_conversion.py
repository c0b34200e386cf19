from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.interpreter import Program
from runner.export.variants import VARIANTS
from runner.process.errors import UserError
from runner.tflite.flatbuffer import read_constants
from tests.tflite_files import convert, predict

layers = tf_keras.layers


def small() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(3)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_the_file_is_where_it_was_asked_for(tmp_path: Path) -> None:
    path = convert(small(), "float32", tmp_path / "m.tflite")
    assert path == tmp_path / "m.tflite"
    assert path.read_bytes()[4:8] == b"TFL3"


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = small()
    first = convert(model, "float32", tmp_path / "a.tflite").read_bytes()
    assert convert(model, "float32", tmp_path / "b.tflite").read_bytes() == first


def test_the_file_is_the_one_that_tensorflow_makes_of_a_keras_model(tmp_path: Path) -> None:
    model = small()
    own = convert(model, "float32", tmp_path / "m.tflite")
    (tmp_path / "keras.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    described, constants = [], []
    for path in (own, tmp_path / "keras.tflite"):
        interpreter = tf.lite.Interpreter(str(path))
        ends = interpreter.get_input_details() + interpreter.get_output_details()
        operators = [operator["op_name"] for operator in interpreter._get_ops_details()]
        shapes = [(end["name"], end["shape_signature"].tolist()) for end in ends]
        described.append((interpreter.get_signature_list(), shapes, operators))
        constants.append({c.name: c.values for c in read_constants(path)})
    assert described[0] == described[1]
    assert described[0][0] == {
        "serving_default": {"inputs": model.input_names, "outputs": model.output_names}
    }
    assert constants[0].keys() == constants[1].keys()
    for name, values in constants[0].items():
        np.testing.assert_array_equal(values, constants[1][name])


def test_several_inputs_and_outputs_are_converted(tmp_path: Path) -> None:
    first, second = layers.Input((3,), name="first"), layers.Input((2,), name="second")
    joined = layers.Concatenate()([first, second])
    model = tf_keras.Model(
        [first, second], [layers.Dense(4, name="a")(joined), layers.Dense(1, name="b")(joined)]
    )
    interpreter = tf.lite.Interpreter(str(convert(model, "float32", tmp_path / "m.tflite")))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["first", "second"], "outputs": ["a", "b"]}
    }


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    before = model.get_weights()
    convert(model, "float32", tmp_path / "m.tflite")
    for weight, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)
    assert model.optimizer is not None


def test_open_batch_and_open_height_stay_open(tmp_path: Path) -> None:
    model = tf_keras.Sequential(
        [
            layers.Input((None, 128, 2)),
            layers.Conv2D(16, (1, 8), strides=(1, 2), padding="same"),
            layers.Conv2D(16, (1, 8), strides=(1, 2), padding="same"),
        ]
    )
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert Program(path).input_shape == (None, None, 128, 2)
    x = np.random.default_rng(0).normal(size=(3, 5, 128, 2)).astype(np.float32)
    outputs = predict(path, x, batch_size=2)
    assert outputs.shape == (3, 5, 32, 16)
    np.testing.assert_allclose(outputs, model(x).numpy(), rtol=1e-4, atol=1e-5)


def test_a_refusal_writes_no_file(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((3, 3)), layers.Lambda(tf.linalg.inv)], name="inverse")
    with pytest.raises(Exception, match="neither a custom op nor a flex op"):
        convert(model, "float32", tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "layer", [lambda: layers.LSTM(5), lambda: layers.GRU(5), lambda: layers.Bidirectional(layers.LSTM(3))]
)
def test_recurrent_models_run_sample_by_sample(tmp_path: Path, layer: Callable[[], Any]) -> None:
    model = tf_keras.Sequential([layers.Input((6, 3)), layer(), layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(9, 6, 3)).astype(np.float32)
    path = convert(model, "float32", tmp_path / "m.tflite")
    # No state is carried from one sample to the next.
    np.testing.assert_allclose(predict(path, x), model.predict(x, verbose=0), atol=1e-5)


def test_an_unknown_variant_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'float32'"):
        convert(small(), "float23", tmp_path / "m.tflite")


X = np.random.default_rng(1).normal(size=(40, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, model = tmp_path_factory.mktemp("variants"), small()
    return {name: convert(model, name, folder / f"{name}.tflite", X) for name in VARIANTS.names()}


@pytest.mark.parametrize(
    ("variant", "weights", "ends"),
    [
        ("float32", {"float32"}, "float32"),
        ("float32_sparse", {"float32"}, "float32"),
        ("float16", {"float16"}, "float32"),
        ("int8", {"int8"}, "int8"),
        ("int8_sparse", {"int8"}, "int8"),
    ],
)
def test_each_variant_stores_and_takes_what_it_says(
    variant: str, weights: set[str], ends: str, files: dict[str, Path]
) -> None:
    kernels = [c for c in read_constants(files[variant]) if c.shape in ((4, 3, 3, 1), (3, 144))]
    assert {c.dtype for c in kernels} == weights
    assert len(kernels) == 2
    interpreter = tf.lite.Interpreter(str(files[variant]))
    [taken], [given] = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"].__name__, given["dtype"].__name__) == (ends, ends)


def test_dynamic_range_rounds_what_is_large(tmp_path: Path) -> None:
    # TensorFlow leaves tensors of fewer than 1024 values as they are.
    model = tf_keras.Sequential([layers.Input((64,)), layers.Dense(32), layers.Dense(3)])
    constants = read_constants(convert(model, "dynamic_range", tmp_path / "m.tflite"))
    assert {c.shape: c.dtype for c in constants if len(c.shape) == 2} == {
        (32, 64): "int8",
        (3, 32): "float32",
    }


def test_int8_is_calibrated_on_the_samples_it_is_given(tmp_path: Path) -> None:
    def input_scale(samples: np.ndarray) -> float:
        interpreter = tf.lite.Interpreter(str(convert(small(), "int8", tmp_path / "m.tflite", samples)))
        return float(interpreter.get_input_details()[0]["quantization"][0])

    assert input_scale(X) == pytest.approx((X.max() - X.min()) / 255, rel=1e-3)
    assert input_scale(10 * X) == pytest.approx(10 * (X.max() - X.min()) / 255, rel=1e-3)


def test_a_fixed_batch_is_calibrated_in_batches(tmp_path: Path) -> None:
    tf_keras.utils.set_random_seed(2)
    model = tf_keras.Sequential([layers.Input((6,), batch_size=4), layers.Dense(3)])
    samples = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    path = convert(model, "int8", tmp_path / "m.tflite", samples)
    assert Program(path).input_shape == (4, 6)
    wanted = np.concatenate([model(samples[i : i + 4]).numpy() for i in (0, 4)])
    np.testing.assert_allclose(predict(path, samples[:8]), wanted, atol=0.05 * np.abs(wanted).max())


def test_an_lstm_is_quantized_at_batch_1(tmp_path: Path) -> None:
    tf_keras.utils.set_random_seed(2)
    model = tf_keras.Sequential([layers.Input((6, 3)), layers.LSTM(5), layers.Dense(2)])
    samples = np.random.default_rng(0).normal(size=(20, 6, 3)).astype(np.float32)
    path = convert(model, "int8", tmp_path / "m.tflite", samples)
    wanted = model.predict(samples, verbose=0)
    np.testing.assert_allclose(predict(path, samples), wanted, atol=0.1 * np.abs(wanted).max())
