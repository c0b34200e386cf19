"""Decodes the sparse encoding of TFLite tensors.

A tensor is stored along `order`, a permutation of its dimensions and, behind them, of the dimensions inside
its blocks. Each level of that order is dense, or keeps only some of its entries in the manner of compressed
sparse rows. The format is that of TACO (Kjolstad et al. 2017, "The Tensor Algebra Compiler"), as
`SparsityParameters` in TensorFlow's `schema.fbs` describes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the traversal: dense with `size` entries, or compressed.

    Attributes:
        size: Entries of a dense level; `None` for a compressed one.
        segments: Where each parent's entries begin and end, `[parents + 1]`; compressed levels only.
        indices: The coordinate of each entry; compressed levels only.
    """

    size: int | None = None
    segments: np.ndarray | None = None
    indices: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            if self.size < 1 or self.segments is not None or self.indices is not None:
                raise ValueError(f"its sparse encoding has a dense level of {self.size} entries")
            return
        if self.segments is None or self.indices is None:
            raise ValueError("its sparse encoding lacks its segments or indices")
        falling = np.any(np.diff(self.segments) < 0)
        if (
            self.segments.size == 0
            or falling
            or self.segments[0] != 0
            or self.segments[-1] != self.indices.size
        ):
            raise ValueError("its sparse encoding has segments that do not fit its indices")

    def expand(self, parents: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns, for every entry of this level, its parent's number and its own coordinate."""
        if self.size is not None:
            return np.repeat(np.arange(parents), self.size), np.tile(np.arange(self.size), parents)
        if self.segments is None or self.indices is None:
            raise AssertionError("__post_init__ lets no such level through")
        if self.segments.size != parents + 1:
            raise ValueError(f"its sparse encoding has {self.segments.size - 1} segments for {parents} rows")
        return np.repeat(np.arange(parents), np.diff(self.segments)), self.indices


def densify(
    stored: np.ndarray,
    shape: Sequence[int],
    *,
    order: np.ndarray,
    block_map: np.ndarray,
    levels: Sequence[Level],
) -> np.ndarray:
    """Brings the compressed values of a sparse tensor back to its dense shape.

    Args:
        stored: The compressed values, flat.
        shape: The tensor's dense shape.
        order: The traversal order, `[len(shape) + len(block_map)]`.
        block_map: The dimension that each block dimension divides.
        levels: One level per entry of `order`.

    Returns:
        The values, of `shape` and of the dtype of `stored`, zero where nothing is stored.

    Raises:
        ValueError: The encoding contradicts itself or points outside the shape. (TensorFlow's encoder does
            both for Dense kernels that are narrower than its blocks.)
    """
    rank, depth = len(shape), len(shape) + len(block_map)
    if sorted(order.tolist()) != list(range(depth)) or len(levels) != depth:
        raise ValueError(f"its sparse encoding orders {list(order)} over {len(levels)} levels, not {depth}")
    if any(not 0 <= dimension < rank for dimension in block_map):
        raise ValueError(f"its sparse encoding has blocks along {list(block_map)} of {rank} dimensions")

    coordinates: dict[int, np.ndarray] = {}
    entries = 1
    for dimension, level in zip(order.tolist(), levels, strict=True):
        parents, own = level.expand(entries)
        coordinates = {outer: kept[parents] for outer, kept in coordinates.items()}
        coordinates[dimension] = own
        entries = own.size
    if entries != stored.size:
        raise ValueError(f"its sparse encoding places {entries} values, its buffer holds {stored.size}")

    places = [coordinates[dimension] for dimension in range(rank)]
    for block, dimension in enumerate(block_map.tolist()):
        size = levels[order.tolist().index(rank + block)].size
        if size is None:
            raise ValueError("its sparse encoding compresses the inside of a block")
        places[dimension] = places[dimension] * size + coordinates[rank + block]
    for dimension, (place, extent) in enumerate(zip(places, shape, strict=True)):
        if place.size and not 0 <= place.min() <= place.max() < extent:
            raise ValueError(
                f"its sparse encoding points at {int(place.min())} to {int(place.max())} along dimension"
                f" {dimension}, which has {extent}"
            )
    dense = np.zeros(tuple(shape), stored.dtype)
    dense[tuple(places)] = stored
    return dense
