import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.models.saved import load_saved_model
from runner.models.saving import save_model

SCRIPT = """
import pathlib, sys
import tf_keras
from runner.models.saving import save_model
tf_keras.utils.set_random_seed(1)
model = tf_keras.Sequential([
    tf_keras.layers.Input((4, 4, 1), name="in"),
    tf_keras.layers.Conv2D(2, 3, name="conv"),
    tf_keras.layers.BatchNormalization(name="norm"),
    tf_keras.layers.Flatten(name="flat"),
    tf_keras.layers.Dense(3, name="out"),
], name="m")
save_model(model, pathlib.Path(sys.argv[1]) / "model.keras")
model.save_weights(pathlib.Path(sys.argv[1]) / "dense.weights.h5")
"""


def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3, name="out")])


def test_two_processes_at_two_times_write_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:  # One after the other, seconds apart.
        folder.mkdir()
        subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=True, timeout=200)
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert sorted(first) == ["dense.weights.h5", "model.keras"]
    assert first == second
    with zipfile.ZipFile(folders[0] / "model.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json"))["date_saved"] == "1980-01-01@00:00:00"


@pytest.mark.parametrize("load", [load_saved_model, tf_keras.models.load_model])
def test_it_loads_as_any_other(tmp_path: Path, load: object) -> None:
    saved = model()
    save_model(saved, tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras")  # type: ignore[operator]
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_array_equal(loaded(x), saved(x))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_what_else_a_model_brings_is_kept(tmp_path: Path) -> None:
    words = tf_keras.layers.TextVectorization(vocabulary=["ski", "snow"], output_sequence_length=2)
    saved = tf_keras.Sequential([tf_keras.layers.Input((1,), dtype="string"), words])
    saved.save(tmp_path / "dated.keras")
    save_model(saved, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "dated.keras") as dated, zipfile.ZipFile(tmp_path / "model.keras") as own:
        assert own.namelist() == dated.namelist()
        assert own.testzip() is None
        for name in set(own.namelist()) - {"metadata.json"}:
            assert own.read(name) == dated.read(name)
