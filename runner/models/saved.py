"""Loads models from `.keras` and `.h5` files of tf-keras."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import tf_keras

from runner.models.bounds import loading_limited
from runner.models.config_check import check_config, parse_config, without_compilation
from runner.models.containers import (
    CONFIG,
    DAMAGE,
    METADATA,
    WEIGHTS,
    check_archive,
    check_hdf5,
    container_kind,
    has_assets,
    most_bytes,
    read_member,
    rewrite_archive,
)
from runner.models.refused import ModelRefused, ModelTooLarge, quoted
from runner.process.errors import RunFailed, UserError

_WAY_OUT = (
    "build the model in a plugin or name it in recipe.model.name, and give this file as recipe.model.weights,"
    " which reads its weights and nothing else"
)


def load_saved_model(path: Path) -> tf_keras.Model:
    """Loads a saved model with its weights, uncompiled, without running code that the file may hold or name.

    A `.keras` file is not read again by tf-keras, so that what is loaded is what was checked.

    Args:
        path: A `.keras` or `.h5` file.

    Raises:
        UserError: The file is missing, damaged, of another format or of Keras 3, holds only weights, names
            something that is not known to be harmless, or claims a wrong size.
    """
    where = f"recipe.model.path: {path}"
    folder_hint = " (a SavedModel?). Save the model as one file, model.keras"
    with _reading(where):
        kind = container_kind(path, where, instead_of_folder=folder_hint)
    if kind == "zip" and path.suffix != ".keras":
        raise UserError(f"{where}: Keras's own format needs a name that ends in .keras")
    try:
        with tempfile.TemporaryDirectory(prefix="runner-model-") as folder:
            return _load_archive(path, Path(folder), where) if kind == "zip" else _load_hdf5(path, where)
    except ModelTooLarge as refused:
        raise UserError(f"{where}: {refused}. {_WAY_OUT[0].upper()}{_WAY_OUT[1:]}.") from refused
    except ModelRefused as refused:
        raise UserError(f"{where}: {refused}. Keras writes no such file; nothing of it is read.") from refused


def reload_model(path: Path, saved: tf_keras.Model) -> tf_keras.Model:
    """Loads a model that this process has just saved, whose layers are trusted.

    Args:
        path: A `.keras` file.
        saved: The saved model; its layers may have classes that no module registers.

    Raises:
        RunFailed: tf-keras cannot load it.
    """
    classes = {type(layer) for layer in saved._flatten_layers()}
    own = {kind.__name__: kind for kind in classes if kind.__module__.split(".")[0] != "tf_keras"}
    try:
        with (
            tf_keras.utils.custom_object_scope(own),
            zipfile.ZipFile(path) as archive,
            tempfile.TemporaryDirectory(prefix="runner-model-") as folder,
        ):
            config = without_compilation(json.loads(archive.read(CONFIG)))
            return _build(archive, config, Path(archive.extract(WEIGHTS, folder)), safe_mode=False)
    except Exception as error:  # Whatever tf-keras raises: see `_loading`.
        raise RunFailed(f"{path}: tf-keras cannot load what it saved: {_reason(error)}") from error


def _load_archive(path: Path, folder: Path, where: str) -> tf_keras.Model:
    with _reading(where), zipfile.ZipFile(path) as archive:
        most = most_bytes(path)
        check_archive(archive, most)
        _check_version(str(parse_config(read_member(archive, METADATA))["keras_version"]), where)
        config = without_compilation(parse_config(read_member(archive, CONFIG)))
        calls = _vet(config, where)
        weights = Path(archive.extract(WEIGHTS, folder))
        with h5py.File(weights, "r") as file:
            numbers = check_hdf5(file, most)
        with _loading(where), loading_limited(numbers, calls):
            return _build(archive, config, weights, safe_mode=True)


def _load_hdf5(path: Path, where: str) -> tf_keras.Model:
    with _reading(where), h5py.File(path, "r") as file:
        numbers = check_hdf5(file, most_bytes(path))
        if "model_config" not in file.attrs:
            raise UserError(
                f"{where}: only weights are in it. Save the whole model, model.save(...), or name the"
                " model in recipe.model.name and give the file as recipe.model.weights."
            )
        # Files older than Keras 2.0 carry no version.
        _check_version(str(file.attrs.get("keras_version", "1.")), where)
        calls = _vet(parse_config(file.attrs["model_config"]), where)
        with _loading(where), loading_limited(numbers, calls):
            return tf_keras.models.load_model(file, compile=False)


def _build(archive: zipfile.ZipFile, config: Any, weights: Path, *, safe_mode: bool) -> tf_keras.Model:
    """Loads a model as `load_model` does, but faster: ResNet50 in one second in place of ten.

    `load_model` seeks backwards in the archive, and each time reads all from the beginning.
    """
    if has_assets(archive):
        checked = weights.with_name("checked.keras")
        rewrite_archive(archive, json.dumps(config).encode(), checked)
        return tf_keras.models.load_model(checked, compile=False, safe_mode=safe_mode)
    model = tf_keras.saving.deserialize_keras_object(config, safe_mode=safe_mode)
    model.load_weights(weights)
    return model


def _check_version(version: str, where: str) -> None:
    if not version.startswith(("1.", "2.")):
        raise UserError(
            f"{where}: saved by Keras {quoted(version)[1:-1]}, which is Keras 3; this runner works with"
            " tf-keras, which is Keras 2. Build the model in a plugin or name it in recipe.model.name, and"
            " give this file as recipe.model.weights, which reads the weights of both; or train with"
            " TF_USE_LEGACY_KERAS=1 set."
        )


def _vet(config: Any, where: str) -> int:
    """Refuses a configuration that may run code, with a message how the file can be used all the same."""
    try:
        return check_config(config)
    except ModelRefused as refused:
        text = str(refused)
        if "'PruneLowMagnitude'" in text or "'TFMOT>PruneLowMagnitude'" in text:
            text = "it is still wrapped for pruning by TFMOT. Call strip_pruning and save the result"
        elif text.endswith("has registered it"):
            text = f"{text}. Register it in such a module; or {_WAY_OUT}"
        else:
            text = f"{text}. {_WAY_OUT[0].upper()}{_WAY_OUT[1:]}"
        raise UserError(f"{where}: {text}.") from refused


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Reports a file that cannot be read as damaged."""
    try:
        yield
    except DAMAGE as error:
        raise UserError(f"{where}: no Keras model, or a damaged one ({_reason(error)})") from error


@contextmanager
def _loading(where: str) -> Iterator[None]:
    """Reports why tf-keras cannot build a model; a configuration can make it raise any error."""
    try:
        yield
    except ModelRefused as refused:
        # From a layer's call tf-keras raises it again, with the call's arguments in the message.
        raise type(refused)(_reason(refused)) from refused
    except MemoryError as error:
        problem = "building it takes more memory than a model of its size should, or than there is"
        raise ModelTooLarge(f"{problem} ({_reason(error)})") from error
    except Exception as error:
        raise UserError(f"{where}: tf-keras cannot load it: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Returns the line of an error that says what is wrong; tf-keras adds whole configurations."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith("Exception encountered: ")]
    if marked:
        line = marked[-1].removeprefix("Exception encountered: ")
    else:
        in_call = len(lines) > 1 and lines[0].startswith("Exception encountered when calling layer")
        line = lines[int(in_call)] if lines else type(error).__name__
    return quoted(line, 300)[1:-1]
