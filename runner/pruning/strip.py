"""Taking wrappers off: names, weights and outputs stay."""

from typing import Any

import tf_keras

from runner.pruning.wrap import copy_layer, copy_model
from runner.pruning.wrapper import PruneLowMagnitude, wrappers


def strip_pruning(model: Any) -> Any:
    """Returns the model without its wrappers, its pruned weights exactly zero.

    First the masks are set to the schedule's value at the last training step, so that a training that
    ended early, or had no `UpdatePruningStep`, is stripped at the sparsity it had reached by then. The
    model that was given keeps its wrappers and can train on.

    Args:
        model: A Sequential or functional tf-keras model.

    Returns:
        A new model of the same names, weights and outputs, not compiled.

    Raises:
        ValueError: If it is no Keras model, or a subclassed one.
    """
    if not isinstance(model, tf_keras.Model):
        raise ValueError(f"strip_pruning takes a tf-keras model; found {type(model).__name__}.")
    for wrapper in wrappers(model):
        wrapper.settle()
    return copy_model(
        model, lambda layer: copy_layer(layer.layer) if isinstance(layer, PruneLowMagnitude) else None
    )
