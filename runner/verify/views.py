"""How a Keras weight may lie in a TFLite constant: a permutation of its axes and a reshape.

Dense `[in, out]` is stored as `[out, in]`, Conv2D `[h, w, in, out]` as `[out, h, w, in]`, DepthwiseConv2D
`[h, w, c, m]` as `[1, h, w, c * m]`, Conv1D `[k, in, out]` as `[out, 1, k, in]`, a MultiHeadAttention kernel
`[in, heads, size]` as `[heads * size, in]`. Which of these a layer becomes is up to the converter, so all
views that fit a constant's shape are tried.
"""

import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """A permutation and reshape that makes a constant a Keras weight.

    Args:
        axes: The Keras axes in the order in which the file stores them.
        shape: The weight's shape in Keras layout.
        stored: The constant's shape.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    stored: tuple[int, ...]

    def to_file(self, weight: np.ndarray) -> np.ndarray:
        """Brings an array of Keras layout to the constant's shape."""
        return weight.transpose(self.axes).reshape(self.stored)

    def to_keras(self, constant: np.ndarray) -> np.ndarray:
        """Brings an array of the constant's shape to Keras layout."""
        return constant.reshape([self.shape[a] for a in self.axes]).transpose(np.argsort(self.axes))

    def places(self, positions: np.ndarray) -> np.ndarray:
        """Returns where in the flat constant the given flat Keras positions lie."""
        coordinates = np.unravel_index(positions, self.shape)
        stored = tuple(coordinates[a] for a in self.axes)
        return np.ravel_multi_index(stored, tuple(self.shape[a] for a in self.axes))


@functools.cache
def views(shape: tuple[int, ...], stored: tuple[int, ...]) -> tuple[View, ...]:
    """Lists every view of a constant of shape `stored` as a weight of shape `shape`.

    Args:
        shape: The weight's shape in Keras layout.
        stored: The constant's shape.

    Returns:
        The views, fewest moved axes first; none where the shapes do not fit. Axes of length 1 count for
        nothing, neighbouring axes may be stored as one, and one as several.
    """
    long = [a for a, d in enumerate(shape) if d != 1]
    short = tuple(a for a, d in enumerate(shape) if d == 1)
    if 0 in shape or np.prod(shape, dtype=np.int64) != np.prod(stored, dtype=np.int64):
        return ()
    ends = _ends(stored)
    found = []
    for order in itertools.permutations(long):
        own = _ends(shape[a] for a in order)
        if own <= ends or ends <= own:
            found.append(View((*order, *short), shape, stored))
    return tuple(found)


def _ends(shape: Iterable[int]) -> frozenset[int]:
    """Returns the cumulative products of a shape; one shape merges axes of another if its are a subset."""
    return frozenset(itertools.accumulate((d for d in shape if d != 1), lambda a, b: a * b))
