"""A limit to the weights that a builder makes: a typing error asks for terabytes, and Linux promises them."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from runner.process.memory import gigabytes, total_memory

# Of float32: the value, its gradient, and two moments as Adam keeps them.
_BYTES_PER_WEIGHT = 16


class TooManyWeights(Exception):
    """The model could not be trained in the memory that there is; the message says how far it is off."""


@contextmanager
def weights_limited(memory: int | None = None) -> Iterator[None]:
    """Lets no more weights be made within than could be trained here.

    Args:
        memory: Bytes that there are; by default this machine's.

    Raises:
        TooManyWeights: At the first weight too many, before it takes any memory.
    """
    there_is = total_memory() if memory is None else memory
    made = 0

    def create(make: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal made
        shape = arguments.get("shape")
        # Variables without a shape are Keras's own counters.
        made += 0 if shape is None else math.prod(size or 0 for size in tf.TensorShape(shape).as_list())
        if made * _BYTES_PER_WEIGHT > there_is:
            raise TooManyWeights(
                f"it has {made:,} weights or more, which take {gigabytes(made * _BYTES_PER_WEIGHT)} to train;"
                f" this machine has {gigabytes(there_is)}"
            )
        return make(**arguments)

    with tf.variable_creator_scope(create):
        yield
