"""Saves models so that equal models are equal files, byte by byte."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import tf_keras

_DATE, _WRITTEN_DATE = (1980, 1, 1, 0, 0, 0), "1980-01-01@00:00:00"
"""The earliest that a zip archive knows."""


def save_model(model: tf_keras.Model, path: Path) -> None:
    """Saves a model in Keras's own format, without the time of saving.

    tf-keras writes it into `metadata.json` and the archive into each entry, so that equal models would
    differ, and their sizes after gzip.

    Args:
        model: Built.
        path: The file, which ends in `.keras`.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        dated, undated = Path(folder) / "dated.keras", Path(folder) / "undated.keras"
        model.save(dated)
        with zipfile.ZipFile(dated) as source, zipfile.ZipFile(undated, "w") as target:
            for entry in source.infolist():
                _copy(source, target, entry)
        undated.replace(path)


def _copy(source: zipfile.ZipFile, target: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    copied = zipfile.ZipInfo(entry.filename, _DATE)
    copied.compress_type, copied.external_attr = entry.compress_type, entry.external_attr
    if entry.filename == "metadata.json":
        metadata = json.loads(source.read(entry))
        target.writestr(copied, json.dumps({**metadata, "date_saved": _WRITTEN_DATE}))
        return
    copied.file_size = entry.file_size  # Says whether the archive needs large sizes.
    with source.open(entry) as content, target.open(copied, "w") as copy:
        shutil.copyfileobj(content, copy, 1 << 20)
