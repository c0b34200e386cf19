"""Freeing what TensorFlow keeps of a training."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.framework import ops  # Nothing public reaches the registry of gradients.

_PREFIX = "CustomGradient-"


@contextmanager
def graphs_freed() -> Iterator[None]:
    """Lets go, when the block is left, of the graphs that were traced in it to train.

    Keras's optimizers sum gradients by an operation with a gradient of its own. Each trace of it enters
    TensorFlow's registry of gradients and never leaves it (2.21), and its closure holds the whole train
    function: its graph, its operations, the handles of all variables; 10 to 20 MB for each run of a sweep.
    Models that were trained in the block can still be trained and used; only a gradient through a graph
    that was traced in it cannot be taken any more.

    What an earlier block left, models and their graphs in circles, is collected on entering: its owner's
    frame, which names them, is gone by then, and nothing of the next run is there yet.
    """
    gc.collect()
    registry = ops.gradient_registry._registry
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith(_PREFIX):
                del registry[name]
