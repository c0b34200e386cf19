"""Literal values are worked out by hand where Student's t has a closed form (1 and 2 degrees of freedom)."""

import math

import numpy as np
import pytest
from scipy import stats

from runner.compare.statistics import (
    Difference,
    detectable,
    holm,
    mean_interval,
    paired_differences,
)


def test_mean_with_its_interval() -> None:
    # The standard deviation is 1, so the half width is t(0.975, 2 degrees of freedom) / sqrt(3).
    mean = mean_interval([1.0, 2.0, 3.0])
    assert mean.value == 2.0
    assert mean.half_width == pytest.approx(4.302652729749462 / math.sqrt(3), abs=1e-12)
    assert (mean.low, mean.high) == pytest.approx((2.0 - 2.484137711, 2.0 + 2.484137711), abs=1e-8)


def test_a_single_value_has_no_interval() -> None:
    mean = mean_interval([0.75])
    assert (mean.value, mean.count, mean.half_width, mean.low, mean.high) == (0.75, 1, None, None, None)


def test_equal_values_have_an_interval_without_width() -> None:
    mean = mean_interval([0.1, 0.1, 0.1])
    assert mean.value == pytest.approx(0.1, abs=1e-15)
    assert mean.half_width == 0.0


def test_the_paired_t_test() -> None:
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)), and p = 1 - t / sqrt(t**2 + 2) for 2 degrees of freedom.
    (found,) = paired_differences([([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])])
    t = 2 * math.sqrt(3)
    assert found.mean == 2.0
    assert found.spread == pytest.approx(1.0)
    assert found.p == pytest.approx(1 - t / math.sqrt(t**2 + 2), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((-0.484137711, 4.484137711), abs=1e-8)
    assert not found.equal


def test_two_pairs_are_enough() -> None:
    # Differences 1 and 3: t = 2 / 1, and p = 1 - 2 / pi * atan(t) for 1 degree of freedom.
    (found,) = paired_differences([([0.0, 0.0], [1.0, 3.0])])
    assert found.p == pytest.approx(1 - 2 / math.pi * math.atan(2.0), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((2 - 12.706204736, 2 + 12.706204736), abs=1e-6)


def test_pairing_takes_out_what_the_seeds_have_in_common() -> None:
    first = [0.97, 0.98, 0.99]
    second = [0.9711, 0.9810, 0.9909]
    (found,) = paired_differences([(first, second)])
    assert found.p == pytest.approx(stats.ttest_1samp([0.0011, 0.0010, 0.0009], 0.0).pvalue, rel=1e-6)
    assert found.p < 0.01 < stats.ttest_ind(first, second).pvalue


def test_samples_of_different_lengths_keep_their_places() -> None:
    pairs = [
        ([0.0, 0.0], [1.0, 3.0]),
        ([10.0, 20.0, 30.0], [11.0, 22.0, 33.0]),
        ([0.0, 0.0], [-3.0, -1.0]),
        ([5.0, 5.0, 5.0], [5.0, 5.0, 5.0]),
    ]
    found = paired_differences(pairs)
    assert [one.mean for one in found] == [2.0, 2.0, -2.0, 0.0]
    assert [one.count for one in found] == [2, 3, 2, 3]
    assert found[0].p == pytest.approx(found[2].p)
    assert (found[0].low, found[0].high) == pytest.approx((-found[2].high, -found[2].low))


def test_no_difference_at_all() -> None:
    (found,) = paired_differences([([0.98, 0.99], [0.98, 0.99])])
    assert found == Difference(0.0, 2, 0.0, 0.0, 0.0, 1.0, equal=True)


def test_what_float32_cannot_tell_apart_is_equal() -> None:
    first = [0.98, 0.99]
    second = [float(np.float32(value)) for value in first]
    assert first != second
    (found,) = paired_differences([(first, second)])
    assert (found.mean, found.p, found.equal) == (0.0, 1.0, True)


def test_equal_differences_are_no_certainty() -> None:
    # The finest step between the scores is 0.001: their spread is 0.001 / sqrt(6), so t is 3 * sqrt(18).
    (found,) = paired_differences([([0.980, 0.981, 0.982], [0.983, 0.984, 0.985])])
    t = 3 * math.sqrt(18)
    assert found.equal
    assert found.mean == pytest.approx(0.003, abs=1e-12)
    assert found.spread == pytest.approx(0.001 / math.sqrt(6), rel=1e-6)
    assert found.p == pytest.approx(1 - t / math.sqrt(t**2 + 2), rel=1e-6)
    reach = 4.302652729749462 * 0.001 / math.sqrt(18)
    assert (found.low, found.high) == pytest.approx((0.003 - reach, 0.003 + reach), abs=1e-9)


def test_a_coarse_score_that_differs_by_its_step_proves_little() -> None:
    # Two seeds, each better by one of 360 images: t = sqrt(6) * sqrt(2).
    (found,) = paired_differences([([300 / 360, 301 / 360], [301 / 360, 302 / 360])])
    assert found.p == pytest.approx(1 - 2 / math.pi * math.atan(math.sqrt(12)), rel=1e-5)
    assert found.p > 0.17
    assert not math.isnan(found.low)
    assert found.low < 0 < found.high


def test_no_pairs() -> None:
    assert paired_differences([]) == []


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.04, 0.03, 0.01], [0.06, 0.06, 0.03]),
        ([0.01, 0.011, 0.5, 0.9], [0.04, 0.04, 1.0, 1.0]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holms_correction(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("tests", [1, 3])
def test_what_would_be_detected_is_found_four_times_in_five(count: int, tests: int) -> None:
    size = detectable(Difference(0.0, count, 0.5, -1.0, 1.0, 0.9), tests)
    assert size is not None
    random = np.random.default_rng(0)
    samples = random.normal(size, 0.5, (20_000, count))
    p_values = stats.ttest_1samp(samples, 0.0, axis=1).pvalue
    assert np.mean(p_values < 0.05 / tests) == pytest.approx(0.8, abs=0.012)


def test_nothing_can_be_said_of_what_would_be_detected_without_spread() -> None:
    assert detectable(Difference(0.0, 3, 0.0, 0.0, 0.0, 1.0, equal=True)) is None
