"""The largest step that a quantized constant may have for its weights and for what is added to them."""

import numpy as np
import pytest

from runner.tflite.constant import StoredConstant, Use
from runner.verify.rounding import allowed_steps, coarseness

WANTED = np.array([[1.27, -0.5], [0.0, 0.0127], [2.54e-7, 0.0]])
NEEDED = np.array([0.01, 1e-4, 0.5e-6 / 127])
HALF = 2**30


def kernel(
    scale: np.ndarray | list[float], *biases: np.ndarray, op: str = "FULLY_CONNECTED", dtype: str = "int8"
) -> StoredConstant:
    scales = np.asarray(scale, np.float32)
    stored = np.zeros(WANTED.shape, np.int8)
    return StoredConstant(
        subgraph=0,
        index=1,
        name="c",
        uses=(Use(op, 1),),
        shape=stored.shape,
        dtype=dtype,
        stored=stored,
        values=stored.astype(np.float32),
        scale=scales,
        zero_point=np.zeros(scales.size, np.int64),
        axis=0,
        biases=biases,
    )


def counts(*numbers: int, dtype: type = np.int32) -> np.ndarray:
    return np.array(numbers, dtype)


def test_a_step_finer_than_needed_is_taken_as_it_is() -> None:
    np.testing.assert_allclose(allowed_steps(kernel(NEEDED / 3), WANTED), NEEDED[:, None] / 3, rtol=1e-6)


def test_of_a_coarser_step_what_the_weights_of_each_channel_need_is_allowed() -> None:
    coarse = kernel([1.0, 1.0, 1.0])
    np.testing.assert_allclose(allowed_steps(coarse, WANTED), 1.01 * NEEDED[:, None], rtol=1e-6)
    assert coarseness(coarse, WANTED) == pytest.approx(1 / (1.01 * 0.5e-6 / 127))


def test_fewer_bits_need_larger_steps() -> None:
    allowed = allowed_steps(kernel([1.0, 1.0, 1.0], dtype="int4"), WANTED)
    np.testing.assert_allclose(allowed, 1.01 * NEEDED[:, None] * 127 / 7, rtol=1e-6)


def test_one_step_for_all_is_what_the_largest_weight_needs() -> None:
    np.testing.assert_allclose(allowed_steps(kernel([1.0]), WANTED), [[1.01 * 0.01]], rtol=1e-6)


def test_a_bias_that_fills_its_integers_needs_the_step_of_its_channel_alone() -> None:
    found = kernel([1.0, 0.5, 1.0], counts(HALF // 8, -HALF, 0))
    expected = 1.01 * np.array([[1 / 8], [0.5 / 1.01], [NEEDED[2]]])
    np.testing.assert_allclose(allowed_steps(found, WANTED), expected, rtol=1e-6)


def test_of_biases_of_several_operators_the_one_that_needs_most_counts() -> None:
    found = kernel([1.0, 1.0, 1.0], counts(0, HALF // 2, HALF), counts(0, HALF, 0))
    np.testing.assert_allclose(allowed_steps(found, WANTED), [[1.01 * 0.01], [1.0], [1.0]], rtol=1e-6)


def test_with_one_step_for_all_the_largest_bias_counts() -> None:
    found = kernel([1.0], counts(0, HALF // 4, 0))
    np.testing.assert_allclose(allowed_steps(found, WANTED), [[1.01 / 4]], rtol=1e-6)


@pytest.mark.parametrize(
    "bias", [counts(HALF, HALF, HALF, dtype=np.int64), np.full(3, 1e30, np.float32), counts(HALF, HALF)]
)
def test_a_bias_of_other_numbers_needs_nothing(bias: np.ndarray) -> None:
    """Only 32 bits overflow, and one that does not fit the kernel is not its bias."""
    allowed = allowed_steps(kernel([1.0, 1.0, 1.0], bias), WANTED)
    np.testing.assert_allclose(allowed, 1.01 * NEEDED[:, None], rtol=1e-6)


def test_no_bias_needs_an_infinite_step() -> None:
    allowed = allowed_steps(kernel([np.inf, 1.0, 1.0], counts(HALF, 0, 0)), WANTED)
    np.testing.assert_allclose(allowed, 1.01 * NEEDED[:, None], rtol=1e-6)
