"""Literal values are worked out by hand."""

import math

import numpy as np
import pytest

from runner.compare.effects import effect
from runner.compare.intervals import finest_step, mean_interval, row_intervals


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


def test_intervals_of_rows_are_those_of_effects() -> None:
    differences = np.array([[0.01, 0.02, np.nan, 0.06], [0.0, 0.0, 0.0, 0.0], [0.3, np.nan, np.nan, np.nan]])
    low, high = row_intervals(differences, 0.01, step=0.001)
    for row in (0, 1):
        known = differences[row][np.isfinite(differences[row])]
        one = effect(known, error_rate=0.01, step=0.001)
        assert (low[row], high[row]) == pytest.approx((one.low, one.high))
    assert (low[2], high[2]) == (-np.inf, np.inf)


def test_the_finest_step_ignores_rounding_of_float32() -> None:
    scores = np.array([[0.9, 0.9 + 1e-9], [0.91, 0.95]])
    assert finest_step(scores) == pytest.approx(0.01)
    assert finest_step(np.array([0.5, 0.5])) == 0.0


def test_squares_of_large_and_of_small_values_are_no_matter() -> None:
    ordinary = mean_interval([1.0, 2.0, 3.0])
    assert ordinary.half_width is not None
    for unit in (1e300, 1e-300):
        mean = mean_interval([1.0 * unit, 2.0 * unit, 3.0 * unit])
        assert mean.value == pytest.approx(2.0 * unit)
        assert mean.half_width == pytest.approx(unit * ordinary.half_width)
    assert mean_interval([1e308, 1e308]).value == 1e308
