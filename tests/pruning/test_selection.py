"""Both selections against a NumPy oracle: a stable sort, so that of equal scores the lower index is kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from runner.pruning.selection import (
    keep_largest,
    keep_largest_by_bisection,
    keep_largest_by_histogram,
    magnitude_bits,
)

SIZE = 257
RNG = np.random.default_rng(0)
SINGLE = np.finfo(np.float32)


def spread() -> np.ndarray:
    return RNG.normal(size=SIZE)


def denormals() -> np.ndarray:
    """Every magnitude below the smallest normal one, some of them zero."""
    return np.arange(SIZE)[::-1] * float(SINGLE.smallest_subnormal) * RNG.choice([-1, 1], SIZE)


def of_all_kinds() -> np.ndarray:
    limits = [float(value) for value in (SINGLE.tiny, SINGLE.max, SINGLE.smallest_subnormal)]
    kinds = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, *limits]
    return RNG.choice(kinds, SIZE)


WEIGHTS: dict[str, np.ndarray] = {
    "distinct": spread(),
    "rising": np.arange(SIZE, dtype=np.float64),
    "ties": np.round(spread(), 1),
    "one value": np.full(SIZE, -0.5),
    "zeros": np.zeros(SIZE),
    "mostly zeros": np.where(RNG.random(SIZE) < 0.9, 0.0, spread()),
    "denormals": denormals(),
    "bits that differ at the bottom": (1.0 + RNG.integers(0, 9, SIZE) * float(SINGLE.eps)),
    "bits that differ at the top": 2.0 ** RNG.integers(-120, 120, SIZE),
    "of all kinds": of_all_kinds(),
}
KEEPS = (1, 2, 100, SIZE - 1, SIZE)


def oracle(weights: np.ndarray, keep: int) -> np.ndarray:
    """NaN ranks above infinity, as it does for the engine."""
    magnitudes = np.abs(weights.astype(np.float32))
    ranks = np.where(np.isnan(magnitudes), np.inf, magnitudes)
    order = np.lexsort((np.arange(weights.size), -ranks, ~np.isnan(magnitudes)))
    kept = np.zeros(weights.size, bool)
    kept[order[:keep]] = True
    return kept


def scores(weights: np.ndarray) -> tf.Tensor:
    return magnitude_bits(tf.constant(weights, tf.float32))


# The histogram is never compiled: XLA takes minutes over it.
SELECTIONS: dict[str, Callable[..., Any]] = {
    "histogram": keep_largest_by_histogram,
    "bisection": keep_largest_by_bisection,
    "bisection, compiled": tf.function(keep_largest_by_bisection.python_function, jit_compile=True),
    "the one chosen": keep_largest,
    "the one chosen, compiled": tf.function(keep_largest, jit_compile=True),
}


@pytest.mark.parametrize("select", SELECTIONS.values(), ids=list(SELECTIONS))
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=list(WEIGHTS))
def test_the_largest_are_kept(weights: np.ndarray, select: Callable[..., Any]) -> None:
    for keep in KEEPS:
        found = select(scores(weights), tf.constant(keep)).numpy()
        np.testing.assert_array_equal(found, oracle(weights, keep), err_msg=f"keep={keep}")


def test_literal_masks() -> None:
    given = scores(np.array([0.5, -2.0, 0.0, 2.0, -0.5, 1.0]))
    for select in (keep_largest_by_histogram, keep_largest_by_bisection):
        assert select(given, 1).numpy().tolist() == [False, True, False, False, False, False]
        assert select(given, 4).numpy().tolist() == [True, True, False, True, False, True]
        assert select(given, 6).numpy().all()


@pytest.mark.parametrize("select", [keep_largest_by_histogram, keep_largest_by_bisection])
def test_a_single_score_is_kept(select: Callable[..., Any]) -> None:
    for value in (0.0, -3.0, np.nan):
        assert select(scores(np.array([value])), 1).numpy().tolist() == [True]


@pytest.mark.parametrize("select", [keep_largest_by_histogram, keep_largest_by_bisection])
@pytest.mark.parametrize("digits", [None, 2], ids=["distinct", "ties"])
def test_two_million_weights(select: Callable[..., Any], digits: int | None) -> None:
    weights = np.random.default_rng(1).normal(size=2_000_003).astype(np.float32)
    weights = weights if digits is None else np.round(weights, digits)
    for keep in (1, 200_001, 1_999_999):
        found = select(scores(weights), keep).numpy()
        assert np.count_nonzero(found) == keep
        np.testing.assert_array_equal(found, oracle(weights, keep))


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_bits_order_as_magnitudes_do(dtype: tf.DType) -> None:
    rising = [0.0, -6e-8, 1e-4, -0.5, 0.75, -1.0, 1.5, 300.0, float("inf"), float("nan")]
    bits = magnitude_bits(tf.constant(rising, dtype)).numpy()
    assert bits.dtype == np.int32
    assert bits[0] == 0
    assert (np.diff(bits) > 0).all()
    np.testing.assert_array_equal(bits, magnitude_bits(-tf.constant(rising, dtype)))


def test_the_shape_stays_known_in_a_graph() -> None:
    traced = tf.function(keep_largest).get_concrete_function(
        tf.TensorSpec([5], tf.int32), tf.TensorSpec([], tf.int32)
    )
    assert traced.structured_outputs.shape == [5]
