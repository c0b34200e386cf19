"""The small models of the shipped recipes: two classifiers of images and a regression on a signal."""

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


@MODELS.register("tutorial_cnn")
def tutorial_cnn(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    filters: tuple[int, int] = (32, 64),
    dense_units: int = 1024,
    dropout: float = 0.4,
) -> tf_keras.Model:
    """Builds two 5x5 convolutions and a wide dense layer; its outputs are logits.

    Source: the tutorial "Structural pruning of weights with sparsity 2 by 4" of the TensorFlow Model
    Optimization Toolkit, with its layer names.

    Args:
        input_shape: One image, `(height, width, channels)`.
        num_classes: Outputs.
        filters: Of the two convolutions.
        dense_units: Of the hidden dense layer.
        dropout: Share dropped before the output, in [0, 1).
    """
    return tf_keras.Sequential(
        [
            layers.Input(input_shape, name="image"),
            layers.Conv2D(filters[0], 5, padding="same", activation="relu", name="pruning_sparsity_0_5"),
            layers.MaxPooling2D(2, 2, padding="same", name="pool_1"),
            layers.Conv2D(filters[1], 5, padding="same", name="structural_pruning"),
            layers.BatchNormalization(name="batch_norm"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(2, 2, padding="same", name="pool_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(dense_units, activation="relu", name="structural_pruning_dense"),
            layers.Dropout(dropout, name="dropout"),
            layers.Dense(num_classes, name="logits"),
        ],
        name="tutorial_cnn",
    )


@MODELS.register("two_conv")
def two_conv(*, input_shape: tuple[int, ...], filters: int = 16) -> tf_keras.Model:
    """Builds two 1x8 convolutions of stride 1x2, a regression.

    The first has two input channels, fewer than a 2:4 group, so that TFMOT leaves it dense.

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
