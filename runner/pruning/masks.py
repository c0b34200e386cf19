"""Masks as pure NumPy functions: weights in, 0/1 of the same shape and dtype out.

They are the specification. The training step computes the same masks inside the graph
(`graph_masks`); the tests hold the two against each other, and both against literal masks.
Weights are ranked by the bits of their magnitudes as float32: exactly, denormals and infinities included.
Kernels are in Keras layout: Dense `[in, out]`, convolutions `[*spatial, in, out]`, rank 2 or more. Every mask
function raises ValueError where an argument is out of range, a shape does not fit, or a weight is NaN.
"""

import math

import numpy as np
import numpy.typing as npt

from runner.pruning.counts import kept_count, m_by_n_zero_count, short_group_zeros
from runner.pruning.notation import M_BY_N_AXES, POOLINGS, Axis, m_by_n_problem

Array = npt.NDArray[np.generic]

_ABOVE_INFINITY = np.int32(2**31 - 1)


def unstructured_mask(weights: npt.ArrayLike, sparsity: float) -> Array:
    """Keeps the `kept_count` weights of largest magnitude; of equal magnitudes the lower flat index stays.

    Args:
        weights: Tensor of any shape.
        sparsity: Share to prune, in [0, 1).
    """
    array, bits = _ranked(weights)
    _check_sparsity(sparsity)
    kept = _largest(bits.ravel(), kept_count(array.size, sparsity))
    return kept.reshape(array.shape).astype(array.dtype)


def m_by_n_mask(
    weights: npt.ArrayLike, m: int, n: int, sparsity: float | None = None, axis: str = "auto"
) -> Array:
    """Zeroes the `m` smallest of every `n` weights along the row that TFLite stores.

    Args:
        weights: Kernel `[*spatial, in, out]`.
        m: Zeros in each group, 0 < m < n.
        n: Weights in each group.
        sparsity: None for the full pattern; otherwise the share of all weights to prune: the share
            `sparsity / (m/n)` of the pattern's zeros is set, the smallest magnitudes first.
        axis: `input_channels`, `flattened` (groups over `spatial x in`), or `auto`: input channels
            where they are a multiple of n, flattened where they are not.
    """
    array, bits = _ranked(weights)
    rows, by_channels = _pattern_rows(array.shape, m, n, axis)
    keep = np.ones(rows, dtype=bool)
    view = bits.reshape(rows)
    for start in range(0, rows[1], n):
        group = view[:, start : start + n, :]
        length = group.shape[1]
        zeros = m if length == n else short_group_zeros(length, m, n, keep=by_channels)
        order = np.argsort(-group, axis=1, kind="stable")
        np.put_along_axis(keep[:, start : start + n, :], order[:, length - zeros :, :], False, axis=1)
    full = keep.reshape(array.shape)
    if sparsity is None:
        return full.astype(array.dtype)
    _check_sparsity(sparsity)
    zeros = m_by_n_zero_count(int(np.count_nonzero(~full)), sparsity, m, n)
    scores = np.where(full, _ABOVE_INFINITY, bits).ravel()
    return _largest(scores, array.size - zeros).reshape(array.shape).astype(array.dtype)


def block_mask(
    weights: npt.ArrayLike, sparsity: float, block_size: tuple[int, int], pooling: str = "AVG"
) -> Array:
    """Prunes whole blocks of the matrix `[spatial x in, out]`.

    Blocks are laid from the first row and column; those at the far edges may be smaller, and their
    average is over the weights that are there.

    Args:
        weights: Kernel `[*spatial, in, out]`.
        sparsity: Share of the blocks to prune, in [0, 1).
        block_size: Rows (inputs) and columns (outputs) of a block, each at least 1.
        pooling: `AVG` or `MAX` of the magnitudes is the block's score.
    """
    array, bits = _ranked(weights)
    _check_sparsity(sparsity)
    rows, columns, pooling = check_block(array.shape, block_size, pooling)
    matrix = bits.reshape(-1, array.shape[-1])
    row_starts = np.arange(0, matrix.shape[0], rows)
    column_starts = np.arange(0, matrix.shape[1], columns)
    if pooling == "MAX":
        pooled = np.maximum.reduceat(np.maximum.reduceat(matrix, row_starts, axis=0), column_starts, axis=1)
    else:
        magnitudes = matrix.view(np.float32).astype(np.float64)
        sums = np.add.reduceat(np.add.reduceat(magnitudes, row_starts, axis=0), column_starts, axis=1)
        pooled = (sums / block_sizes(array.shape, (rows, columns))).astype(np.float32).view(np.int32)
    kept = _largest(pooled.ravel(), kept_count(pooled.size, sparsity)).reshape(pooled.shape)
    expanded = kept.repeat(rows, axis=0)[: matrix.shape[0]].repeat(columns, axis=1)[:, : matrix.shape[1]]
    return expanded.reshape(array.shape).astype(array.dtype)


def filter_mask(weights: npt.ArrayLike, sparsity: float) -> Array:
    """Prunes whole output filters by their L1 norm (arXiv 1608.08710).

    Args:
        weights: Kernel `[*spatial, in, out]`.
        sparsity: Share of the filters to prune, in [0, 1).
    """
    array, bits = _ranked(weights)
    _check_sparsity(sparsity)
    _check_rank(array.shape)
    norms = bits.view(np.float32).reshape(-1, array.shape[-1]).sum(axis=0, dtype=np.float64)
    kept = _largest(norms, kept_count(norms.size, sparsity))
    return np.broadcast_to(kept, array.shape).astype(array.dtype)


def is_m_by_n(weights: npt.ArrayLike, m: int, n: int, axis: str = "auto") -> bool:
    """Tells whether every group holds at least its zeros of the m:n pattern.

    Args:
        weights: Kernel `[*spatial, in, out]`.
        m: Zeros that each group of `n` must hold.
        n: Weights in each group.
        axis: As in `m_by_n_mask`.

    Returns:
        True when the pattern holds. A dense tensor never passes unless no group can hold a zero.
    """
    return m_by_n_groups(np.asarray(weights) == 0, m, n, axis)[1] == 0


def m_by_n_groups(zeros: npt.NDArray[np.bool_], m: int, n: int, axis: str = "auto") -> tuple[int, int]:
    """Counts the groups of the m:n pattern.

    Args:
        zeros: Where a kernel `[*spatial, in, out]` is zero, rank 2 or more.
        m: Zeros that each group of `n` must hold.
        n: Weights in each group.
        axis: As in `m_by_n_mask`.

    Returns:
        The groups that must hold a zero (a short last group may need none), and those of them that hold
        fewer than they must.
    """
    (runs, length, outputs), by_channels = _pattern_rows(zeros.shape, m, n, axis)
    view = zeros.reshape(runs, length, outputs)
    whole, rest = divmod(length, n)
    end = whole * n
    # Adding slices is many times faster than a sum over an axis as short as a group. In `astype` the memory's
    # order stays that of the slices.
    found = view[:, :end:n].astype("int32" if n > 255 else "uint8")
    for place in range(1, n):
        found += view[:, place:end:n]
    broken = int(np.count_nonzero(found < m))
    needed = short_group_zeros(rest, m, n, keep=by_channels)
    if needed:
        broken += int(np.count_nonzero(np.count_nonzero(view[:, end:], axis=1) < needed))
    return runs * outputs * (whole + (needed > 0)), broken


def resolve_axis(shape: tuple[int, ...], n: int, axis: str) -> Axis:
    """Resolves `auto` for a kernel `[*spatial, in, out]`."""
    _check_rank(shape)
    check_axis(axis)
    if axis == "input_channels" or (axis == "auto" and shape[-2] % n == 0):
        return "input_channels"
    return "flattened"


def m_by_n_zeros(shape: tuple[int, ...], m: int, n: int, axis: str = "auto") -> int:
    """Counts the zeros of the full m:n pattern in a kernel of this shape."""
    (runs, length, outputs), by_channels = _pattern_rows(shape, m, n, axis)
    groups, rest = divmod(length, n)
    return runs * outputs * (groups * m + short_group_zeros(rest, m, n, keep=by_channels))


def block_sizes(shape: tuple[int, ...], block_size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Counts the weights of each block of a kernel, `[blocks down, blocks across]`; fewer at far edges."""
    extents = (math.prod(shape[:-1]), shape[-1])
    heights, widths = (
        np.diff([*range(0, extent, size), extent]) for extent, size in zip(extents, block_size, strict=True)
    )
    return np.outer(heights, widths)


def check_m_by_n(m: int, n: int) -> None:
    """Raises ValueError unless m and n are whole numbers with 0 < m < n."""
    if not all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in (m, n)):
        raise ValueError(f"m:n is {m!r}:{n!r}, but both must be whole numbers, 0 < m < n.")
    if problem := m_by_n_problem(m, n):
        raise ValueError(f"m:n {problem}")


def check_axis(axis: str) -> None:
    """Raises ValueError unless the axis is one of `M_BY_N_AXES`."""
    if axis not in M_BY_N_AXES:
        raise ValueError(f"m_by_n_axis is {axis!r}; it must be one of {', '.join(M_BY_N_AXES)}.")


def check_block(shape: tuple[int, ...], block_size: tuple[int, int], pooling: str) -> tuple[int, int, str]:
    """Validates a block for a kernel of this shape; returns rows, columns and pooling."""
    _check_rank(shape)
    if pooling not in POOLINGS:
        raise ValueError(f"block pooling is {pooling!r}; it must be 'AVG' or 'MAX'.")
    rows, columns = block_size
    if rows < 1 or columns < 1:
        raise ValueError(f"block_size is {tuple(block_size)!r}; rows and columns must each be at least 1.")
    return rows, columns, pooling


def _pattern_rows(shape: tuple[int, ...], m: int, n: int, axis: str) -> tuple[tuple[int, int, int], bool]:
    """Shapes a kernel as `[runs, weights along a run, out]`; the flag says runs are input channels."""
    check_m_by_n(m, n)
    by_channels = resolve_axis(shape, n, axis) == "input_channels"
    spatial, inputs, outputs = math.prod(shape[:-2]), shape[-2], shape[-1]
    return ((spatial, inputs, outputs) if by_channels else (1, spatial * inputs, outputs)), by_channels


def _largest(scores: Array, keep: int) -> npt.NDArray[np.bool_]:
    """Marks the `keep` largest of a flat array; of equal scores the lower index is kept."""
    if keep >= scores.size:
        return np.ones(scores.size, dtype=bool)
    if keep <= 0:
        return np.zeros(scores.size, dtype=bool)
    threshold = np.partition(scores, scores.size - keep)[scores.size - keep]
    kept = scores > threshold
    ties = np.flatnonzero(scores == threshold)
    kept[ties[: keep - int(np.count_nonzero(kept))]] = True
    return kept


def _ranked(weights: npt.ArrayLike) -> tuple[Array, npt.NDArray[np.int32]]:
    """Returns the weights, and the bits of their magnitudes as float32, which order as these do."""
    array = np.asarray(weights)
    if array.size == 0:
        raise ValueError(f"cannot mask a tensor of shape {array.shape}: it has no weights.")
    with np.errstate(over="ignore"):  # What a float32 cannot hold is infinite, and as large as any.
        magnitudes = np.abs(array.astype(np.float32))
    if np.isnan(magnitudes).any():
        raise ValueError("cannot rank weights by magnitude: some are NaN.")
    return array, magnitudes.view(np.int32)


def _check_rank(shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        raise ValueError(
            f"this structure needs a kernel [*spatial, in, out] of rank 2 or more; found shape {shape}."
        )


def _check_sparsity(sparsity: float) -> None:
    if not 0.0 <= sparsity < 1.0:
        raise ValueError(f"sparsity is {sparsity!r}; it must be in [0, 1).")
