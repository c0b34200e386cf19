"""NumPy's and the graph's masks are the same masks, whatever floats the weights are: a property test."""

from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.pruning.notation import M_BY_N_AXES, POOLINGS
from runner.pruning.structures import Block, MByN, Structure, Unstructured

BFLOAT16 = tf.bfloat16.as_numpy_dtype
EXTREMES = [
    *(0.0, -0.0, np.inf, -np.inf, 1.0, -1.0),
    *(1e-45, -3e-45, 1e-40, -1.1754942e-38, 1.1754944e-38, 1.2e-38),  # Around the smallest normal float32.
    *(6e-8, 6.1e-5, -5.96e-8, 65504.0, 65472.0),  # Likewise of float16, and its largest.
    *(3.4028235e38, -3.4028233e38, 1.7e38, 16777216.0, 16777217.0, 1 + 2**-23),
    *(1e300, -1e308, 1e-300, 5e-324, 1e-46, 1.0000000001),  # Beyond float32: for float64.
]
SHAPES = [(7,), (1, 2), (5, 3), (8, 4), (3, 2, 5), (2, 2, 3, 4)]
STRUCTURES: list[Structure] = [
    Unstructured(),
    *(MByN(m, n, axis) for m, n in ((2, 4), (1, 3), (5, 20)) for axis in M_BY_N_AXES),
    *(Block(*size, pooling) for size in ((1, 1), (2, 2), (4, 1), (3, 5)) for pooling in POOLINGS),
]


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, float]:
    dtype = draw(st.sampled_from([np.float32, np.float64, np.float16, BFLOAT16]))
    numbers = st.one_of(st.sampled_from(EXTREMES), st.floats(allow_nan=False), st.floats(-1, 1))
    weights = draw(arrays.arrays(np.float64, draw(st.sampled_from(SHAPES)), elements=numbers))
    sparsity = draw(st.sampled_from([0.0, 0.1, 0.25, 0.33, 0.5, 0.8, 0.99]))
    with np.errstate(over="ignore"):
        return weights.astype(dtype), sparsity


def assert_same(structure: Structure, weights: np.ndarray, sparsity: float) -> None:
    if structure.reads_axes and weights.ndim < 2:
        return
    found = structure.graph_mask(tf.constant(weights), tf.constant(sparsity, tf.float32)).numpy()
    np.testing.assert_array_equal(found, np.asarray(structure.mask(weights, sparsity)).astype(bool))
    assert np.count_nonzero(~found) >= structure.planned_zeros(weights.shape, sparsity)


def columns(*values: Any, dtype: Any = np.float32) -> np.ndarray:
    return np.array(values, np.float64).astype(dtype).reshape(-1, 1)


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=cases())
@example(case=(columns(1e-45, 0, 1e-40, 1e-40, 0, 0, 3e-45, 0), 0.5))
@example(case=(columns(np.inf, np.inf, 1, 2, np.inf, -np.inf, np.inf, 0), 0.33))
@example(case=(columns(3.4e38, 3.4e38, 3.4e38, 3.3e38, -3.4e38, 1, 1, 2), 0.5))
@example(case=(columns(1e300, 1e301, 1e-300, 2e-300, 1, 1 + 1e-12, 0, 0, dtype=np.float64), 0.5))
@example(case=(columns(6e-8, 1.2e-7, 0, 6e-8, 1, 1, 65504, 65504, dtype=np.float16), 0.5))
def test_masks_agree(structure: Structure, case: tuple[np.ndarray, float]) -> None:
    assert_same(structure, *case)


@pytest.mark.parametrize("structure", [Unstructured(), MByN(2, 4), Block(2, 1), Block(2, 1, "MAX")], ids=str)
def test_they_agree_inside_xla_too(structure: Structure) -> None:
    compiled = tf.function(structure.graph_mask, jit_compile=True)
    for weights in (
        columns(1e-45, 0, 1e-40, 1e-40, 0, 0, 3e-45, 0),
        columns(np.inf, np.inf, 1, 2, np.inf, -np.inf, np.inf, 0),
        columns(1e-320, 1e-45, 1e-40, 0, 1, 1 + 1e-12, 0, 0, dtype=np.float64),
    ):
        for sparsity in (0.33, 0.5):
            found = compiled(tf.constant(weights), tf.constant(sparsity, tf.float32)).numpy()
            np.testing.assert_array_equal(found, structure.mask(weights, sparsity).astype(bool))


@pytest.mark.parametrize("structure", [Unstructured(), MByN(2, 4), Block(2, 1)], ids=str)
def test_nan_is_refused(structure: Structure) -> None:
    with pytest.raises(ValueError, match="some are NaN"):
        structure.mask(columns(1, np.nan, 2, 3), 0.5)
