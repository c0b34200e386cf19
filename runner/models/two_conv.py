"""Two identical convolutions on a two-channel signal, the model of `two_conv_2x4`."""

import tf_keras
from tf_keras import layers

from runner.models.builder import MODELS


@MODELS.register("two_conv")
def two_conv(*, input_shape: tuple[int, ...], filters: int = 16) -> tf_keras.Model:
    """Builds two 1x8 convolutions of stride 1x2, a regression.

    The first has two input channels: fewer than a 2:4 group, so that TFMOT leaves it dense.

    Source: issue 1182 of tensorflow/model-optimization.

    Args:
        input_shape: `(height, width, channels)`; the model takes any height.
        filters: Of each convolution.

    Returns:
        An untrained, uncompiled model; its output is `(height, width / 4, filters)`, rounded up.
    """
    return tf_keras.Sequential(
        [
            layers.Input((None, *input_shape[1:]), name="signal"),
            layers.Conv2D(filters, (1, 8), strides=(1, 2), padding="same", name="conv_1"),
            layers.Conv2D(filters, (1, 8), strides=(1, 2), padding="same", name="conv_2"),
        ],
        name="two_conv",
    )
