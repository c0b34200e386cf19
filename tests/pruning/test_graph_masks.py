"""The graph's masks against the NumPy ones."""

import numpy as np
import pytest
import tensorflow as tf

from runner.pruning import graph_masks, masks
from runner.pruning.notation import M_BY_N_AXES, POOLINGS

SPARSITIES = [0.0, 0.1, 0.35, 0.5, 0.6, 0.9, 0.999]


def kernels() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    ties = rng.integers(-3, 4, (6, 10)).astype(np.float32)
    mostly_zero = np.where(rng.random((3, 3, 4, 5)) < 0.8, 0, rng.normal(size=(3, 3, 4, 5))).astype(
        np.float32
    )
    tiny = (rng.normal(size=(7, 9)) * 1e-38).astype(np.float32)
    return [
        rng.normal(size=(8, 6)).astype(np.float32),
        rng.normal(size=(3, 3, 2, 4)).astype(np.float32),
        rng.normal(size=(5, 7, 3)).astype(np.float32),
        np.ones((5, 4), np.float32),
        ties,
        mostly_zero,
        tiny,
    ]


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: "x".join(map(str, k.shape)))
def test_unstructured(kernel: np.ndarray, sparsity: float) -> None:
    found = graph_masks.unstructured_mask(tf.constant(kernel), tf.constant(sparsity)).numpy()
    np.testing.assert_array_equal(found, masks.unstructured_mask(kernel, sparsity).astype(bool))


@pytest.mark.parametrize("axis", M_BY_N_AXES)
@pytest.mark.parametrize(("m", "n"), [(1, 2), (2, 4), (1, 4), (3, 8), (5, 20)])
@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: "x".join(map(str, k.shape)))
def test_m_by_n(kernel: np.ndarray, m: int, n: int, axis: str) -> None:
    for sparsity in (0.0, 0.3 * m / n, m / n):
        found = graph_masks.m_by_n_mask(
            tf.constant(kernel), m, n, tf.constant(sparsity, tf.float32), axis
        ).numpy()
        np.testing.assert_array_equal(found, masks.m_by_n_mask(kernel, m, n, sparsity, axis).astype(bool))
        zeros = masks.m_by_n_zeros(kernel.shape, m, n, axis)
        assert np.count_nonzero(~found) == round(zeros * min(1.0, float(np.float32(sparsity)) / (m / n)))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("block", [(1, 1), (4, 1), (1, 3), (2, 2), (5, 4), (100, 100)])
@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: "x".join(map(str, k.shape)))
def test_block(kernel: np.ndarray, block: tuple[int, int], pooling: str) -> None:
    for sparsity in (0.0, 0.5, 0.8):
        found = graph_masks.block_mask(tf.constant(kernel), tf.constant(sparsity), block, pooling).numpy()
        np.testing.assert_array_equal(found, masks.block_mask(kernel, sparsity, block, pooling).astype(bool))


def test_masks_are_the_same_inside_a_compiled_function() -> None:
    kernel = tf.constant(np.random.default_rng(1).normal(size=(40, 30)).astype(np.float32))
    plain = tf.function(graph_masks.unstructured_mask)(kernel, tf.constant(0.7))
    compiled = tf.function(graph_masks.unstructured_mask, jit_compile=True)(kernel, tf.constant(0.7))
    np.testing.assert_array_equal(plain, compiled)
    assert np.count_nonzero(plain) == 360


def test_nan_prunes_nothing_else() -> None:
    weights = tf.constant([1.0, np.nan, 3.0, 2.0])
    np.testing.assert_array_equal(graph_masks.unstructured_mask(weights, tf.constant(0.5)), [0, 1, 1, 0])
