from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.errors import RunFailed, UserError
from runner.export.convert import ConversionFailed, convert
from runner.export.interpreter import Program, predict

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


def test_conversion_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = small()
    capfd.readouterr()
    path = convert(model, "float32", tmp_path / "m.tflite")
    predict(path, np.zeros((2, 8, 8, 1), np.float32))
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    assert path == tmp_path / "m.tflite"
    assert path.read_bytes()[4:8] == b"TFL3"


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = small()
    first = convert(model, "float32", tmp_path / "a.tflite").read_bytes()
    assert convert(model, "float32", tmp_path / "b.tflite").read_bytes() == first


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


def test_a_refusal_holds_the_converters_words_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = tf_keras.Sequential([layers.Input((3, 3)), layers.Lambda(tf.linalg.inv)], name="inverse")
    with pytest.raises(ConversionFailed) as caught:
        convert(model, "float32", tmp_path / "m.tflite")
    message = str(caught.value)
    assert message.startswith("TensorFlow cannot convert the model 'inverse' to a float32 TFLite file:")
    assert message.count("neither a custom op nor a flex op") == 1
    assert "note: called from" not in message
    assert isinstance(caught.value, RunFailed)
    assert not (tmp_path / "m.tflite").exists()
    assert capfd.readouterr().err == ""


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
