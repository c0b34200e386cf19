"""The masks of a run as its TFLite file holds them: matrices of zeros, read from the bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runner.plan import PlannedWeight
from runner.pruning.layouts import KernelLayout
from runner.pruning.structures import Block, MByN
from runner.report.tables import weight_title
from runner.verify import PrunedWeight, find_weights
from runner.verify.evidence import Key
from runner.verify.weight_match import WeightMatch

Edges = NDArray[np.int64]
_NO_EDGES: Edges = np.zeros(0, np.int64)


class Groups(NamedTuple):
    """Where the groups of a structure begin in a matrix, without the first, and how large a whole one is."""

    rows: Edges = _NO_EDGES
    columns: Edges = _NO_EDGES
    size: tuple[int, int] = (1, 1)


_NO_GROUPS = Groups()


@dataclass(frozen=True, eq=False)
class StoredMask:
    """One pruned tensor in a TFLite file.

    Args:
        title: What tables call it.
        pattern: The structure's label.
        rows: What the rows of `zeros` are, e.g. `outputs`.
        columns: What its columns are.
        zeros: Boolean `[rows, columns]`: where the file holds a zero.
        before: The weights that pruning began with.
        after: What is left of them, without zeros.
        after_from: Where `after` was read, in words.
        groups: Of the structure; none where they cannot be drawn.
    """

    title: str
    pattern: str
    rows: str
    columns: str
    zeros: NDArray[np.bool_]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    after_from: str
    groups: Groups = _NO_GROUPS


def read_stored_masks(
    expected: Sequence[PrunedWeight],
    planned: Mapping[Key, PlannedWeight],
    before: Mapping[Key, np.ndarray],
    path: Path,
) -> Iterator[StoredMask | None]:
    """Reads pruned tensors from a TFLite file, one by one, so that few large arrays are held at once.

    Args:
        expected: The trained weights and masks, which identify constants of the file.
        planned: The plan's rows.
        before: The weights that pruning began with.
        path: The file.

    Yields:
        A mask for each of `expected`; None where the file does not hold the weight.
    """
    for weight, matches in zip(expected, find_weights(expected, path), strict=True):
        key = weight.layer, weight.weight
        yield _stored(weight, matches, planned[key], before[key]) if matches else None


def _stored(
    weight: PrunedWeight, matches: Sequence[WeightMatch], row: PlannedWeight, before: np.ndarray
) -> StoredMask:
    parts = [_matrix(match, weight.layout) for match in matches]
    first, outputs = parts[0], row.kernel_shape[-1]
    zeros = np.concatenate([part.zeros for part in parts], axis=0)
    # In a stored order other than the kernel's, groups are not rectangles.
    known = first.kernel_order and zeros.shape == (outputs, weight.values.size // outputs)
    # A scale that the converter folded in would set "after" beside a "before" without it.
    folded = any(match.folded for match in matches)
    values = weight.values if folded else np.concatenate([m.values() for m in matches], axis=-1)
    return StoredMask(
        title=weight_title(row),
        pattern=weight.structure.label,
        rows=first.rows,
        columns=first.columns,
        zeros=zeros,
        before=before.reshape(-1),
        after=values[values != 0],
        after_from="in model.keras; the file holds them scaled" if folded else "in the file",
        groups=group_edges(row) if known else _NO_GROUPS,
    )


def group_edges(row: PlannedWeight) -> Groups:
    """Finds the groups of a planned weight's structure in the matrix `[outputs, spatial x inputs]`."""
    *spatial, inputs, outputs = (1, *row.kernel_shape)[-max(2, len(row.kernel_shape)) :]
    columns = int(np.prod(spatial, dtype=np.int64)) * inputs
    if isinstance(row.structure, MByN):
        n = row.structure.n
        # Along the input channels the groups begin again at every place of the window.
        run = inputs if row.axis == "input_channels" else columns
        starts = np.arange(0, columns, run)[:, None] + np.arange(0, run, n)[None, :]
        return Groups(_NO_EDGES, starts.reshape(-1)[1:], (1, n))
    if isinstance(row.structure, Block):
        tall, wide = row.structure.columns, row.structure.rows  # Of the transposed kernel.
        return Groups(np.arange(tall, outputs, tall), np.arange(wide, columns, wide), (tall, wide))
    return _NO_GROUPS


class _Matrix(NamedTuple):
    """A constant laid out flat, what its rows and columns are, and whether they are a kernel's."""

    zeros: NDArray[np.bool_]
    rows: str
    columns: str
    kernel_order: bool


def _matrix(match: WeightMatch, layout: KernelLayout) -> _Matrix:
    """Lays a constant out as a matrix whose rows are the layer's outputs, in the order of the file."""
    shape, zeros = match.view.shape, match.constant.zeros
    rank = len(shape)
    if rank < 2:
        return _Matrix(zeros.reshape(1, -1), "the tensor", "values", False)
    outputs = layout.outputs or (rank - 1,)
    rest = (*layout.spatial, *layout.inputs) if layout.outputs else tuple(range(rank - 1))
    long = [axis for axis in match.view.axes if shape[axis] != 1]
    ordered = [axis for axis in long if axis not in outputs] == [axis for axis in rest if shape[axis] != 1]
    count = int(np.prod([shape[axis] for axis in outputs], dtype=np.int64))
    inputs = "inputs" if rank == 2 else "inputs at each place of the window"
    if count == 1 or long[0] in outputs:
        return _Matrix(zeros.reshape(count, -1), "outputs", inputs, ordered)
    if long[-1] in outputs:
        return _Matrix(zeros.reshape(-1, count).T, "outputs", f"{inputs} (stored first)", ordered)
    return _Matrix(zeros.reshape(zeros.shape[0], -1), "first stored axis", "other stored axes", False)


def density(mask: StoredMask, most_rows: int, most_columns: int) -> tuple[NDArray[np.float64], int, int]:
    """Returns the shares of kept weights, in [0, 1], in at most so many rows and columns of cells.

    Also returns how many rows and columns of weights a cell covers: whole groups, at the edges maybe fewer.
    """
    rows, columns = mask.zeros.shape
    group_rows, group_columns = mask.groups.size
    tall, wide = _cell(rows, most_rows, group_rows), _cell(columns, most_columns, group_columns)
    tops, lefts = np.arange(0, rows, tall), np.arange(0, columns, wide)
    zeros = np.add.reduceat(np.add.reduceat(mask.zeros, tops, axis=0, dtype=np.int32), lefts, axis=1)
    sizes = np.outer(np.diff([*tops, rows]), np.diff([*lefts, columns]))
    return 1.0 - zeros / sizes, tall, wide


def _cell(length: int, most: int, group: int) -> int:
    """Chooses how many weights a cell takes; parts of groups would draw stripes that no mask has."""
    least = -(-length // most)
    return 1 if length <= most else -(-least // group) * group
