"""A constant of a TFLite file: its numbers, how they are stored, and which operators read them."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np


class Use(NamedTuple):
    """One place that reads a constant.

    Attributes:
        op: The operator's name.
        position: The constant's position among its inputs.
        turned: Whether a batched matrix product reads its matrices transposed.
    """

    op: str
    position: int
    turned: bool = False


@dataclass(frozen=True)
class Encoding:
    """How a sparse tensor is stored.

    Attributes:
        blocks: How many values lie side by side, by dimension, e.g. `(1, 4)` for blocks of four inputs; all
            ones where single values are stored.
    """

    blocks: tuple[int, ...]

    @property
    def in_blocks(self) -> bool:
        """Whether whole blocks are stored, rather than single values."""
        return any(size > 1 for size in self.blocks)


@dataclass(frozen=True, eq=False)
class StoredConstant:
    """One constant tensor of a TFLite file, decoded.

    Attributes:
        shape: Its dense shape.
        dtype: How the values are stored: `"float32"`, `"float16"`, `"int8"`, `"int4"`, ...
        stored: The numbers as they are stored, of that shape: sparse encodings are made dense, half floats
            widened, quantized integers left as they are.
        values: What they mean: quantized integers are brought to `(q - zero_point) * scale`. Integers without
            a scale stay as they are. All NaN where `problem` is set.
        scale: The quantization scales, one or one per slice along `axis`; empty when not quantized.
        zero_point: Their zero points, as many as there are scales.
        axis: The quantized dimension.
        encoding: How a sparse tensor is stored; `None` for a dense one.
        problem: Why its sparse encoding cannot be decoded; `None` where all is well.
        subgraph: Index of the subgraph that holds it.
        index: Index of the tensor in that subgraph.
        name: The tensor's name in the file; the converter often loses the layer's.
        uses: The operators that read it, those behind a DEQUANTIZE or a DENSIFY included.
        first_read: Its place in its subgraph in the order in which operators first read tensors.
        biases: What operators add to each output of the kernel that it is, as it is stored; none for others.
    """

    shape: tuple[int, ...]
    dtype: str
    stored: np.ndarray
    values: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int
    encoding: Encoding | None = None
    problem: str | None = None
    subgraph: int = 0
    index: int = 0
    name: str = ""
    uses: tuple[Use, ...] = ()
    first_read: int = 0
    biases: tuple[np.ndarray, ...] = ()

    @property
    def quantized(self) -> bool:
        """Whether the values are stored as integers with a scale."""
        return self.scale.size > 0

    @cached_property
    def zeros(self) -> np.ndarray:
        """Where the tensor is exactly zero, as booleans: at its zero point where it is quantized.

        Nowhere where `problem` is set.
        """
        if self.problem is not None:
            return np.broadcast_to(np.False_, self.shape)
        if not self.quantized:
            return np.asarray(self.stored == 0)
        return np.asarray(self.stored == along(self.zero_point, self.axis, len(self.shape)))

    def steps(self) -> np.ndarray:
        """The distance to the next storable number: how far a value may honestly lie from the original.

        Returns:
            An array that broadcasts against `values`: the quantization scale, the spacing of half or brain
            floats around each value, or zeros for full floats and integers.
        """
        if self.quantized:
            return along(self.scale, self.axis, len(self.shape))
        if self.dtype == "float16":
            return np.spacing(np.abs(self.values).astype(np.float16)).astype(np.float32)
        if self.dtype == "bfloat16":
            return np.spacing(np.abs(self.values)) * np.float32(2**16)
        return np.zeros((1,) * len(self.shape), np.float32)

    def __str__(self) -> str:
        uses = list(dict.fromkeys(f"{use.op} input {use.position}" for use in self.uses)) or ["no operator"]
        readers = ", ".join(uses[:3]) + (", ..." if len(uses) > 3 else "")
        return f"'{self.name}' ({self.dtype} {list(self.shape)}, read by {readers})"


def along(per_slice: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """Shapes one number per slice so that it broadcasts along `axis` of an array of `rank` dimensions."""
    if per_slice.size == 1:
        return per_slice.reshape((1,) * rank)
    return per_slice.reshape(tuple(per_slice.size if a == axis else 1 for a in range(rank)))
