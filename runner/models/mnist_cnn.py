"""A small convolutional classifier, the model of `mnist_constant` and `mnist_polynomial`."""

import tf_keras
from tf_keras import layers

from runner.models.builder import MODELS


@MODELS.register("mnist_cnn")
def mnist_cnn(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    filters: tuple[int, int] = (32, 64),
    dense_units: int = 256,
    dropout: float = 0.25,
) -> tf_keras.Model:
    """Builds two 3x3 convolutions, each pooled, and a dense layer; its outputs are probabilities.

    Args:
        input_shape: One image, `(height, width, channels)`, at least 10x10.
        num_classes: Outputs.
        filters: Of the two convolutions.
        dense_units: Of the hidden dense layer.
        dropout: Share dropped after each pooling, in [0, 1).

    Returns:
        An untrained, uncompiled model.
    """
    return tf_keras.Sequential(
        [
            layers.Input(input_shape, name="image"),
            layers.Conv2D(filters[0], 3, activation="relu", name="conv_1"),
            layers.MaxPooling2D(2, name="pool_1"),
            layers.Dropout(dropout, name="dropout_1"),
            layers.Conv2D(filters[1], 3, activation="relu", name="conv_2"),
            layers.MaxPooling2D(2, name="pool_2"),
            layers.Dropout(dropout, name="dropout_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(dense_units, activation="relu", name="dense"),
            layers.Dense(num_classes, activation="softmax", name="probabilities"),
        ],
        name="mnist_cnn",
    )
