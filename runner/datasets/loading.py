"""Loads the data set of a recipe or its fallback, for one run or once for the runs of a sweep."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from runner.datasets.dataset import DATASETS, Arrays, Dataset, DataUnavailable, UnfitArrays
from runner.process.errors import UserError
from runner.process.named_file import named_path
from runner.recipe.recipe import Data

_RETURNED = "runner.datasets.Arrays(x_train=..., y_train=..., x_test=..., y_test=..., num_classes=...)"


@dataclass(frozen=True)
class ResolvedData:
    """The data that a sweep found: name of the data set or of its fallback, and SHA-256 of its content."""

    source: str
    sha256: str


def load_dataset(data: Data, *, source: str | None = None) -> Dataset:
    """Loads the data set of a recipe, or its fallback where that is not available.

    Args:
        data: The recipe's `data`. A relative `path` counts from the current directory.
        source: `data.name` or `data.fallback`, the only one to try. None tries both in that order.

    Returns:
        The data set; `fell_back` and `note` say so where it is the fallback.

    Raises:
        UserError: An unknown name or argument, a missing or damaged file, arrays that do not fit together,
            or data that is not available and has no fallback.
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
        arrays = replace(arrays, note=f"{note}. {arrays.note}" if arrays.note else note)
        return _dataset(arrays, source=data.fallback, requested=data.name)
    return _dataset(arrays, source=data.name, requested=data.name)


def data_key(data: Data) -> str:
    """Returns twelve hex digits that only requests for the same data share, whatever their split."""
    request = asdict(replace(data, validation_split=0.0))
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]


def resolve(data: Data) -> ResolvedData:
    """Finds a recipe's data, and keeps what it loads for `load_resolved` in the same process.

    Raises:
        UserError: See `load_dataset`.
    """
    loaded = load_dataset(data)
    resolved = ResolvedData(loaded.source, loaded.sha256)
    _remember(data, resolved, loaded)
    return resolved


def load_resolved(data: Data, resolved: ResolvedData) -> Dataset:
    """Loads the data that `resolve` has found, in this process or another, and checks its content.

    Raises:
        UserError: The content has changed since, or is not available any more.
    """
    kept = _KEPT.get((data_key(data), resolved))
    if kept is not None:
        return kept
    loaded = load_dataset(data, source=resolved.source)
    if loaded.sha256 != resolved.sha256:
        raise UserError(
            f"recipe.data: the content of '{loaded.source}' is not what it was when the sweep began (SHA-256"
            f" {loaded.sha256[:12]}..., it was {resolved.sha256[:12]}...); runs on different data are not"
            " compared. Begin the sweep again."
        )
    _remember(data, resolved, loaded)
    return loaded


def _load(
    name: str, arguments: Mapping[str, Any], path: Path | None, *, where: str = "recipe.data.name"
) -> Arrays:
    loader = DATASETS.get(name, where=where)
    checked = DATASETS.arguments(name, arguments, where="recipe.data")
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
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name} of {len(value)}" if isinstance(value, tuple | list) else name


def _dataset(arrays: Arrays, *, source: str, requested: str) -> Dataset:
    values = {field.name: getattr(arrays, field.name) for field in fields(Arrays)}
    return Dataset(**values, source=source, requested=requested)


_KEPT: dict[tuple[str, ResolvedData], Dataset] = {}
"""The data set that was loaded last: the jobs of a sweep in one process load it once."""


def _remember(data: Data, resolved: ResolvedData, loaded: Dataset) -> None:
    _KEPT.clear()
    _KEPT[data_key(data), resolved] = loaded
