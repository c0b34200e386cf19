import numpy as np
import pytest

from runner.pruning.counts import kept_count
from runner.pruning.masks import (
    block_mask,
    filter_mask,
    is_m_by_n,
    m_by_n_mask,
    m_by_n_zeros,
    unstructured_mask,
)


def test_unstructured_keeps_the_largest_magnitudes() -> None:
    weights = np.array([[0.1, -0.9], [0.5, -0.2]], np.float32)
    np.testing.assert_array_equal(unstructured_mask(weights, 0.5), [[0, 1], [1, 0]])


def test_a_mask_has_the_dtype_and_shape_of_its_weights() -> None:
    mask = unstructured_mask(np.ones((2, 3, 4), np.float16), 0.5)
    assert mask.dtype == np.float16
    assert mask.shape == (2, 3, 4)


def test_of_equal_magnitudes_the_lower_flat_index_is_kept() -> None:
    np.testing.assert_array_equal(unstructured_mask(np.full(5, -2.0), 0.6), [1, 1, 0, 0, 0])


def test_zeros_beyond_the_target_are_not_all_kept() -> None:
    weights = np.array([0, 0, 3, 0, 0, 0, 0, 0, 1, 0], np.float32)
    np.testing.assert_array_equal(unstructured_mask(weights, 0.5), [1, 1, 1, 1, 0, 0, 0, 0, 1, 0])


@pytest.mark.parametrize(
    ("size", "sparsity", "kept"),
    [(10, 0.5, 5), (10, 0.0, 10), (5, 0.5, 2), (7, 0.5, 4), (10, 0.999, 1), (1, 0.9, 1), (1000, 0.875, 125)],
)
def test_kept_count_rounds_half_to_even_and_keeps_one(size: int, sparsity: float, kept: int) -> None:
    assert kept_count(size, sparsity) == kept
    assert int(unstructured_mask(np.arange(size), sparsity).sum()) == kept


def test_a_sparsity_counts_as_the_float32_it_becomes() -> None:
    assert kept_count(25_000_000, 0.9) == round(25_000_000 * (1 - float(np.float32(0.9))))
    assert kept_count(25_000_000, 0.9) != 2_500_000


def test_two_of_four_along_the_input_channels() -> None:
    kernel = np.array([[1, -8], [2, 7], [-3, 6], [4, -5]], np.float32)  # Dense [in=4, out=2]
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4), [[0, 1], [0, 1], [1, 0], [1, 0]])


def test_convolutions_group_input_channels_at_each_position() -> None:
    kernel = np.array([1, 2, 3, 4, 8, 7, 6, 5], np.float32).reshape(1, 2, 4, 1)  # HWIO
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4).ravel(), [0, 0, 1, 1, 1, 1, 0, 0])


def test_two_input_channels_are_grouped_over_the_flattened_row() -> None:
    kernel = np.array([1, 2, 3, 4, 8, 7, 6, 5], np.float32).reshape(1, 4, 2, 1)
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4).ravel(), [0, 0, 1, 1, 1, 1, 0, 0])
    assert m_by_n_zeros((1, 4, 2, 1), 2, 4) == 4


def test_a_tail_zeroes_its_share() -> None:
    kernel = np.array([4, 3, 2, 1, 9, 8, 7], np.float32).reshape(7, 1)  # tail of 3: floor(3 * 2/4) = 1
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4).ravel(), [1, 1, 0, 0, 1, 1, 0])


def test_the_strict_reading_keeps_n_minus_m_in_a_short_group() -> None:
    kernel = np.array([4, 3, 2, 1, 9, 8, 7], np.float32).reshape(7, 1)
    strict = m_by_n_mask(kernel, 2, 4, axis="input_channels").ravel()
    np.testing.assert_array_equal(strict, [1, 1, 0, 0, 1, 1, 0])
    three_of_four = m_by_n_mask(kernel, 3, 4, axis="input_channels").ravel()
    np.testing.assert_array_equal(three_of_four, [1, 0, 0, 0, 1, 0, 0])
    assert m_by_n_zeros((5, 5, 2, 8), 2, 4, "input_channels") == 0


def test_equal_weights_in_a_group_keep_the_lower_index() -> None:
    np.testing.assert_array_equal(m_by_n_mask(np.ones((4, 1)), 2, 4).ravel(), [1, 1, 0, 0])


def test_a_gradual_pattern_sets_its_smallest_zeros_first() -> None:
    kernel = np.array([1, 2, 30, 40, 5, 6, 70, 80], np.float32).reshape(8, 1)
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4, 0.25).ravel(), [0, 0, 1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4, 0.5).ravel(), [0, 0, 1, 1, 0, 0, 1, 1])
    np.testing.assert_array_equal(m_by_n_mask(kernel, 2, 4, 0.4999999).ravel(), [0, 0, 1, 1, 0, 0, 1, 1])
    assert m_by_n_mask(kernel, 2, 4, 0.0).all()


def test_is_m_by_n_sees_dense_and_short_of_pattern() -> None:
    kernel = np.array([0, 0, 3, 4, 0, 6, 0, 8], np.float32).reshape(8, 1)
    assert is_m_by_n(kernel, 2, 4)
    assert is_m_by_n(kernel, 1, 4)
    assert not is_m_by_n(kernel, 3, 4)
    kernel[0] = 1
    assert not is_m_by_n(kernel, 2, 4)
    assert not is_m_by_n(np.ones((1, 8, 2, 16)), 2, 4)  # TFMOT says True of this dense kernel


@pytest.mark.parametrize("pooling", ["AVG", "MAX"])
def test_blocks_are_pruned_whole(pooling: str) -> None:
    kernel = np.array([[1, 1, 5, 5], [1, 1, 5, 5], [9, 0, 2, 2], [0, 0, 2, 2]], np.float32)
    kept = {"AVG": [[0, 1], [1, 0]], "MAX": [[0, 1], [1, 0]]}[pooling]
    np.testing.assert_array_equal(block_mask(kernel, 0.5, (2, 2), pooling), np.kron(kept, np.ones((2, 2))))


def test_an_average_ignores_what_a_ragged_edge_lacks() -> None:
    kernel = np.array([[2], [2], [3]], np.float32)
    np.testing.assert_array_equal(block_mask(kernel, 0.5, (2, 1)).ravel(), [0, 0, 1])


def test_blocks_of_a_convolution_lie_on_its_matrix() -> None:
    kernel = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    np.testing.assert_array_equal(block_mask(kernel, 0.5, (2, 2)).ravel(), [0, 0, 0, 0, 1, 1, 1, 1])


def test_filters_are_pruned_by_their_norm() -> None:
    kernel = np.array([[1, -9, 2], [1, 9, 2]], np.float32)
    np.testing.assert_array_equal(filter_mask(kernel, 0.34), [[0, 1, 1], [0, 1, 1]])


@pytest.mark.parametrize(("m", "n"), [(4, 4), (5, 4), (-1, 4), (0, 4), (2, 0), (1.5, 4), (True, 4)])
def test_impossible_patterns_are_refused(m: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 < m < n"):
        m_by_n_mask(np.ones((4, 4)), m, n)


@pytest.mark.parametrize("sparsity", [1.0, -0.1, float("nan")])
def test_impossible_sparsities_are_refused(sparsity: float) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        unstructured_mask(np.ones(4), sparsity)


def test_nan_is_refused_where_it_would_prune_all_else() -> None:
    with pytest.raises(ValueError, match="NaN"):
        unstructured_mask(np.array([1.0, np.nan]), 0.5)


@pytest.mark.parametrize(("block", "pooling"), [((0, 1), "AVG"), ((2, 2), "MIN")])
def test_impossible_blocks_are_refused(block: tuple[int, int], pooling: str) -> None:
    with pytest.raises(ValueError, match="block"):
        block_mask(np.ones((4, 4)), 0.5, block, pooling)
