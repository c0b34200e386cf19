"""What `fit` is fed with: the arrays themselves, or batches of them that are augmented on their way."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from runner.recipe.recipe import Training
from runner.training.augmentation import augmentation_layers


def training_feed(x: NDArray[Any], y: NDArray[Any], training: Training) -> dict[str, Any]:
    """Returns the arguments of `fit` that stand for the training set.

    Without an augmentation these are the arrays, so that Keras shuffles and batches. With one, a tf.data
    pipeline does, by a seed drawn from NumPy's global generator, which `make_deterministic` has seeded.

    Args:
        x: Inputs `[samples, ...]`.
        y: Labels or targets `[samples, ...]`.
        training: Epochs, batch size, augmentation.
    """
    if training.augmentation is None or not training.augmentation.changes:
        return {"x": x, "y": y, "batch_size": training.batch_size, "epochs": training.epochs}
    batches = augmented_batches(
        x,
        y,
        augmentation_layers(training.augmentation),
        batch_size=training.batch_size,
        epochs=training.epochs,
        seed=int(np.random.randint(2**31)),
    )
    steps_per_epoch = math.ceil(len(x) / training.batch_size)
    return {"x": batches, "epochs": training.epochs, "steps_per_epoch": steps_per_epoch}


def augmented_batches(
    x: NDArray[Any],
    y: NDArray[Any],
    layers: Sequence[tf_keras.layers.Layer],
    *,
    batch_size: int,
    epochs: int,
    seed: int,
) -> tf.data.Dataset:
    """Shuffles, batches and augments a training set, epoch after epoch.

    Args:
        x: Images `[samples, height, width, channels]`.
        y: Labels or targets `[samples, ...]`.
        layers: Called with a batch of images and a `seed` of two whole numbers, one after another.
        batch_size: Samples in a batch; the last one of an epoch may have fewer.
        epochs: How often every sample is given.
        seed: Decides the order in each epoch and each change of each image, in [0, 2**31).

    Returns:
        Pairs of inputs and targets, the same for the same seed.
    """
    samples, steps = len(x), math.ceil(len(x) / batch_size)
    inputs, targets = tf.constant(x), tf.constant(y)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(samples), seed=[seed, number])
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
        return batches.enumerate(start=number * steps)

    def batch(number: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(inputs, chosen)
        for place, layer in enumerate(layers):
            # The order of the epoch has the seeds [seed, number]: other ones here, for each layer its own.
            drawn = tf.random.experimental.stateless_fold_in([seed, number], place + 1)
            images = layer(images, seed=drawn)
        return images, tf.gather(targets, chosen)

    # One batch after another: deterministic ops, which every run asks for, allow no more; prefetching works
    # beside the training step all the same.
    return tf.data.Dataset.range(epochs).flat_map(epoch).map(batch).prefetch(tf.data.AUTOTUNE)
