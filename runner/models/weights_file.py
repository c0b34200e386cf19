"""Reads weights from files of Keras 3 and tf-keras, without running code that they may hold."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from runner.models.containers import (
    CONFIG,
    DAMAGE,
    WEIGHTS,
    check_archive,
    check_hdf5,
    container_kind,
    most_bytes,
    read_member,
)
from runner.models.naming import class_names
from runner.models.refused import ModelRefused
from runner.process.errors import UserError

Array: TypeAlias = npt.NDArray[Any]

# Entries beside the layers: the optimizer's state, metrics, and the seeds of random layers.
_NO_WEIGHTS = (
    "optimizer",
    "metrics",
    "compile_metrics",
    "loss_tracker",
    "seed_generator",
    "random_generator",
)
_LAYERS = ("layers", "_layer_checkpoint_dependencies")


@dataclass
class StoredObject:
    """One object of a `.weights.h5` or `.keras` file, which mirrors the objects of the model.

    Args:
        name: The layer's name, where the file has it.
        variables: Its own variables by key, `"0"`, `"1"`, ...
        parts: The objects it holds, by attribute or, in a list, by class.
    """

    name: str | None = None
    variables: dict[str, Array] = field(default_factory=dict)
    parts: dict[str, "StoredObject"] = field(default_factory=dict)

    @property
    def layers(self) -> dict[str, "StoredObject"]:
        """A model's layers, by their keys derived from classes."""
        return next((self.parts[key].parts for key in _LAYERS if key in self.parts), {})

    def tensors(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Array]]]:
        """Lists the objects with variables, this one first, each with its path."""
        if self.variables:
            yield path, self.variables
        for key, part in self.parts.items():
            yield from part.tensors((*path, key))


@dataclass(frozen=True)
class NamedTensor:
    """A tensor of an `.h5` file: its name, such as `bi/forward_lstm/lstm_cell/kernel`, and its value."""

    name: str
    value: Array


Stored: TypeAlias = StoredObject | dict[str, list[NamedTensor]]
"""The content of a file: objects, or for the older `.h5` layout each layer's tensors by the layer's name."""


def read_weights_file(path: Path, where: str) -> Stored:
    """Reads a weights file or the weights of a saved model.

    Args:
        path: `.weights.h5` or `.keras` of Keras 3 or tf-keras, or a whole model or weights in `.h5`.
        where: How messages begin: the key and the file.

    Raises:
        UserError: The file is missing, damaged, of another format, or holds no weights.
    """
    if not path.exists() and path.with_name(f"{path.name}.index").exists():
        hint = "a TensorFlow checkpoint of that name is; save_weights to a .weights.h5"
        raise UserError(f"{where}: there is no such file ({hint})")
    try:
        kind = container_kind(
            path, where, instead_of_folder=". Weights come from a .weights.h5, .h5 or .keras file"
        )
        stored = _read_archive(path) if kind == "zip" else _read_hdf5(path)
    except ModelRefused as refused:
        raise UserError(f"{where}: {refused}. Nothing of it is read.") from refused
    except DAMAGE as error:
        raise UserError(f"{where}: no Keras weights, or a damaged file ({error})") from error
    empty = not any(stored.tensors()) if isinstance(stored, StoredObject) else not any(stored.values())
    if empty:
        raise UserError(f"{where}: no weights of layers are in it")
    return stored


def _read_archive(path: Path) -> StoredObject:
    most = most_bytes(path)
    with zipfile.ZipFile(path) as archive:
        check_archive(archive, most)
        content, config = read_member(archive, WEIGHTS), json.loads(read_member(archive, CONFIG))
    with h5py.File(io.BytesIO(content), "r") as file:
        check_hdf5(file, most)
        objects = _objects(file)
    _name_from_config(objects, config)
    return objects


def _read_hdf5(path: Path) -> Stored:
    with h5py.File(path, "r") as file:
        check_hdf5(file, most_bytes(path))
        top = file.get("model_weights", file)
        by_name = "layer_names" in top.attrs or "layer_names0" in top.attrs
        return _named(top) if by_name else _objects(file)


def _objects(group: Any) -> StoredObject:
    found = StoredObject()
    for key, member in group.items():
        if key == "vars":
            found.name = _text(member.attrs["name"]) if "name" in member.attrs else None
            order = sorted(
                member, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
            )
            found.variables = {name: _value(member[name]) for name in order}
        elif isinstance(member, h5py.Group) and key.lstrip("_").rstrip("_0123456789") not in _NO_WEIGHTS:
            found.parts[key] = _objects(member)
    return found


def _name_from_config(stored: StoredObject, config: Mapping[str, Any]) -> None:
    """Adds missing layer names from the model's configuration, which lists the layers in the file's order."""
    inner = config.get("config")
    described = inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(described, list):
        return
    for key, layer in zip(class_names(layer["class_name"] for layer in described), described, strict=True):
        part = stored.layers.get(key)
        if part is not None:
            part.name = part.name or layer["config"].get("name")
            _name_from_config(part, layer)


def _named(top: Any) -> dict[str, list[NamedTensor]]:
    found: dict[str, list[NamedTensor]] = {}
    for layer in _names(top, "layer_names"):
        found[layer] = [
            NamedTensor(name.removesuffix(":0"), _value(top[layer][name]))
            for name in _names(top[layer], "weight_names")
        ]
    if "top_level_model_weights" in top:
        own = top["top_level_model_weights"]
        found[""] = [
            NamedTensor(name.removesuffix(":0"), _value(own[name])) for name in _names(own, "weight_names")
        ]
    return {layer: tensors for layer, tensors in found.items() if tensors}


def _names(group: Any, attribute: str) -> list[str]:
    """Reads a list of names; Keras splits one that is too long for an attribute into several, numbered."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    names: list[str] = []
    number = 0
    while f"{attribute}{number}" in group.attrs:
        names += [_text(name) for name in group.attrs[f"{attribute}{number}"]]
        number += 1
    return names


def _value(dataset: Any) -> Array:
    value = np.asarray(dataset[()])
    if _text(dataset.attrs.get("dtype", "")) == "bfloat16" or value.dtype == np.dtype("V2"):
        value = value.view(tf.bfloat16.as_numpy_dtype).astype(np.float32)
    if value.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} holds {value.dtype}, not numbers")
    return value


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
