import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.export.convert import convert
from runner.export.measure import Exported, gzip_bytes, measure

layers = tf_keras.layers
KERNEL = np.array([[3.0, 0.0], [0.0, 2.0]], np.float32)
X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 2.0]], np.float32)  # outputs [3a, 2b]


def accuracy(y: np.ndarray, outputs: np.ndarray) -> Mapping[str, float]:
    return {"accuracy": float((outputs.argmax(axis=1) == y).mean()), "loss": float(outputs.sum())}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tf_keras.Sequential([layers.Input((2,)), layers.Dense(2, use_bias=False, name="d")])
    model.get_layer("d").set_weights([KERNEL])
    return convert(model, "float32", tmp_path_factory.mktemp("measure") / "m.tflite")


def test_a_good_file_is_scored_timed_and_sized(path: Path) -> None:
    found = measure(path, "float32", X, np.array([0, 1, 0, 0]), accuracy)
    assert (found.variant, found.path, found.loads, found.error) == ("float32", path, True, None)
    assert found.accuracy == 0.75
    assert found.loss == 3 * 4 + 2 * 4
    assert found.bytes == len(path.read_bytes())
    assert found.gzip_bytes == len(gzip.compress(path.read_bytes(), 6)) == gzip_bytes(path)
    assert found.latency_ms is not None
    assert found.latency_ms > 0


def test_a_regression_has_no_accuracy(path: Path) -> None:
    def squares(y: np.ndarray, outputs: np.ndarray) -> Mapping[str, float]:
        return {"loss": float(((y - outputs) ** 2).mean())}

    found = measure(path, "float32", X, X @ KERNEL, squares, batch_size=3)
    assert (found.accuracy, found.loss) == (None, 0.0)


def test_a_file_that_does_not_load_is_a_row(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(path.read_bytes()[:300])
    found = measure(cut, "float32", X, np.zeros(4), accuracy)
    assert (found.loads, found.accuracy, found.loss, found.latency_ms) == (False, None, None, None)
    assert found.bytes == 300
    assert found.error is not None
    assert "cut.tflite: is a damaged TFLite file" in found.error


def test_loading_and_an_error_exclude_each_other(path: Path) -> None:
    with pytest.raises(ValueError, match="loads is True"):
        Exported("float32", path, 1, 1, loads=True, error="broken")
    with pytest.raises(ValueError, match="loads is False"):
        Exported("float32", path, 1, 1, loads=False)
