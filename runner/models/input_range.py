"""Checks that the range of the data fits a model that scales its own input, or does not."""

from collections.abc import Iterator

import numpy as np
import tf_keras

# Images in [0, 255] have brighter pixels than this.
_LEAST_UNSCALED = 64
# Layers for pixels of 0 to 255 divide by this or more; 255 and 127.5 are usual.
_LEAST_DIVISOR = 64
_CHANNELS = (1, 3, 4)


def range_notes(model: tf_keras.Model, x: np.ndarray) -> tuple[str, ...]:
    """Returns sentences for the user where a model's input layers and the range of the data do not fit.

    They warn of inputs in [0, 1] for a model that takes 0 to 255, and of images in 0 to 255 for one that does
    not scale them.

    Args:
        model: A built model.
        x: Its training inputs `[n, ...]`.
    """
    least, most = float(x.min()), float(x.max())
    scaler = pixel_scaler(model)
    if scaler is not None and least >= 0 and 0 < most <= 1:
        return (
            f"the inputs are numbers from {least:g} to {most:g}, but the model's layer '{scaler}' is made for"
            " pixels of 0 to 255 and scales them a second time: uint8 images are divided by 255 when they are"
            " read. Save the images as float32 from 0 to 255, which stay as they are, or build the model"
            " without that layer.",
        )
    images = x.ndim == 4 and x.shape[-1] in _CHANNELS
    if scaler is None and images and least >= 0 and _LEAST_UNSCALED < most <= 255:
        return (
            f"the images are numbers from {least:g} to {most:g}, and models are given them as they are;"
            " images train best in [0, 1]. Save them as uint8, or divide them by 255.",
        )
    return ()


def pixel_scaler(model: tf_keras.Model) -> str | None:
    """Returns the name of the layer before a model's first weights that scales pixels of 0 to 255, or None.

    That is a `Rescaling` that divides by 64 or more, or a `Normalization` whose means or variances no numbers
    in [0, 1] can have.
    """
    for layer in _leaves(model):
        if isinstance(layer, tf_keras.layers.Rescaling):
            if 0 < float(np.max(np.abs(layer.scale))) <= 1 / _LEAST_DIVISOR:
                return str(layer.name)
        elif isinstance(layer, tf_keras.layers.Normalization):
            if not layer.invert and max(np.max(layer.mean), np.max(layer.variance)) > 1:
                return str(layer.name)
        elif layer.trainable_weights:
            return None
    return None


def _leaves(model: tf_keras.Model) -> Iterator[tf_keras.layers.Layer]:
    """Lists the layers from the input on, with those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
