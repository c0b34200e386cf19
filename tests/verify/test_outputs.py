from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.convert import convert
from runner.verify import check_outputs
from tests.verify.pruned_models import patch

layers = tf_keras.layers
X = np.random.default_rng(4).normal(size=(32, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(5)
    return tf_keras.Sequential([layers.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(3)])


@pytest.fixture(scope="module")
def path(model: tf_keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(model, "float32", tmp_path_factory.mktemp("outputs") / "m.tflite")


def test_a_faithful_file_agrees(model: tf_keras.Model, path: Path) -> None:
    assert check_outputs(model, path, X, 1e-3) is None


def test_a_changed_weight_shows_with_its_size(model: tf_keras.Model, path: Path, tmp_path: Path) -> None:
    kernel = model.layers[-1].kernel.numpy()
    wrong = patch(path, tmp_path / "wrong.tflite", (3, 8), (1, 2), kernel[2, 1] + 5)
    problem = check_outputs(model, wrong, X, 1e-3)
    assert problem is not None
    assert problem.startswith(f"{wrong}: outputs differ from the Keras model's on 3")
    assert "of 32 samples" in problem
    assert check_outputs(model, wrong, X, 100.0) is None


def test_nan_outputs_are_named(model: tf_keras.Model, path: Path, tmp_path: Path) -> None:
    wrong = patch(path, tmp_path / "wrong.tflite", (3, 8), (0, 0), float("nan"))
    problem = check_outputs(model, wrong, X, 1e-3)
    assert problem == f"{wrong}: 32 of its 96 outputs on 32 samples are NaN or infinite"


def test_a_file_that_does_not_run_is_a_problem(model: tf_keras.Model, path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(path.read_bytes()[:200])
    assert "is a damaged TFLite file" in (check_outputs(model, cut, X, 1e-3) or "")


def test_outputs_of_another_shape_are_a_problem(model: tf_keras.Model, tmp_path: Path) -> None:
    other = tf_keras.Sequential([layers.Input((6,)), layers.Dense(2)])
    path = convert(other, "float32", tmp_path / "m.tflite")
    assert check_outputs(model, path, X, 1e-3) == (
        f"{path}: gives outputs of the shape (32, 2), the Keras model (32, 3)"
    )


def test_small_outputs_are_compared_with_their_own_size(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((6,)), layers.Dense(2, name="d")])
    kernel = np.full((6, 2), 1e-6, np.float32)
    model.get_layer("d").set_weights([kernel, np.zeros(2)])
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert check_outputs(model, path, X, 1e-3) is None
    model.get_layer("d").set_weights([1.01 * kernel, np.zeros(2)])
    assert "outputs differ" in (check_outputs(model, path, X, 1e-3) or "")


def test_a_model_of_zeros_agrees_with_itself(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((6,)), layers.Dense(2, kernel_initializer="zeros")])
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert check_outputs(model, path, X, 1e-3) is None
    assert tf.reduce_max(tf.abs(model(X))) == 0
