"""Opens a TFLite file, and says what a file is that is none."""

from pathlib import Path

from runner.process.errors import UserError, did_you_mean
from runner.tflite.constant import StoredConstant
from runner.tflite.flatbuffer import TFLiteFileError, read_constants

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF"


def open_file(path: Path) -> list[StoredConstant]:
    """Reads the constants of a TFLite file.

    Args:
        path: The file.

    Raises:
        UserError: There is no such file, or it is another kind of file, or damaged.
    """
    if path.is_dir():
        saved = (path / "saved_model.pb").is_file()
        raise UserError(
            f"{path}: is a folder{', a SavedModel: convert it first' if saved else ''}; name a TFLite file"
        )
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except FileNotFoundError as error:
        beside = [str(one) for one in path.parent.glob("*.tflite")]
        raise UserError(f"{path}: there is no such file.{did_you_mean(str(path), beside)}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not begins:
        raise TFLiteFileError(f"{path}: is empty, no TFLite file")
    if begins == _ZIP:
        raise TFLiteFileError(
            f"{path}: is a zip archive, no TFLite file; a Keras model is to be converted first"
        )
    if begins == _HDF5:
        raise TFLiteFileError(
            f"{path}: is an HDF5 file, no TFLite file; a Keras model is to be converted first"
        )
    return read_constants(path)
