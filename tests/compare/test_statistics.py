"""Literal values are worked out by hand."""

import math

import pytest

from runner.compare.statistics import mean_interval


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


def test_squares_of_large_and_of_small_values_are_no_matter() -> None:
    ordinary = mean_interval([1.0, 2.0, 3.0])
    assert ordinary.half_width is not None
    for unit in (1e300, 1e-300):
        mean = mean_interval([1.0 * unit, 2.0 * unit, 3.0 * unit])
        assert mean.value == pytest.approx(2.0 * unit)
        assert mean.half_width == pytest.approx(unit * ordinary.half_width)
    assert mean_interval([1e308, 1e308]).value == 1e308
