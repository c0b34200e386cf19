"""The kinds of TFLite file that a recipe can have, and the conversion to them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from runner.recipe.registry import Registry

if TYPE_CHECKING:
    import tensorflow as tf

Samples = Callable[[], Iterator[list[Any]]]
"""Yields calibration samples, each as the model's list of inputs `[batch, ...]`."""

# More than the difference of float32 sums in another order.
_SUMMING = 1e-3
# A factor for values outside the calibration, which are clipped, and for weights that are spread unevenly.
_MARGIN = 4.0
# The outputs of a broken file differ by as much as their own size.
_MOST = 0.5


class Variant(ABC):
    """One kind of TFLite file.

    Attributes:
        rounding: The relative rounding error of one layer's outputs: the root mean square over weights and
            activations.
        calibrated: Whether the converter runs the model on samples of training data.
        rounds_input: Whether the file rounds its input.
        block: The number of inputs of a Dense kernel in a block that can be left out where the file is
            encoded sparse; None where it stores every zero.
        dense: The variant of the dense model's file that this one is compared with.
        runs_on: Where the file runs, for the reader of a summary.
    """

    rounding: ClassVar[float] = 0.0
    calibrated: ClassVar[bool] = False
    rounds_input: ClassVar[bool] = False
    block: ClassVar[int | None] = None
    dense: ClassVar[str] = "float32"
    runs_on: ClassVar[str] = "not known for a variant of your own"

    @abstractmethod
    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Sets the converter's options.

        Args:
            converter: The converter.
            samples: Training samples, where `calibrated`.
        """

    @classmethod
    def tolerance(cls, layers: int) -> float:
        """Returns the largest difference allowed between a file's outputs and Keras's, RMS over RMS.

        It finds a broken graph; the weights are compared one by one elsewhere. Rounding errors of layers are
        independent, so that their squares add up, to `rounding * sqrt(layers)`. Four times that is allowed,
        but never more than half: unrelated outputs differ by their own size or more.

        Args:
            layers: The number of layers that round, see `verify.rounding_depth`.
        """
        return min(_MOST, _SUMMING + _MARGIN * cls.rounding * math.sqrt(layers))


VARIANTS: Registry[type[Variant]] = Registry("TFLite variant")


@VARIANTS.register("float32")
class Float32(Variant):
    """Float32 weights and activations."""

    runs_on = "wherever TFLite runs, microcontrollers with floats included"

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Leaves every optimization off."""
        converter.optimizations = []


@VARIANTS.register("float32_sparse")
class Float32Sparse(Variant):
    """Zeros left out where TFLite can encode it: Dense kernels in blocks of four inputs, others unpacked."""

    block = 4
    runs_on = "TFLite's full runtime on a CPU (phones, Linux); not TFLite Micro, no GPU or NPU delegate"

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Asks for the sparse encoding alone."""
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]


@VARIANTS.register("float16")
class Float16(Variant):
    """Weights in float16; a CPU converts them to float32."""

    # Half floats have 11 bits: an error spread evenly over 2 ** -11 has 2 ** -11 / sqrt(3) for its RMS.
    rounding = 2.0**-11 / math.sqrt(3)
    dense = "float16"
    runs_on = "TFLite's full runtime; half floats are computed with on GPUs only, a CPU widens them at load"

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Asks for float16 weights."""
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]


# A uniform error over a step of (largest value / 127) has an RMS of step / sqrt(12). Where the largest value
# is four times the RMS, that is 0.9 % for weights; activations, of 255 steps over a range of ten times their
# RMS, add 1.1 %: together 1.5 %.
_EIGHT_BITS = 0.015


@VARIANTS.register("dynamic_range")
class DynamicRange(Variant):
    """Large weights in eight bits; activations stay floats and are quantized at run time."""

    rounding = _EIGHT_BITS
    dense = "dynamic_range"
    runs_on = "TFLite's full runtime on a CPU; not on integer accelerators, for its activations are floats"

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Asks for quantized weights without calibration."""
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]


@VARIANTS.register("int8")
class Int8(Variant):
    """Weights, activations, input and output in eight bits, calibrated on training samples."""

    rounding = _EIGHT_BITS
    calibrated = True
    rounds_input = True
    dense = "int8"
    runs_on = "wherever TFLite runs: CPUs, TFLite Micro on microcontrollers, integer accelerators"

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Asks for integers throughout; an operator that has no such kernel fails the conversion."""
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8


@VARIANTS.register("int8_sparse")
class Int8Sparse(Int8):
    """As int8, with zeros left out: Dense kernels in blocks of sixteen inputs, others unpacked."""

    block = 16
    runs_on = Float32Sparse.runs_on

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        """Asks for integers throughout and the sparse encoding."""
        import tensorflow as tf

        super().configure(converter, samples)
        converter.optimizations = [tf.lite.Optimize.DEFAULT, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]


def convert_graph(
    graph: Path,
    variant: type[Variant],
    target: Path,
    calibration: Path | None = None,
    *,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Writes a graph as a TFLite file.

    The converter may crash its process, so a run calls this in a `Child`.

    Args:
        graph: A SavedModel, see `write_graph`.
        variant: The kind of file.
        target: The file to write; an existing one is replaced.
        calibration: A `.npy` file of batches of training samples `[n, batch, ...]`, for a variant that is
            calibrated.
        alive: Called for each batch.

    Raises:
        Exception: Whatever the converter raises.
    """
    import tensorflow as tf

    batches = None if calibration is None else np.load(calibration, mmap_mode="r")

    def samples() -> Iterator[list[Any]]:
        for batch in batches if batches is not None else ():
            alive()
            yield [np.array(batch)]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(graph))
    variant().configure(converter, samples)
    target.write_bytes(converter.convert())
