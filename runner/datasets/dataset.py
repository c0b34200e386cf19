"""Data sets: four arrays that fit together, with their origin, and the registry of loaders."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.registry import Registry

Array = NDArray[Any]


class UnfitArrays(ValueError):
    """The arrays do not make a data set; `load_dataset` adds the origin to the message."""


class DataUnavailable(UserError):
    """The data is not available now; a recipe's `fallback` is loaded instead."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """The training and the test set that a loader returns, checked when made.

    Args:
        x_train: Training inputs, float32 `[samples, ...]`; images are `[samples, height, width, channels]`
            in [0, 1].
        y_train: Class numbers, int64 `[samples]`, or regression targets, float32 `[samples, ...]`.
        x_test: Test inputs; all but the number of samples is as in `x_train`.
        y_test: Test labels or targets, as in `y_train`.
        num_classes: How many classes there are; None for regression.
        note: A sentence on the data for readers of the results.
        warnings: Sentences for the user before training.
        group: The number of consecutive training samples that come from one original and stay on one side of
            a validation split.

    Raises:
        UnfitArrays: The arrays contradict each other or the description above.
    """

    x_train: Array = field(repr=False)
    y_train: Array = field(repr=False)
    x_test: Array = field(repr=False)
    y_test: Array = field(repr=False)
    num_classes: int | None
    note: str | None = None
    warnings: tuple[str, ...] = ()
    group: int = 1

    def __post_init__(self) -> None:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            if not isinstance(getattr(self, name), np.ndarray):
                found = type(getattr(self, name)).__name__
                raise UnfitArrays(f"{name} is a {found}; it must be a NumPy array")
        if self.num_classes is not None:
            check_whole_number("num_classes", self.num_classes, least=1, where="")
        check_whole_number("group", self.group, least=1, where="")
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            _check_inputs(f"x_{part}", x)
            if self.num_classes is None:
                _check_targets(f"y_{part}", y)
            else:
                _check_labels(f"y_{part}", y, self.num_classes)
            check_counts(part, len(x), len(y))
        for kind in ("x", "y"):
            train, test = getattr(self, f"{kind}_train"), getattr(self, f"{kind}_test")
            if train.shape[1:] != test.shape[1:]:
                raise UnfitArrays(
                    f"one of {kind}_train has the shape {train.shape[1:]}, of {kind}_test {test.shape[1:]}"
                )
        if len(self.x_train) % self.group:
            raise UnfitArrays(f"x_train has {len(self.x_train)} samples, not a multiple of {self.group}")


class Split(NamedTuple):
    """The samples of a data set by what they are for: to train on, to validate, to test."""

    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    x_test: Array
    y_test: Array

    @property
    def counts(self) -> dict[str, int]:
        """How many samples there are of each kind."""
        return {"train": len(self.x_train), "validation": len(self.x_val), "test": len(self.x_test)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset(Arrays):
    """A loaded data set with its origin.

    Args:
        source: The name of the loaded data set, e.g. `"digits"`.
        requested: The name in the recipe, e.g. `"mnist"`.
    """

    source: str
    requested: str
    sha256: str = field(init=False)
    """SHA-256 of the arrays' content in hex, whatever their origin."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sha256", _sha256(self))

    @property
    def fell_back(self) -> bool:
        """Whether this is the fallback."""
        return self.source != self.requested

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch."""
        return tuple(self.x_train.shape[1:])

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of one target, without the batch; `()` for class numbers."""
        return tuple(self.y_train.shape[1:])

    def split(self, validation_split: float) -> Split:
        """Takes the tail of the training set for validation.

        Args:
            validation_split: Its share, in [0, 1). The border is Keras's, moved down where it would separate
                samples of one original.

        Returns:
            Views of the arrays; those for validation are empty for a share of 0.

        Raises:
            UserError: Nothing would be left to train on.
        """
        samples = len(self.x_train)
        border = int(np.floor(samples * (1.0 - validation_split)))
        border -= border % self.group
        if border == 0:
            raise UserError(
                f"recipe.data.validation_split: {validation_split} leaves nothing of the {samples} training"
                " samples to train on. Write a smaller share, or 0 for none."
            )
        x, y = self.x_train, self.y_train
        return Split(x[:border], y[:border], x[border:], y[border:], self.x_test, self.y_test)


Loader = Callable[..., Arrays]
DATASETS: Registry[Loader] = Registry(
    "dataset", supplied=("path",), beside=("path", "fallback", "validation_split")
)
"""Loaders by name. A loader is called with `recipe.data`'s own keys as keyword arguments, and with `path`
if it has a parameter of that name. A sweep over seeds compares runs on the same content, so a loader that
uses random numbers takes a `seed` of its own."""


def check_counts(part: str, inputs: int, targets: int) -> None:
    """Checks that `x_train` and `y_train`, or `x_test` and `y_test`, have as many samples.

    Raises:
        UnfitArrays: They have not.
    """
    if inputs != targets:
        raise UnfitArrays(f"x_{part} has {inputs} samples, y_{part} has {targets}; they must be as many")


def check_whole_number(
    key: str, value: object, *, least: int, most: int | None = None, where: str = "recipe.data."
) -> None:
    """Checks a loader's argument.

    Args:
        key: Its name in `recipe.data`.
        value: Its value in the recipe.
        least: The smallest value allowed.
        most: The largest value allowed; None for no limit.
        where: A prefix of the name in the message.

    Raises:
        UnfitArrays: The value is not a whole number in that range.
    """
    # NumPy's whole numbers count; its floats do not.
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        allowed = f"{least} or more" if most is None else f"from {least} to {most:,}"
        raise UnfitArrays(f"{where}{key} is {shown(value)}; it must be a whole number, {allowed}")


def _check_inputs(name: str, x: Array) -> None:
    if x.dtype != np.float32:
        raise UnfitArrays(f"{name} holds {x.dtype}, it must hold float32")
    if x.ndim < 2:
        raise UnfitArrays(f"{name} has the shape {x.shape}; it needs [samples, features...]")
    if x.size == 0:
        raise UnfitArrays(f"{name} is empty: its shape is {x.shape}")
    _check_finite(name, x)


def _check_targets(name: str, y: Array) -> None:
    if y.dtype != np.float32:
        raise UnfitArrays(f"{name} holds {y.dtype}, regression targets are float32")
    if y.ndim < 2:
        raise UnfitArrays(f"{name} has the shape {y.shape}; regression targets are [samples, values...]")
    _check_finite(name, y)


def _check_labels(name: str, y: Array, num_classes: int) -> None:
    if y.dtype != np.int64 or y.ndim != 1:
        raise UnfitArrays(f"{name} holds {y.dtype} of shape {y.shape}; class numbers are int64 [samples]")
    if y.size and not (y.min() >= 0 and y.max() < num_classes):
        raise UnfitArrays(
            f"{name} holds labels from {y.min()} to {y.max()}; {num_classes} classes are numbered from 0 to"
            f" {num_classes - 1}"
        )


def _check_finite(name: str, values: Array) -> None:
    # A sum needs no temporary array; it is not finite if a value is not, or in a rare overflow.
    if not np.isfinite(values.sum(dtype=np.float64)):
        bad = int(values.size - np.isfinite(values).sum())
        if bad:
            raise UnfitArrays(f"{name} holds {bad} values that are not finite (NaN or infinity)")


def _sha256(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in ("x_train", "y_train", "x_test", "y_test"):
        array = np.ascontiguousarray(getattr(arrays, name))
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data.cast("B"))
    return digest.hexdigest()
