"""The model of the TensorFlow structural-pruning tutorial."""

import tf_keras
from tf_keras import layers

from runner.models.builder import MODELS


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
    Optimization Toolkit. The layer names are the tutorial's, where it gives some.

    Args:
        input_shape: One image, `(height, width, channels)`.
        num_classes: Outputs.
        filters: Of the two convolutions.
        dense_units: Of the hidden dense layer.
        dropout: Share dropped before the output, in [0, 1).

    Returns:
        An untrained, uncompiled model.
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
