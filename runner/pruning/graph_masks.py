"""The masks of `masks`, computed inside the training step: tensors in, bool tensors out.

Kernels are in Keras layout `[*spatial, in, out]`, shapes static; a sparsity is a float32 scalar.
"""

import math

import tensorflow as tf

from runner.pruning.counts import SPARSITY_TOLERANCE, short_group_zeros
from runner.pruning.importance import DIGITS, FIRST, SECOND, SHIFTS, STEP
from runner.pruning.masks import block_sizes, m_by_n_zeros, resolve_axis
from runner.pruning.selection import keep_largest, magnitude_bits, magnitudes_of_bits, rounded_bits

_NETWORK_LIMIT = 16
"""Up to this group length every pair is compared; longer groups are sorted."""


def unstructured_mask(weights: tf.Tensor, sparsity: tf.Tensor) -> tf.Tensor:
    """As `masks.unstructured_mask`; bool of the shape of `weights`, which may be unknown here."""
    scores = tf.reshape(magnitude_bits(weights), [-1])
    return tf.reshape(keep_largest(scores, _kept_count(tf.size(scores), sparsity)), tf.shape(weights))


def m_by_n_mask(weights: tf.Tensor, m: int, n: int, sparsity: tf.Tensor, axis: str) -> tf.Tensor:
    """As `masks.m_by_n_mask` at a sparsity; bool of the shape of `weights`."""
    shape = tuple(weights.shape)
    bits = magnitude_bits(weights)
    full = _full_pattern(bits, shape, m, n, axis)
    share = tf.cast(sparsity, tf.float64) / (m / n)
    size, full_zeros = math.prod(shape), m_by_n_zeros(shape, m, n, axis)

    def partial() -> tf.Tensor:
        zeros = tf.cast(tf.round(share * full_zeros), tf.int32)
        scores = tf.where(full, tf.int32.max, bits)
        return tf.reshape(keep_largest(tf.reshape(scores, [size]), size - zeros), shape)

    complete = tf.cast(sparsity, tf.float64) >= m / n - SPARSITY_TOLERANCE
    return tf.cond(complete, lambda: full, partial)


def block_mask(weights: tf.Tensor, sparsity: tf.Tensor, block: tuple[int, int], pooling: str) -> tf.Tensor:
    """As `masks.block_mask`; bool of the shape of `weights`."""
    shape = tuple(weights.shape)
    (block_rows, block_columns), (rows, columns) = block, (math.prod(shape[:-1]), shape[-1])
    down, across = math.ceil(rows / block_rows), math.ceil(columns / block_columns)
    padding = [[0, down * block_rows - rows], [0, across * block_columns - columns]]
    padded = tf.pad(tf.reshape(magnitude_bits(weights), [rows, columns]), padding)
    tiles = tf.reshape(padded, [down, block_rows, across, block_columns])
    if pooling == "MAX":
        pooled = tf.reduce_max(tiles, axis=[1, 3])
    else:
        sizes = tf.constant(block_sizes(shape, block), tf.float64)
        pooled = rounded_bits(tf.reduce_sum(magnitudes_of_bits(tiles), axis=[1, 3]) / sizes)
    blocks = down * across
    kept = keep_largest(tf.reshape(pooled, [blocks]), _kept_count(blocks, sparsity))
    tiled = tf.broadcast_to(tf.reshape(kept, [down, 1, across, 1]), [down, block_rows, across, block_columns])
    matrix = tf.reshape(tiled, [down * block_rows, across * block_columns])
    return tf.reshape(matrix[:rows, :columns], shape)


def _kept_count(size: int | tf.Tensor, sparsity: tf.Tensor) -> tf.Tensor:
    kept = tf.round(tf.cast(size, tf.float64) * (1.0 - tf.cast(sparsity, tf.float64)))
    return tf.maximum(tf.cast(kept, tf.int32), 1)


def _full_pattern(bits: tf.Tensor, shape: tuple[int, ...], m: int, n: int, axis: str) -> tf.Tensor:
    by_channels = resolve_axis(shape, n, axis) == "input_channels"
    spatial, inputs, outputs = math.prod(shape[:-2]), shape[-2], shape[-1]
    runs, length = (spatial, inputs) if by_channels else (1, spatial * inputs)
    groups, rest = divmod(length, n)
    view = tf.reshape(bits, [runs, length, outputs])
    parts = []
    if groups:
        whole = tf.reshape(view[:, : groups * n], [runs * groups, n, outputs])
        parts.append(tf.reshape(_drop_smallest(whole, m), [runs, groups * n, outputs]))
    if rest:
        zeros = short_group_zeros(rest, m, n, keep=by_channels)
        parts.append(_drop_smallest(view[:, groups * n :], zeros))
    return tf.reshape(parts[0] if len(parts) == 1 else tf.concat(parts, axis=1), shape)


def _drop_smallest(groups: tf.Tensor, zeros: int) -> tf.Tensor:
    """Marks all but the `zeros` smallest along axis 1 of `[g, n, out]`; of equals the lower index stays."""
    length = groups.shape[1]
    if zeros == 0:
        return tf.ones(groups.shape, tf.bool)
    if length > _NETWORK_LIMIT:
        order = tf.argsort(groups, axis=1, direction="DESCENDING", stable=True)
        return tf.argsort(order, axis=1) < length - zeros
    columns = tf.unstack(groups, axis=1)
    beaten_by = [tf.zeros(columns[0].shape, tf.int8) for _ in columns]
    for first in range(length):
        for second in range(first + 1, length):
            first_wins = tf.cast(columns[first] >= columns[second], tf.int8)
            beaten_by[second] += first_wins
            beaten_by[first] += 1 - first_wins
    return tf.stack([count < length - zeros for count in beaten_by], axis=1)


def random_scores(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """As `importance.random_scores`, inside the graph: the same to the bit on every device, under XLA too.

    Args:
        size: Number of weights, an integer scalar.
        seed: uint64 scalar.

    Returns:
        float32 `[size]`.
    """

    def mixed(bits: tf.Tensor, shift: int) -> tf.Tensor:
        return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint64)))

    counted = tf.cast(tf.range(1, tf.cast(size, tf.int64) + 1), tf.uint64)
    bits = counted * tf.constant(STEP, tf.uint64) + seed
    bits = mixed(bits, SHIFTS[0]) * tf.constant(FIRST, tf.uint64)
    bits = mixed(bits, SHIFTS[1]) * tf.constant(SECOND, tf.uint64)
    upper = tf.bitwise.right_shift(mixed(bits, SHIFTS[2]), tf.constant(64 - DIGITS, tf.uint64))
    return tf.cast(tf.cast(upper, tf.int32), tf.float32) * 2.0**-DIGITS
