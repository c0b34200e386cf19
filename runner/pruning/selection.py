"""Selects the k largest scores inside the graph, exactly and in linear time.

A magnitude's float32 bits, read as an integer, order as the magnitude does. The threshold is found by
a histogram over those bits (one pass over all scores, one over those that share their upper half with
it), or, where XLA or a GPU runs the step, by bisection over the bits. Both are exact.

Both are traced once for weights of every shape.
"""

import tensorflow as tf

from runner.pruning.keras_internals import is_in_xla

_UPPER_BUCKETS = 1 << 15
_LOWER_BUCKETS = 1 << 16
_SMALLEST_NORMAL, _DENORMAL_STEP, _FIRST_NORMAL_BITS = 126, 149, 1 << 23
"""Of float32: the smallest normal number is 2**-126, the step between smaller ones 2**-149."""
_SIGNATURE = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)]


def magnitude_bits(weights: tf.Tensor) -> tf.Tensor:
    """Returns int32 scores that order as `|weights|` does; NaN ranks above all, so it prunes nothing else.

    They are the bits of the magnitude as float32, denormals included, which arithmetic takes for zeros.
    """
    if weights.dtype == tf.float64:
        return rounded_bits(tf.abs(weights))
    return tf.bitcast(tf.abs(tf.cast(weights, tf.float32)), tf.int32)


def rounded_bits(magnitudes: tf.Tensor) -> tf.Tensor:
    """Returns the bits of what float64 numbers from 0 on round to as float32, denormals included."""
    small = tf.cast(tf.round(magnitudes * 2.0**_DENORMAL_STEP), tf.int32)
    usual = tf.bitcast(tf.cast(magnitudes, tf.float32), tf.int32)
    return tf.where(magnitudes < 2.0**-_SMALLEST_NORMAL, small, usual)


def magnitudes_of_bits(bits: tf.Tensor) -> tf.Tensor:
    """Returns as float64 the magnitudes whose bits `magnitude_bits` gives."""
    small = tf.cast(bits, tf.float64) * 2.0**-_DENORMAL_STEP
    return tf.where(bits < _FIRST_NORMAL_BITS, small, tf.cast(tf.bitcast(bits, tf.float32), tf.float64))


def keep_largest(scores: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    """Marks the largest scores; of equal scores the lower index is kept.

    Args:
        scores: int32 `[n]`, not negative.
        keep: int32 scalar, 1 to n.

    Returns:
        bool `[n]` with exactly `keep` trues.
    """
    select = keep_largest_by_bisection if needs_bisection() else keep_largest_by_histogram
    return tf.ensure_shape(select(scores, tf.cast(keep, tf.int32)), scores.shape)


@tf.function(input_signature=_SIGNATURE, autograph=False)
def keep_largest_by_histogram(scores: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    """As `keep_largest`, by two histograms."""
    upper = tf.bitwise.right_shift(scores, 16)
    upper_bucket, above, _ = _bucket_of(_histogram(upper, _UPPER_BUCKETS), keep)
    shared = tf.boolean_mask(scores, tf.equal(upper, upper_bucket))
    lower = tf.bitwise.bitwise_and(shared, _LOWER_BUCKETS - 1)
    lower_bucket, above_lower, ties = _bucket_of(_histogram(lower, _LOWER_BUCKETS), keep - above)
    threshold = upper_bucket * _LOWER_BUCKETS + lower_bucket
    at_least, surplus = scores >= threshold, above + above_lower + ties - keep

    def break_ties() -> tf.Tensor:
        dropped = tf.where(tf.equal(scores, threshold))[ties - surplus :]  # Few, as a rule.
        return tf.tensor_scatter_nd_update(at_least, dropped, tf.zeros([surplus], tf.bool))

    return tf.cond(surplus > 0, break_ties, lambda: at_least)


@tf.function(input_signature=_SIGNATURE, autograph=False)
def keep_largest_by_bisection(scores: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    """As `keep_largest`, bit by bit from the highest."""

    def narrow(bit: tf.Tensor, threshold: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        candidate = threshold + tf.bitwise.left_shift(1, bit)
        enough = tf.math.count_nonzero(scores >= candidate, dtype=tf.int32) >= keep
        return bit - 1, tf.where(enough, candidate, threshold)

    _, threshold = tf.while_loop(lambda bit, _: bit >= 0, narrow, [tf.constant(30), tf.constant(0)])
    at_least, tied = scores >= threshold, tf.equal(scores, threshold)
    surplus = tf.math.count_nonzero(at_least, dtype=tf.int32) - keep
    # Ties are numbered from the last: XLA knows the length of a running sum, not that of a list of indices.
    from_last = tf.cumsum(tf.cast(tied, tf.int32), reverse=True)
    return tf.logical_and(at_least, tf.logical_not(tf.logical_and(tied, from_last <= surplus)))


def needs_bisection() -> bool:
    """XLA cannot compile a selection of unknown length, and GPU histograms are not deterministic."""
    return is_in_xla() or bool(tf.config.list_logical_devices("GPU"))


def _histogram(values: tf.Tensor, buckets: int) -> tf.Tensor:
    none = tf.zeros([0], tf.int32)
    return tf.raw_ops.DenseBincount(input=values, size=buckets, weights=none, binary_output=False)


def _bucket_of(counts: tf.Tensor, rank: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Finds the bucket that holds the score of this rank (1 = largest), how many lie above it and in it."""
    from_above = tf.cumsum(counts, reverse=True)
    bucket = tf.math.count_nonzero(from_above >= rank, dtype=tf.int32) - 1
    return bucket, from_above[bucket] - counts[bucket], counts[bucket]
