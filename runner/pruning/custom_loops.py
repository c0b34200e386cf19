"""Updates and settles masks in training loops written by hand.

A loop that applies gradients by a tf-keras optimizer needs nothing: masks are updated and held by the
optimizer step, and one step is one application of gradients, accumulated over batches or not. A loop that
changes the weights by itself calls `update_masks` after each change. At the end of either, `settle_masks` (or
`strip_pruning`, which does it too) brings the masks to the schedule's value.

Example:
    >>> for x, y in batches:
    ...     with tf.GradientTape() as tape:
    ...         loss = loss_fn(y, model(x, training=True))
    ...     for weight in model.trainable_weights: ...  # weight.assign_sub(...)
    ...     update_masks(model)
    >>> settle_masks(model)
"""

import tf_keras

from runner.pruning.mask_settling import settle_model
from runner.pruning.wrapper import wrappers


def update_masks(model: tf_keras.layers.Layer) -> None:
    """Counts a training step, updates the masks that are due, and zeroes the pruned weights.

    It may be called eagerly or inside a `tf.function`, once after each change of the weights.

    Args:
        model: A model or layer with wrappers in it; frozen layers are left alone.
    """
    for wrapper in wrappers(model):
        if wrapper.trainable:
            for masked in wrapper.masked_weights:
                masked.advance()


def settle_masks(model: tf_keras.layers.Layer) -> None:
    """Ends training: sets the masks to the schedules' values at the last step. Training may go on later.

    Args:
        model: A model or layer with wrappers in it; frozen layers are left alone.

    Warns:
        UserWarning: Where this prunes weights that training had kept; it says how many.
    """
    settle_model(model, by="settle_masks")
