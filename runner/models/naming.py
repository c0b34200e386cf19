"""The names that Keras derives from classes, in files and for layers without a name of their own."""

import re
from collections.abc import Iterable


def snake_case(class_name: str) -> str:
    """Turns `Conv2D` into `conv2d` and `BatchNormalization` into `batch_normalization`, as Keras does."""
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
