"""The names that Keras derives from classes, in files and for layers without a given name."""

import re
from collections.abc import Iterable
from typing import Any


def snake_case(class_name: str) -> str:
    """Converts `Conv2D` to `conv2d` and `BatchNormalization` to `batch_normalization`, as Keras does."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_names(classes: Iterable[str]) -> list[str]:
    """Numbers class names in order: `dense`, `conv2d`, `dense_1`, ...

    Args:
        classes: The classes of a model's layers, in the model's order.

    Returns:
        The keys under which Keras 3's file layout stores these layers.
    """
    counts: dict[str, int] = {}
    names = []
    for name in map(snake_case, classes):
        count = counts.get(name, 0)
        counts[name] = count + 1
        names.append(f"{name}_{count}" if count else name)
    return names


def counted_alike(layers: Iterable[Any], names: Iterable[str]) -> dict[str, str]:
    """Pairs the names that Keras gave to layers, in order, with those in a file.

    Keras counts them within the process, so that `dense` and `dense_1` of one are `dense_4` and `dense_5`
    of another.

    Args:
        layers: Layers of the model.
        names: Names of layers in the file.

    Returns:
        Names of the file with those of the model, where they differ; only of classes that have as many such
        names, counted without a gap, on both sides.
    """
    numbers: dict[str, list[int]] = {}
    for layer in layers:
        base = snake_case(type(layer).__name__).replace("functional", "model")
        number = _number(layer.name, base)
        if number is not None:
            numbers.setdefault(base, []).append(number)
    listed = list(names)
    pairs: dict[str, str] = {}
    for base, own in numbers.items():
        given = sorted(number for name in listed if (number := _number(name, base)) is not None)
        shift = given[0] - min(own) if given else 0
        gapless = list(range(min(own), min(own) + len(own)))
        if shift and sorted(own) == gapless and given == [number + shift for number in gapless]:
            pairs |= {_counted(base, number + shift): _counted(base, number) for number in own}
    return pairs


def _number(name: str, base: str) -> int | None:
    match = re.fullmatch(rf"{re.escape(base)}(?:_([1-9]\d*))?", name)
    return None if match is None else int(match[1] or 0)


def _counted(base: str, number: int) -> str:
    return f"{base}_{number}" if number else base
