"""From a recipe's `data` to a loaded data set, fallback included."""

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.datasets.dataset import DATASETS, Arrays, Dataset, DataUnavailable, UnfitArrays
from runner.process.errors import UserError
from runner.process.named_file import named_path
from runner.recipe.arguments import read_arguments
from runner.recipe.schema import Data

_RETURNED = "runner.datasets.Arrays(x_train=..., y_train=..., x_test=..., y_test=..., num_classes=...)"
BESIDE = ("path", "fallback", "validation_split")


def load_dataset(data: Data, *, source: str | None = None) -> Dataset:
    """Loads what a recipe asks for, or its fallback where that cannot be had.

    Args:
        data: The recipe's `data`. A relative `path` counts from the current directory.
        source: `data.name` or `data.fallback`, the only one to try, where it is known which of them there
            is. None tries them in that order.

    Returns:
        The data set; `fell_back` and `note` tell when it is not the one asked for.

    Raises:
        UserError: An unknown name or argument, a missing or damaged file, arrays that do not fit together,
            or data that cannot be had and has no fallback.
    """
    if data.fallback is not None:
        DATASETS.get(data.fallback, where="recipe.data.fallback")
    path = None if data.path is None else named_path(data.path, "recipe.data.path")
    try:
        if source is not None and source != data.name:
            raise DataUnavailable("it could not be had when the sweep began")
        arrays = _load(data.name, data.arguments, path)
    except DataUnavailable as error:
        if data.fallback is None or source == data.name:
            raise UserError(
                f"recipe.data: {error}.\nWays out: put the file there; or name one,"
                " recipe.data.path=FILE.npz; or, to see the runner work on other data without a network,"
                " recipe.data.name=digits."
            ) from error
        arrays = _load(data.fallback, {}, None, where="recipe.data.fallback")
        note = f"'{data.fallback}' in place of '{data.name}': {error}"
        arrays = dataclasses.replace(arrays, note=f"{note}. {arrays.note}" if arrays.note else note)
        return _dataset(arrays, source=data.fallback, requested=data.name)
    return _dataset(arrays, source=data.name, requested=data.name)


def _load(
    name: str, arguments: Mapping[str, Any], path: Path | None, *, where: str = "recipe.data.name"
) -> Arrays:
    loader = DATASETS.get(name, where=where)
    checked = DATASETS.arguments(name, arguments, where="recipe.data", supplied=("path",), beside=BESIDE)
    checked = read_arguments(loader, checked, where="recipe.data")
    if "path" in inspect.signature(loader).parameters:
        checked["path"] = path
    elif path is not None:
        raise UserError(
            f"recipe.data.path: dataset '{name}' reads no file. Leave the path out, or write"
            " recipe.data.name=npz to read arrays from it."
        )
    origin = f"recipe.data.path: {path}" if path is not None else f"recipe.data: dataset '{name}'"
    try:
        loaded: object = loader(**checked)
    except UnfitArrays as error:
        raise UserError(f"{origin}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{origin}: it takes more memory than there is: {error}") from error
    if not isinstance(loaded, Arrays):
        raise UserError(f"{origin}: its loader must return {_RETURNED}, but returned a {_kind(loaded)}")
    return loaded


def _kind(value: object) -> str:
    kind = type(value)
    told = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{told} of {len(value)}" if isinstance(value, tuple | list) else told


def _dataset(arrays: Arrays, *, source: str, requested: str) -> Dataset:
    fields = {field.name: getattr(arrays, field.name) for field in dataclasses.fields(Arrays)}
    return Dataset(**fields, source=source, requested=requested)
