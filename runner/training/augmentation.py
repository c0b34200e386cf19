"""Random changes of training images: Keras layers that stand before the model, never in it."""

from typing import Any

import tensorflow as tf
import tf_keras

from runner.process.errors import UserError
from runner.recipe.recipe import Augmentation

_WHERE = "recipe.training.augmentation"


class RandomShift(tf_keras.layers.Layer):
    """Moves each image by whole pixels, up or down and left or right; what comes in is zero.

    The same as padding by `pixels` zeros and taking a random crop of the old size.

    Source: K. He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385, section 4.2.

    Args:
        pixels: The most it is moved by in each direction, >= 0.
        **kwargs: As every layer takes.
    """

    def __init__(self, pixels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels = pixels

    def call(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Moves images `[batch, height, width, channels]`, each as `seed`, two whole numbers, decides."""
        height, width = images.shape[1:3]
        margin = [[0, 0], [self.pixels, self.pixels], [self.pixels, self.pixels], [0, 0]]
        corners = tf.random.stateless_uniform(
            [tf.shape(images)[0], 2], seed, 0, 2 * self.pixels + 1, dtype=tf.int32
        )
        rows = corners[:, :1] + tf.range(height)
        columns = corners[:, 1:] + tf.range(width)
        taken = tf.gather(tf.pad(images, margin), rows, axis=1, batch_dims=1)
        return tf.gather(taken, columns, axis=2, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        """Returns what the constructor takes."""
        return {**super().get_config(), "pixels": self.pixels}


class RandomFlip(tf_keras.layers.Layer):
    """Mirrors each image, left to right, with a probability of one half.

    Source: as of `RandomShift`.
    """

    def call(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Mirrors some images of `[batch, height, width, channels]`: `seed`, two whole numbers, decides."""
        mirrored = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
        return tf.where(mirrored, tf.reverse(images, axis=[2]), images)


def augmentation_layers(written: Augmentation) -> list[tf_keras.layers.Layer]:
    """Returns the layers of an augmentation in their order; none where it changes nothing."""
    shift = [RandomShift(written.shift, name="shift")] if written.shift else []
    return [*shift, *([RandomFlip(name="flip")] if written.flip else [])]


def check_augmentation(
    written: Augmentation | None, input_shape: tuple[int, ...], target_shape: tuple[int, ...] = ()
) -> None:
    """Checks that the data can be augmented as the recipe says.

    Args:
        written: What the recipe says.
        input_shape: The shape of one input, without the batch.
        target_shape: The shape of one target, without the batch; `()` for class numbers.

    Raises:
        UserError: The inputs are no images, or too small to be shifted so far; or the targets are maps, which
            would have to be changed with them.
    """
    if written is None or not written.changes:
        return
    if len(input_shape) != 3:
        raise UserError(
            f"{_WHERE}: only images, [height, width, channels], can be augmented, but one input of the data"
            f" has the shape {input_shape}. Leave it out, or set it to null."
        )
    if len(target_shape) > 1:
        raise UserError(
            f"{_WHERE}: the targets of this data have the shape {target_shape}, and would not be moved with"
            " the images. Leave it out, or set it to null."
        )
    height, width, _ = input_shape
    if written.shift >= min(height, width):
        raise UserError(
            f"{_WHERE}.shift is {written.shift} pixels, but the images have {height}x{width}: some would be"
            " moved out of sight."
        )
