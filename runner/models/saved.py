"""Models from files: `.keras` and `.h5`, as tf-keras saves them."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import tf_keras

from runner.errors import UserError


def load_saved_model(path: Path) -> tf_keras.Model:
    """Loads a saved model with its weights, uncompiled, running no code that the file may hold.

    Args:
        path: A `.keras` or `.h5` file.

    Raises:
        UserError: The file is missing, damaged, of another format or Keras 3's, holds only weights, or needs
            code that is not there.
    """
    where = f"recipe.model.path: {path}"
    config, version = _read_config(path, where)
    if not version.startswith(("1.", "2.")):
        raise UserError(
            f"{where}: saved by Keras {version}, which is Keras 3; this runner works with tf-keras, which is"
            " Keras 2. Build the model once more with tf_keras, copy the weights"
            " (new.set_weights(old.get_weights())) and save that; or train with TF_USE_LEGACY_KERAS=1 set."
        )
    if _mentions_lambda(config):
        raise UserError(
            f"{where}: the model has a Lambda layer, whose Python code comes with the file and is not run."
            " Replace it by a layer of tf_keras, or build the model in a plugin (`plugins: [my_module]`)."
        )
    try:
        return tf_keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RuntimeError) as error:
        raise UserError(f"{where}: tf-keras cannot load it: {_reason(error)}") from error


def _read_config(path: Path, where: str) -> tuple[Any, str]:
    """Returns the architecture and the version of Keras that saved it."""
    if not path.exists():
        raise UserError(f"{where}: there is no such file")
    if path.is_dir():
        raise UserError(f"{where}: this is a folder (a SavedModel?). Save the model as one file, model.keras")
    try:
        if zipfile.is_zipfile(path):
            if path.suffix != ".keras":
                raise UserError(f"{where}: Keras's own format needs a name that ends in .keras")
            with zipfile.ZipFile(path) as archive:
                config, metadata = (
                    json.loads(archive.read(f"{name}.json")) for name in ("config", "metadata")
                )
            return config, str(metadata["keras_version"])
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                if "model_config" not in file.attrs:
                    raise UserError(f"{where}: only weights are in it. Save the whole model: model.save(...)")
                # Files older than Keras 2.0 carry no version.
                return json.loads(file.attrs["model_config"]), str(file.attrs.get("keras_version", "1."))
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{where}: no Keras model, or a damaged one ({error})") from error
    raise UserError(f"{where}: neither a .keras nor an .h5 file by its content. Is it damaged or cut off?")


def _mentions_lambda(config: Any) -> bool:
    """Whether a layer's Python code is in the file: tf-keras runs it from .h5 files even in its safe mode."""
    if isinstance(config, dict):
        return config.get("class_name") == "Lambda" or any(map(_mentions_lambda, config.values()))
    return isinstance(config, list) and any(map(_mentions_lambda, config))


def _reason(error: Exception) -> str:
    text = str(error)
    if "PruneLowMagnitude" in text:
        return "it is still wrapped for pruning by TFMOT. Call strip_pruning and save the result."
    if "nknown layer" in text or "custom class" in text:
        return f"{text.splitlines()[0]} A module named in `plugins` can register the class."
    return text.splitlines()[0] if text else type(error).__name__
