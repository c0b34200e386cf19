"""Decodes the sparse encoding of TFLite tensors.

A tensor is stored along `order`, a permutation of its dimensions and, behind them, of the dimensions inside
its blocks. Each level of that order is dense, or keeps only some of its entries in the manner of compressed
sparse rows. The format is that of TACO (Kjolstad et al. 2017, "The Tensor Algebra Compiler"), as
`SparsityParameters` in TensorFlow's `schema.fbs` describes it.

Every number of an encoding may be wrong, so none is believed: nothing is allocated by one before it is known
to fit the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the traversal: dense with `size` entries, or compressed.

    Attributes:
        size: Entries of a dense level; `None` for a compressed one.
        segments: Where each parent's entries begin and end, `[parents + 1]`; compressed levels only.
        indices: The coordinate of each entry; compressed levels only.
    """

    size: int | None = None
    segments: np.ndarray = field(default_factory=lambda: _NONE)
    indices: np.ndarray = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        if self.size is not None:
            if self.size < 1 or self.segments.size or self.indices.size:
                raise ValueError(f"it has a dense level of {self.size} entries")
        elif self.segments.size == 0:
            raise ValueError("it lacks its segments or indices")
        elif (
            np.any(np.diff(self.segments) < 0)
            or self.segments[0] != 0
            or self.segments[-1] != self.indices.size
        ):
            raise ValueError("it has segments that do not fit its indices")

    def count(self, parents: int) -> int:
        """Returns how many entries this level has under so many parents.

        Raises:
            ValueError: It is compressed and has another number of parents.
        """
        if self.size is not None:
            return parents * self.size
        if self.segments.size != parents + 1:
            raise ValueError(f"it has {self.segments.size - 1} segments for {parents} rows")
        return int(self.indices.size)

    def expand(self, parents: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns, for every entry of this level, its parent's number and its own coordinate."""
        if self.size is not None:
            return np.repeat(np.arange(parents), self.size), np.tile(np.arange(self.size), parents)
        return np.repeat(np.arange(parents), np.diff(self.segments)), self.indices


def block_sizes(
    shape: Sequence[int], *, order: np.ndarray, block_map: np.ndarray, levels: Sequence[Level]
) -> tuple[int, ...]:
    """Returns the size of a block along each dimension, 1 where the dimension is not divided.

    Args:
        shape: The tensor's dense shape.
        order: The traversal order, `[len(shape) + len(block_map)]`.
        block_map: The dimension that each block dimension divides.
        levels: One level per entry of `order`.

    Raises:
        ValueError: The encoding contradicts itself.
    """
    rank, depth = len(shape), len(shape) + len(block_map)
    if sorted(order.tolist()) != list(range(depth)) or len(levels) != depth:
        raise ValueError(f"it orders {order.tolist()} over {len(levels)} levels, not {depth}")
    if any(not 0 <= dimension < rank for dimension in block_map):
        raise ValueError(f"it has blocks along {block_map.tolist()} of {rank} dimensions")
    sizes = [1] * rank
    for block, dimension in enumerate(block_map.tolist()):
        size = levels[order.tolist().index(rank + block)].size
        if size is None:
            raise ValueError("it compresses the inside of a block")
        sizes[dimension] *= size
    return tuple(sizes)


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
        order: As in `block_sizes`.
        block_map: As there, each dimension once.
        levels: As there.

    Returns:
        The values, of `shape` and of the dtype of `stored`, zero where nothing is stored.

    Raises:
        ValueError: The encoding contradicts itself, points outside the shape or at one place twice.
            (TensorFlow's encoder points outside for Dense kernels that are narrower than its blocks.)
    """
    rank = len(shape)
    sizes = block_sizes(shape, order=order, block_map=block_map, levels=levels)
    if len(set(block_map.tolist())) < len(block_map):
        raise ValueError(f"it has blocks along {block_map.tolist()}, one dimension twice")
    if any(extent < 1 for extent in shape):
        raise ValueError(f"its shape is {list(shape)}")
    _check_counts(stored.size, shape, sizes, order.tolist(), levels)

    coordinates: dict[int, np.ndarray] = {}
    entries = 1
    for dimension, level in zip(order.tolist(), levels, strict=True):
        parents, own = level.expand(entries)
        coordinates = {outer: kept[parents] for outer, kept in coordinates.items()}
        coordinates[dimension] = own
        entries = own.size
    places = [coordinates[dimension] * sizes[dimension] for dimension in range(rank)]
    for block, dimension in enumerate(block_map.tolist()):
        places[dimension] = places[dimension] + coordinates[rank + block]
    for dimension, (place, extent) in enumerate(zip(places, shape, strict=True)):
        if place.size and not 0 <= place.min() <= place.max() < extent:
            raise ValueError(
                f"it points at {int(place.min())} to {int(place.max())} along dimension {dimension}, which"
                f" has {extent}"
            )
    dense = np.zeros(tuple(shape), stored.dtype)
    taken = np.zeros(tuple(shape), np.bool_)
    dense[tuple(places)], taken[tuple(places)] = stored, True
    if np.count_nonzero(taken) != stored.size:
        twice = stored.size - np.count_nonzero(taken)
        raise ValueError(f"it places {twice} of its {stored.size} values where another lies")
    return dense


def _check_counts(
    stored: int, shape: Sequence[int], sizes: Sequence[int], order: Sequence[int], levels: Sequence[Level]
) -> None:
    """Counts the entries level by level, which no contradiction survives, before any is made."""
    rank, entries = len(shape), 1
    for dimension, level in zip(order, levels, strict=True):
        # Less than a block may be left over.
        if dimension < rank and level.size is not None and shape[dimension] // sizes[dimension] != level.size:
            raise ValueError(
                f"it has a dense level of {level.size} entries of {sizes[dimension]} along dimension"
                f" {dimension}, which has {shape[dimension]}"
            )
        entries = level.count(entries)
    if entries != stored:
        raise ValueError(f"it places {entries} values, its buffer holds {stored}")
