import numpy as np
import pytest
from scipy import stats

from runner.compare.effects import detectable, effect, heterogeneity, trend
from runner.compare.intervals import Values

DIFFERENCES = [0.01, 0.02, 0.04]


def test_one_effect_is_the_paired_t_test() -> None:
    made = effect(DIFFERENCES, error_rate=0.05)
    tested = stats.ttest_1samp(DIFFERENCES, 0.0)
    interval = tested.confidence_interval(0.95)
    assert (made.low, made.high, made.p) == pytest.approx((interval.low, interval.high, tested.pvalue))
    assert made.mean == pytest.approx(0.07 / 3)
    assert made.seeds == 3


@pytest.mark.parametrize("error_rate", [0.05, 0.025, 0.001])
def test_interval_and_p_value_belong_together(error_rate: float) -> None:
    for shift in np.linspace(-0.2, 0.2, 41):
        made = effect(np.array(DIFFERENCES) + shift, error_rate=error_rate)
        assert made.shown == (made.p < 0.05)


def test_a_smaller_share_widens_the_interval_and_raises_p_alike() -> None:
    whole, fifth = (effect(DIFFERENCES, error_rate=rate) for rate in (0.05, 0.01))
    assert fifth.p == pytest.approx(5 * whole.p)
    assert fifth.high - fifth.low > 2 * (whole.high - whole.low)


def test_seeds_that_agree_by_chance_of_a_coarse_score_are_no_certainty() -> None:
    made = effect([0.01, 0.01], error_rate=0.05, step=0.01)
    assert made.spread == pytest.approx(0.01 / np.sqrt(6))
    assert not made.shown


def test_no_difference_at_all_is_none() -> None:
    made = effect([0.0, 0.0, 0.0], error_rate=0.05)
    assert (made.mean, made.low, made.high, made.p, made.shown) == (0.0, 0.0, 0.0, 1.0, False)


def test_one_seed_tells_nothing() -> None:
    with pytest.raises(ValueError, match="two seeds or more, not 1"):
        effect([0.1], error_rate=0.05)


def noise(seeds: int, levels: int) -> Values:
    return np.random.default_rng(5).normal(0.0, 0.001, (seeds, levels))


def test_a_difference_that_grows_along_the_levels_has_a_trend() -> None:
    growing = np.array([0.0, 0.01, 0.02, 0.04]) + noise(4, 4)
    assert trend(growing) < 0.001
    assert trend(np.full((4, 4), 0.02) + noise(4, 4)) > 0.05


def test_a_trend_does_not_depend_on_what_seeds_share() -> None:
    growing = np.array([0.0, 0.01, 0.02, 0.04]) + noise(4, 4)
    shifted = growing + np.array([[0.0], [0.1], [-0.3], [0.2]])
    assert trend(shifted) == pytest.approx(trend(growing))


def test_a_level_that_differs_from_the_others_is_found() -> None:
    one = np.array([0.0, 0.05, 0.0]) + noise(4, 3)
    assert heterogeneity(one) < 0.01
    assert heterogeneity(noise(4, 3)) > 0.05


def test_of_two_levels_there_is_one_contrast() -> None:
    two = np.array([0.0, 0.01]) + noise(4, 2)
    assert heterogeneity(two) == pytest.approx(trend(two))


def test_two_seeds_are_enough() -> None:
    # Differences 1 and 3: t = 2 / 1, and p = 1 - 2 / pi * atan(t) for 1 degree of freedom.
    found = effect([1.0, 3.0], error_rate=0.05)
    assert found.p == pytest.approx(1 - 2 / np.pi * np.arctan(2.0), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((2 - 12.706204736, 2 + 12.706204736), abs=1e-6)


def test_a_detectable_difference_is_found_four_times_in_five() -> None:
    found = effect([-1.0, 0.0, 1.0, 2.0, -2.0], error_rate=0.05)
    size = detectable(found)
    assert size is not None
    draws = np.random.default_rng(3).normal(size, found.spread, (4000, 5))
    shown = [effect(own, error_rate=0.05).shown for own in draws]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.02)


def test_where_nothing_differs_nothing_is_detectable() -> None:
    assert detectable(effect([0.0, 0.0], error_rate=0.05)) is None
