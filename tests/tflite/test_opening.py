import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import tf_keras

from runner.process.errors import UserError
from runner.tflite.opening import open_file


def told(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_a_misspelled_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").touch()
    assert (
        told(tmp_path / "modle.tflite") == f"there is no such file. Did you mean '{tmp_path}/model.tflite'?"
    )
    assert told(tmp_path / "nowhere" / "a.tflite") == "there is no such file."


def test_an_empty_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").touch()
    assert told(tmp_path / "m.tflite") == "is empty, no TFLite file"
    assert told(tmp_path) == "is a folder; name a TFLite file"
    (tmp_path / "saved_model.pb").touch()
    assert told(tmp_path) == "is a folder, a SavedModel: convert it first; name a TFLite file"


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize(("suffix", "kind"), [(".keras", "a zip archive"), (".h5", "an HDF5 file")])
def test_keras_files(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"m{suffix}"
    tf_keras.Sequential([tf_keras.layers.Input((2,)), tf_keras.layers.Dense(1)]).save(path)
    assert told(path) == f"is {kind}, no TFLite file; a Keras model is to be converted first"


def test_random_bytes_and_another_flatbuffer(tmp_path: Path, files: Mapping[str, Path]) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(random.Random(0).randbytes(5000))
    assert "is no TFLite file: its bytes 4 to 8 are" in told(path)
    content = bytearray(files["float32"].read_bytes())
    content[4:8] = b"ARRO"
    path.write_bytes(content)
    assert told(path) == "is no TFLite file: its bytes 4 to 8 are b'ARRO', not b'TFL3'"


@pytest.mark.parametrize("name", ["float32", "int8_sparse", "lstm"])
def test_a_file_that_lost_its_end_is_damaged(name: str, tmp_path: Path, files: Mapping[str, Path]) -> None:
    whole, path = files[name].read_bytes(), tmp_path / "m.tflite"
    for length in (8, 16, 100, len(whole) // 2, len(whole) - 200, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "is a damaged TFLite file" in told(path)
