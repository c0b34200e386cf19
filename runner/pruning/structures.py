"""Structures: which weights are zeroed together.

Each knows, for a kernel in Keras layout `[*spatial, in, out]`, how many zeros a sparsity plans, the mask (in
NumPy and in the graph), and whether the promised pattern holds.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from runner.pruning import masks
from runner.pruning.counts import kept_count, m_by_n_zero_count, reaches_full_pattern
from runner.pruning.notation import Axis, m_by_n_label

if TYPE_CHECKING:
    import tensorflow as tf

Shape = tuple[int, ...]


class Structure(abc.ABC):
    """Which weights are zeroed together."""

    reads_axes: ClassVar[bool] = True
    """Whether the mask depends on the axes that the weights lie along, not on their magnitudes alone."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """What tables print."""

    @abc.abstractmethod
    def problem(self, shape: Shape) -> str | None:
        """Says why the structure cannot prune a kernel of this shape; None when it can."""

    @abc.abstractmethod
    def planned_zeros(self, shape: Shape, sparsity: float) -> int:
        """Counts the zeros that `mask` sets in a kernel of this shape, without computing it."""

    @abc.abstractmethod
    def mask(self, weights: npt.ArrayLike, sparsity: float) -> masks.Array:
        """Returns 0/1 of the shape and dtype of `weights`."""

    @abc.abstractmethod
    def graph_mask(self, weights: "tf.Tensor", sparsity: "tf.Tensor") -> "tf.Tensor":
        """Returns the same mask inside the graph, as bool."""

    def shared(self, scores: Any) -> Any:
        """Gives weights that are kept or pruned together one random score.

        Args:
            scores: NumPy array or tensor of static shape, a score for each weight of a kernel.
        """
        return scores

    def promises(self, sparsity: float) -> bool:
        """Tells whether a pattern beyond the count of zeros is promised at this sparsity."""
        return False

    def holds(self, weights: npt.ArrayLike, sparsity: float | None = None) -> bool:
        """Tells whether the pattern promised at this sparsity (None: any) holds in these weights."""
        return True

    def agrees(self, mask: masks.Array, sparsity: float) -> bool:
        """Tells whether a mask prunes exactly what this sparsity plans."""
        return int(np.count_nonzero(mask == 0)) == self.planned_zeros(mask.shape, sparsity)


@dataclass(frozen=True)
class Unstructured(Structure):
    """Single weights, the smallest magnitudes of the tensor first."""

    reads_axes: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """What tables print."""
        return "unstructured"

    def problem(self, shape: Shape) -> str | None:
        """Says why the structure cannot prune this shape."""
        return (
            None
            if np.prod(shape, dtype=np.int64) > 1
            else "it has a single weight, and one weight is always kept"
        )

    def planned_zeros(self, shape: Shape, sparsity: float) -> int:
        """Counts the zeros that `mask` sets."""
        size = int(np.prod(shape, dtype=np.int64))
        return size - kept_count(size, sparsity)

    def mask(self, weights: npt.ArrayLike, sparsity: float) -> masks.Array:
        """Returns `masks.unstructured_mask`."""
        return masks.unstructured_mask(weights, sparsity)

    def graph_mask(self, weights: "tf.Tensor", sparsity: "tf.Tensor") -> "tf.Tensor":
        """Returns the same mask inside the graph."""
        return _graph_masks().unstructured_mask(weights, sparsity)


@dataclass(frozen=True)
class MByN(Structure):
    """`m` zeros in every `n` weights of the row that TFLite stores (semi-structured).

    Args:
        m: Zeros in each group, 0 < m < n.
        n: Weights in each group.
        axis: `auto`, `input_channels` or `flattened`; see `masks.m_by_n_mask`.
    """

    m: int
    n: int
    axis: str = "auto"

    def __post_init__(self) -> None:
        masks.check_m_by_n(self.m, self.n)
        masks.check_axis(self.axis)

    @property
    def label(self) -> str:
        """What tables print."""
        return m_by_n_label(self.m, self.n)

    def resolved_axis(self, shape: Shape) -> Axis:
        """Returns what the groups run along in a kernel of this shape."""
        return masks.resolve_axis(shape, self.n, self.axis)

    def problem(self, shape: Shape) -> str | None:
        """Says why the structure cannot prune this shape."""
        if len(shape) < 2:
            return f"{self.label} needs a kernel with input channels; the shape is {shape}"
        if self.planned_zeros(shape, self.m / self.n) == 0:
            return f"{self.label} along {self.resolved_axis(shape)} can zero nothing in shape {shape}"
        return None

    def planned_zeros(self, shape: Shape, sparsity: float) -> int:
        """Counts the zeros that `mask` sets."""
        full = masks.m_by_n_zeros(shape, self.m, self.n, self.axis)
        return m_by_n_zero_count(full, sparsity, self.m, self.n)

    def mask(self, weights: npt.ArrayLike, sparsity: float) -> masks.Array:
        """Returns `masks.m_by_n_mask` at this sparsity."""
        return masks.m_by_n_mask(weights, self.m, self.n, sparsity, self.axis)

    def graph_mask(self, weights: "tf.Tensor", sparsity: "tf.Tensor") -> "tf.Tensor":
        """Returns the same mask inside the graph."""
        return _graph_masks().m_by_n_mask(weights, self.m, self.n, sparsity, self.axis)

    def promises(self, sparsity: float) -> bool:
        """Tells whether the full pattern is promised: the sparsity reaches m/n."""
        return reaches_full_pattern(sparsity, self.m, self.n)

    def holds(self, weights: npt.ArrayLike, sparsity: float | None = None) -> bool:
        """Tells whether every group holds its zeros."""
        return masks.is_m_by_n(weights, self.m, self.n, self.axis)


@dataclass(frozen=True)
class Block(Structure):
    """Whole blocks of the matrix `[spatial x in, out]`.

    Args:
        rows: Inputs in a block, at least 1.
        columns: Outputs in a block, at least 1.
        pooling: `AVG` or `MAX` of the magnitudes is the block's score.
    """

    rows: int
    columns: int
    pooling: str = "AVG"

    def __post_init__(self) -> None:
        masks.check_block((1, 1), (self.rows, self.columns), self.pooling)

    @property
    def label(self) -> str:
        """What tables print."""
        return f"block {self.rows}x{self.columns}"

    def _block_sizes(self, shape: Shape) -> npt.NDArray[np.int64]:
        return masks.block_sizes(shape, (self.rows, self.columns)).ravel()

    def problem(self, shape: Shape) -> str | None:
        """Says why the structure cannot prune this shape."""
        if len(shape) < 2:
            return f"{self.label} needs a kernel of rank 2 or more; the shape is {shape}"
        if self._block_sizes(shape).size == 1:
            return f"{self.label} covers the whole shape {shape}, and one block is always kept"
        return None

    def planned_blocks(self, shape: Shape, sparsity: float) -> int:
        """Counts the blocks that `mask` zeroes."""
        blocks = self._block_sizes(shape).size
        return blocks - kept_count(blocks, sparsity)

    def planned_zeros(self, shape: Shape, sparsity: float) -> int:
        """Counts the zeros that `mask` sets at the least: exact unless blocks at an edge are ragged."""
        sizes = np.sort(self._block_sizes(shape))
        return int(sizes[: self.planned_blocks(shape, sparsity)].sum())

    def _all_zero(self, weights: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Marks the blocks, in the order of `_block_sizes`, that are all zero."""
        matrix = np.asarray(weights).reshape(-1, np.shape(weights)[-1]) != 0
        alive = np.logical_or.reduceat(matrix, np.arange(0, matrix.shape[0], self.rows), axis=0)
        alive = np.logical_or.reduceat(alive, np.arange(0, matrix.shape[1], self.columns), axis=1)
        return ~alive.ravel()

    def shared(self, scores: Any) -> Any:
        """Gives every block the score of its first weight; a mean would single out ragged blocks."""
        library = library_of(scores)
        shape = tuple(scores.shape)
        matrix = library.reshape(scores, [-1, shape[-1]])
        tall = library.repeat(matrix[:: self.rows, :: self.columns], self.rows, axis=0)
        spread = library.repeat(tall, self.columns, axis=1)[: matrix.shape[0], : shape[-1]]
        return library.reshape(spread, shape)

    def promises(self, sparsity: float) -> bool:
        """Tells whether zero blocks are promised: always, where any are planned."""
        return sparsity > 0

    def holds(self, weights: npt.ArrayLike, sparsity: float | None = None) -> bool:
        """Tells whether at least the planned number of blocks (None: one) is all zero."""
        planned = 1 if sparsity is None else self.planned_blocks(np.shape(weights), sparsity)
        return int(self._all_zero(weights).sum()) >= planned

    def agrees(self, mask: masks.Array, sparsity: float) -> bool:
        """Tells whether a mask prunes exactly the planned number of blocks, and nothing beside them."""
        pruned = self._all_zero(mask)
        nothing_beside = int(self._block_sizes(mask.shape)[pruned].sum()) == int(np.count_nonzero(mask == 0))
        return nothing_beside and int(pruned.sum()) == self.planned_blocks(mask.shape, sparsity)

    def mask(self, weights: npt.ArrayLike, sparsity: float) -> masks.Array:
        """Returns `masks.block_mask`."""
        return masks.block_mask(weights, sparsity, (self.rows, self.columns), self.pooling)

    def graph_mask(self, weights: "tf.Tensor", sparsity: "tf.Tensor") -> "tf.Tensor":
        """Returns the same mask inside the graph."""
        return _graph_masks().block_mask(weights, sparsity, (self.rows, self.columns), self.pooling)


def structure_from_arguments(
    block_size: Sequence[int],
    block_pooling_type: str,
    sparsity_m_by_n: Sequence[int] | None,
    m_by_n_axis: str = "auto",
) -> Structure:
    """Reads the arguments of `prune_low_magnitude` as one structure.

    Raises:
        ValueError: If they name two structures, or an unusable one.
    """
    if len(block_size) != 2:
        raise ValueError(f"block_size is {block_size!r}; it must be (rows, columns).")
    rows, columns = block_size
    block = Block(rows, columns, block_pooling_type)
    if sparsity_m_by_n is None:
        return Unstructured() if (rows, columns) == (1, 1) else block
    if (rows, columns) != (1, 1):
        raise ValueError("block_size and sparsity_m_by_n name two structures; a layer can have one.")
    if len(sparsity_m_by_n) != 2:
        raise ValueError(f"sparsity_m_by_n is {sparsity_m_by_n!r}; it must be (m, n).")
    m, n = sparsity_m_by_n
    return MByN(m, n, m_by_n_axis)


def structure_arguments(structure: Structure) -> dict[str, Any]:
    """Returns the arguments of `structure_from_arguments` that name a structure, as JSON can hold them.

    Raises:
        TypeError: If none do.
    """
    named: dict[str, Any] = {
        "block_size": [1, 1],
        "block_pooling_type": "AVG",
        "sparsity_m_by_n": None,
        "m_by_n_axis": "auto",
    }
    if isinstance(structure, MByN):
        named |= {"sparsity_m_by_n": [structure.m, structure.n], "m_by_n_axis": structure.axis}
    elif isinstance(structure, Block):
        named |= {"block_size": [structure.rows, structure.columns], "block_pooling_type": structure.pooling}
    elif type(structure) is not Unstructured:
        raise TypeError(f"no arguments name the structure {structure.label}, so it cannot be saved.")
    return named


def library_of(array: Any) -> Any:
    """Returns NumPy for its arrays, TensorFlow for tensors; it is imported only then."""
    if isinstance(array, np.ndarray):
        return np
    import tensorflow as tf

    return tf


def _graph_masks() -> ModuleType:
    from runner.pruning import graph_masks  # It imports TensorFlow, which masks in NumPy do without.

    return graph_masks
