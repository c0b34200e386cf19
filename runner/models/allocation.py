"""A bound on what building a model may allocate: a few bytes of a configuration can ask for any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import tensorflow as tf

from runner.models.refused import Refused

# The seeds of random layers and other state that files do not hold.
_MORE = 2**20


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Lets the variables that are made inside hold no more numbers than a file can fill.

    Args:
        numbers: That the file holds.

    Raises:
        Refused: Inside, at the first variable that is too much, before it is allocated.
    """
    made = 0

    def make(next_creator: Any, **arguments: Any) -> Any:
        nonlocal made
        made += prod(_shape(arguments))
        if made > numbers + _MORE:
            raise Refused(
                f"its layers ask for more weights than the {numbers:,} numbers that are in the file"
            )
        return next_creator(**arguments)

    with tf.variable_creator_scope(make):
        yield


def _shape(arguments: dict[str, Any]) -> tuple[int, ...]:
    """Returns the shape of a variable; of one that is given by its value that of the value."""
    shape = arguments.get("shape")
    if shape is None:
        shape = getattr(arguments.get("initial_value"), "shape", ())
    return tuple(size or 0 for size in tf.TensorShape(shape).as_list())
