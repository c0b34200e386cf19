"""The residual networks for CIFAR-10: `resnet20`, `resnet32`, `resnet44` and `resnet56`."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.models.builder import MODELS
from runner.process.wording import shown

DEPTHS = (20, 32, 44, 56)


class ResNet:
    """Builds one of the networks of three stages, with 16, 32 and 64 filters of 3x3.

    Source: K. He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385, section 4.2 and
    table 6.

    Args:
        depth: Layers with weights, 6n + 2: a stage has n blocks of two convolutions.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.__qualname__ = f"ResNet({depth})"

    def __call__(
        self, *, input_shape: tuple[int, ...], num_classes: int, width: int = 16, shortcut: str = "identity"
    ) -> tf_keras.Model:
        """Builds the network, untrained and uncompiled; its outputs are logits.

        Args:
            input_shape: One image, `(height, width, channels)`, at least 4x4.
            num_classes: Outputs.
            width: Filters of the first stage, >= 1; the others have twice and four times as many.
            shortcut: Where a block halves the image and doubles the channels, `identity` takes every second
                pixel and adds channels of zeros: option A, the paper's choice on CIFAR-10. `projection` is a
                1x1 convolution with a batch norm: option B.

        Returns:
            With `identity` and 10 classes, `resnet20` has 269,722 trainable weights; with `projection`
            272,474.

        Raises:
            ValueError: `width` or `shortcut` is not allowed.
        """
        if shortcut not in SHORTCUTS:
            raise ValueError(f"shortcut is {shown(shortcut)}, but must be one of {', '.join(SHORTCUTS)}")
        if len(input_shape) != 3 or width < 1:
            raise ValueError("images are [height, width, channels], and width is at least 1")
        image = layers.Input(input_shape, name="image")
        x = _normed(_convolution(image, width, "conv"), "conv")
        x = layers.ReLU(name="conv_relu")(x)
        for stage in (1, 2, 3):
            for block in range(1, (self.depth - 2) // 6 + 1):
                smaller = stage > 1 and block == 1
                x = _block(x, width * 2 ** (stage - 1), f"stage_{stage}_block_{block}", smaller, shortcut)
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        logits = layers.Dense(num_classes, kernel_initializer="he_normal", name="logits")(x)
        return tf_keras.Model(image, logits, name=f"resnet{self.depth}")


def _block(x: tf.Tensor, filters: int, name: str, smaller: bool, shortcut: str) -> tf.Tensor:
    past = SHORTCUTS[shortcut](x, filters, f"{name}_shortcut") if smaller else x
    x = _normed(_convolution(x, filters, f"{name}_conv_1", strides=2 if smaller else 1), f"{name}_conv_1")
    x = layers.ReLU(name=f"{name}_relu_1")(x)
    x = _normed(_convolution(x, filters, f"{name}_conv_2"), f"{name}_conv_2")
    return layers.ReLU(name=f"{name}_relu_2")(layers.Add(name=f"{name}_add")([x, past]))


def _convolution(x: tf.Tensor, filters: int, name: str, size: int = 3, strides: int = 1) -> tf.Tensor:
    return layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _normed(x: tf.Tensor, name: str) -> tf.Tensor:
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _identity(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    taken = layers.MaxPooling2D(1, strides=2, padding="same", name=f"{name}_pixels")(x)
    # As channels first, the last axis can be padded without a custom layer.
    zeros = ((0, 0), (0, filters - x.shape[-1]))
    return layers.ZeroPadding2D(zeros, data_format="channels_first", name=f"{name}_zeros")(taken)


def _projection(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    return _normed(_convolution(x, filters, name, size=1, strides=2), name)


SHORTCUTS: dict[str, Callable[[tf.Tensor, int, str], tf.Tensor]] = {
    "identity": _identity,
    "projection": _projection,
}

for _depth in DEPTHS:
    MODELS.register(f"resnet{_depth}")(ResNet(_depth))
