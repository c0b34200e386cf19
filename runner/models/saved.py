"""Models from files: `.keras` and `.h5`, as tf-keras saves them."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import tf_keras

from runner.errors import RunFailed, UserError
from runner.models.foreign import foreign_kind

_LOADING_ERRORS = (
    zipfile.BadZipFile,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
    RuntimeError,
)


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
        return _load(path, safe_mode=True)
    except _LOADING_ERRORS as error:
        raise UserError(f"{where}: tf-keras cannot load it: {_reason(error)}") from error


def reload_model(path: Path, saved: tf_keras.Model) -> tf_keras.Model:
    """Loads a model that this process has just saved; the code of its layers is known here, and trusted.

    Args:
        path: A `.keras` file.
        saved: The model that was saved in it, whose layers may be of classes that no module registers.

    Raises:
        RunFailed: tf-keras cannot load it.
    """
    classes = {type(layer) for layer in saved._flatten_layers()}
    own = {kind.__name__: kind for kind in classes if kind.__module__.split(".")[0] != "tf_keras"}
    try:
        with tf_keras.utils.custom_object_scope(own):
            return _load(path, safe_mode=False)
    except _LOADING_ERRORS as error:
        raise RunFailed(f"{path}: tf-keras cannot load what it saved: {_reason(error)}") from error


def _load(path: Path, *, safe_mode: bool) -> tf_keras.Model:
    """Loads a model as `load_model` does, which on its way through a `.keras` file reads it again and again.

    In an archive each seek backwards reads all from the beginning; ResNet50 takes ten seconds so, here one.
    """
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            # What else there may be, such as vocabularies, is left to `load_model`.
            if set(archive.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}:
                described = {**json.loads(archive.read("config.json")), "compile_config": None}
                model = tf_keras.saving.deserialize_keras_object(described, safe_mode=safe_mode)
                model.load_weights(archive.extract("model.weights.h5", folder))
                return model
    return tf_keras.models.load_model(path, compile=False, safe_mode=safe_mode)


def _read_config(path: Path, where: str) -> tuple[Any, str]:
    """Returns the architecture and the version of Keras that saved it."""
    if not path.exists():
        raise UserError(f"{where}: there is no such file")
    if path.is_dir():
        raise UserError(f"{where}: this is a folder (a SavedModel?). Save the model as one file, model.keras")
    try:
        if kind := foreign_kind(path):
            raise UserError(f"{where}: this is {kind}")
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
                    raise UserError(
                        f"{where}: only weights are in it. Save the whole model, model.save(...), or name the"
                        " model in recipe.model.name and give the file as recipe.model.weights."
                    )
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
