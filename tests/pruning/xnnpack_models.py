"""Small models, some of which XNNPACK can run by its sparse kernels, and some not."""

from collections.abc import Callable
from typing import Any

import tf_keras
from tf_keras import layers

IMAGE = (16, 16, 3)


def stem(x: Any, padding: Any = 1, size: int = 3, **options: Any) -> Any:
    x = layers.ZeroPadding2D(padding)(x)
    return layers.Conv2D(8, size, **{"strides": 2, "name": "stem", **options})(x)


def block(x: Any, name: str = "block") -> Any:
    """An inverted residual, of 8 channels in and out."""
    y = layers.Conv2D(16, 1, name=f"{name}_expand")(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(y)
    return layers.Add()([x, layers.Conv2D(8, 1, name=f"{name}_project")(y)])


def pooled(body: Callable[[Any], Any], shape: tuple[int, ...] = IMAGE, keepdims: bool = False) -> Any:
    """A body between an image and a head."""
    image = layers.Input(shape)
    x = layers.GlobalAveragePooling2D(keepdims=keepdims, name="pool")(body(image))
    return tf_keras.Model(image, layers.Dense(2, name="head")(layers.Flatten()(x)), name="net")


def behind_stem(*parts: Any) -> Callable[[], tf_keras.Model]:
    def body(x: Any) -> Any:
        x = stem(x)
        for part in parts:
            x = part(x)
        return x

    return lambda: pooled(body)


def mobilenet(keepdims: bool) -> tf_keras.Model:
    def body(x: Any) -> Any:
        x = block(layers.ReLU(6.0)(layers.BatchNormalization()(stem(x))))
        x = layers.DepthwiseConv2D(3, strides=2, name="down")(layers.ZeroPadding2D(1)(x))
        return layers.Conv2D(8, 1, name="last")(layers.ReLU(6.0)(x))

    return pooled(body, keepdims=keepdims)


def sequential(*parts: Any) -> tf_keras.Sequential:
    return tf_keras.Sequential([layers.Input(IMAGE), *parts], name="net")


def plain_stem() -> list[Any]:
    return [layers.ZeroPadding2D(1), layers.Conv2D(8, 3, strides=2, name="stem"), layers.ReLU()]


def head() -> list[Any]:
    return [layers.GlobalAveragePooling2D(), layers.Dense(2, name="head")]


def excited(pooling: dict[str, Any], squeeze: Any, activation: Any) -> tf_keras.Model:
    """Squeeze and excite: a pooling in the middle, whose branch comes back."""

    def body(x: Any) -> Any:
        x = block(stem(x))
        y = squeeze(layers.GlobalAveragePooling2D(**pooling, name="squeeze")(x))
        return layers.Multiply()([x, layers.Activation(activation, name="gate")(y)])

    return pooled(body)


def backbone(inside: Callable[[Any], Any], shape: tuple[int, ...] = IMAGE) -> tf_keras.Model:
    image = layers.Input(shape)
    return tf_keras.Model(image, inside(image), name="backbone")


def two_inputs(merge_late: bool) -> tf_keras.Model:
    image, other = layers.Input(IMAGE), layers.Input((8,) if merge_late else (8, 8, 8), name="other")
    x = block(stem(image))
    if not merge_late:
        x = layers.Add(name="merge")([x, other])
    x = layers.GlobalAveragePooling2D()(x)
    if merge_late:
        x = layers.Concatenate()([x, other])
    return tf_keras.Model([image, other], layers.Dense(2)(x), name="net")


def skipped() -> tf_keras.Model:
    def body(x: Any) -> Any:
        shortcut = layers.Conv2D(8, 1, name="shortcut")(layers.AveragePooling2D()(x))
        return layers.Add(name="merge")([block(stem(x)), shortcut])

    return pooled(body)


def two_outputs(second: Any) -> tf_keras.Model:
    image = layers.Input(IMAGE)
    x = block(stem(image))
    pool = layers.GlobalAveragePooling2D()(x)
    return tf_keras.Model(image, [layers.Dense(2)(pool), second(x)], name="net")


def siamese() -> tf_keras.Model:
    left, right = layers.Input(IMAGE), layers.Input(IMAGE)
    pad, convolution = layers.ZeroPadding2D(1), layers.Conv2D(8, 3, strides=2)
    both = layers.Add()([convolution(pad(left)), convolution(pad(right))])
    return tf_keras.Model([left, right], layers.GlobalAveragePooling2D()(both), name="net")


class Subclassed(tf_keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs
