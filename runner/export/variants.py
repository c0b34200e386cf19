"""The kinds of TFLite file a recipe can ask for."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from runner.registry import Registry

if TYPE_CHECKING:
    import tensorflow as tf


class Variant(ABC):
    """One kind of TFLite file.

    Attributes:
        tolerance: How far its outputs may lie from Keras's, as a share of the largest output. It is there to
            catch a broken graph; the weights are compared one by one.
    """

    tolerance: ClassVar[float]

    @abstractmethod
    def configure(self, converter: "tf.lite.TFLiteConverter") -> None:
        """Sets the converter's options."""


VARIANTS: Registry[type[Variant]] = Registry("TFLite variant")


@VARIANTS.register("float32")
class Float32(Variant):
    """Weights and activations as they were trained."""

    tolerance = 1e-3

    def configure(self, converter: "tf.lite.TFLiteConverter") -> None:
        """Leaves every optimization off."""
        converter.optimizations = []
