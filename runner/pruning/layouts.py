"""Kernel layouts: how the axes of a stored weight read as a kernel `[*spatial, in, out]`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.pruning.structures import Shape, library_of


@dataclass(frozen=True)
class KernelLayout:
    """Which axes of a weight are spatial, which are inputs and which outputs.

    Several input (or output) axes read as one, in their order; none reads as one of length 1, as of a
    depthwise kernel. A layout without any axes leaves the weight as it is stored.

    Args:
        spatial: Axes of the window.
        inputs: Axes that the layer sums over, without the window.
        outputs: Axes of the layer's outputs.
    """

    spatial: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    @property
    def _order(self) -> tuple[int, ...]:
        return (*self.spatial, *self.inputs, *self.outputs)

    def shape(self, stored: Sequence[int]) -> Shape:
        """Returns the kernel's shape for a weight of this stored shape."""
        if not self._order:
            return tuple(stored)
        spatial = (stored[axis] for axis in self.spatial)
        inputs, outputs = (math.prod(stored[axis] for axis in axes) for axes in (self.inputs, self.outputs))
        return (*spatial, inputs, outputs)

    def kernel(self, stored: Any) -> Any:
        """Views a weight (NumPy array or tensor of static shape) as a kernel."""
        if not self._order:
            return stored
        library = library_of(stored)
        return library.reshape(library.transpose(stored, self._order), self.shape(stored.shape))

    def stored(self, kernel: Any, shape: Sequence[int]) -> Any:
        """Brings a kernel's mask back to the axes, and the shape, in which the weight is stored."""
        if not self._order:
            return kernel
        library = library_of(kernel)
        moved = library.reshape(kernel, [shape[axis] for axis in self._order])
        return library.transpose(moved, np.argsort(self._order).tolist())


KERNEL = KernelLayout()
"""Dense `[in, out]`, convolutions `[*spatial, in, out]`, recurrent kernels `[in, gates x units]`."""


def transposed_layout(rank: int) -> KernelLayout:
    """A transposed convolution's `[*spatial, out, in]`."""
    return KernelLayout(tuple(range(rank - 2)), (rank - 1,), (rank - 2,))


def depthwise_layout(rank: int) -> KernelLayout:
    """A depthwise convolution's `[*spatial, in, multiplier]`: every output sees one input channel."""
    return KernelLayout(tuple(range(rank - 2)), (), (rank - 2, rank - 1))


def einsum_layout(equation: str) -> KernelLayout:
    """Reads an EinsumDense equation, such as `abc,cde->abde`: the kernel's axes that vanish are inputs."""
    operands, _, result = equation.replace("...", "").replace(" ", "").partition("->")
    axes = operands.split(",")[1]
    inputs = tuple(axis for axis, letter in enumerate(axes) if letter not in result)
    outputs = tuple(axis for axis, letter in enumerate(axes) if letter in result)
    return KernelLayout((), inputs, outputs)
