import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runner.compare.charts.axes import scale_places, scale_scores, shows_errors
from runner.compare.charts.chart import AxisKind, Chart, Dense, Line, Mark
from runner.compare.charts.styles import PLAIN
from runner.compare.intervals import Mean
from runner.compare.score import TEST_ACCURACY, TEST_SQUARED_ERROR, RankingScore


def chart(*means: Mean, score: RankingScore = TEST_ACCURACY, dense: tuple[Dense, ...] = ()) -> Chart:
    marks = tuple(
        Mark("a", number, str(number), mean, {1: (number, mean.value)}) for number, mean in enumerate(means)
    )
    return Chart(score, None, (Line("", PLAIN, marks),), dense)


def exact(*values: float) -> list[Mean]:
    return [Mean(value, 2, 0.0) for value in values]


@pytest.fixture
def axis() -> Axes:
    return Figure().subplots()


def labels(axis: Axes, which: str = "x") -> list[str]:
    own = axis.xaxis if which == "x" else axis.yaxis
    low, high = sorted(own.get_view_interval())
    ticks = [float(tick) for tick in own.get_major_locator()() if low <= tick <= high]
    return own.get_major_formatter().format_ticks(ticks)


@pytest.mark.parametrize(
    ("means", "errors"),
    [
        ([0.99, 0.90], True),
        ([0.99, 0.98], False),
        ([0.60, 0.20], False),
        ([1.0, 0.5], False),
        ([0.9901, 0.9902], False),
    ],
)
def test_errors_that_differ_by_much_need_a_logarithm(means: list[float], errors: bool) -> None:
    assert shows_errors(TEST_ACCURACY, means) is errors
    assert not shows_errors(TEST_SQUARED_ERROR, means)


def test_a_logarithm_of_the_error_sets_halves_of_it_equally_far_apart(axis: Axes) -> None:
    scale_scores(axis, "y", chart(*exact(0.99, 0.98, 0.9, 0.8)))
    y = axis.transData.transform([(0, 0.99), (0, 0.98), (0, 0.9), (0, 0.8)])[:, 1]
    assert y[0] - y[1] == pytest.approx(y[2] - y[3])
    assert labels(axis, "y") == ["0.8", "0.9", "0.95", "0.98", "0.99"]


def test_differences_in_the_fourth_digit_fill_the_picture(axis: Axes) -> None:
    scale_scores(axis, "y", chart(*exact(0.9900, 0.9901)))
    low, high = axis.get_ylim()
    assert 0.9899 < low < 0.9900 < 0.9901 < high < 0.9902
    assert len(set(labels(axis, "y"))) > 3


def test_accuracies_end_at_one_and_the_dense_level_is_seen(axis: Axes) -> None:
    scale_scores(axis, "y", chart(Mean(0.97, 2, 0.5), dense=(Dense("dense", 0.99),)))
    low, high = axis.get_ylim()
    assert 0.99 < high <= 1.01
    assert low < 0.97


def test_a_wide_interval_leaves_the_picture_and_it_is_said(axis: Axes) -> None:
    assert scale_scores(axis, "y", chart(Mean(0.6, 2, 5.0), Mean(0.5, 3, 0.01)))
    assert axis.get_ylim()[0] > 0.4
    assert not scale_scores(axis, "y", chart(Mean(0.6, 3, 0.02), Mean(0.5, 3, 0.02)))


def test_sparsities_stand_by_what_remains(axis: Axes) -> None:
    places = [0.0, 0.5, 0.75, 0.875]
    scale_places(axis, "sparsity", places, ["0", "0.5", "0.75", "0.875"])
    x = axis.transData.transform([(place, 0) for place in places])[:, 0]
    assert np.diff(x) == pytest.approx([x[1] - x[0]] * 3)
    assert labels(axis) == ["0", "0.5", "0.75", "0.875"]


def test_labels_that_would_run_into_each_other_are_left_out(axis: Axes) -> None:
    scale_places(axis, "number", range(100), [str(number) for number in range(100)])
    found = labels(axis)
    assert (found[0], found[-1]) == ("0", "99")
    assert 8 < len(found) < 30


def test_decades_are_logarithmic_and_sizes_are_written_in_thousands(axis: Axes) -> None:
    scale_places(axis, "bytes", [10_000, 1_000_000])
    assert axis.get_xscale() == "log"
    assert set(labels(axis)) >= {"10", "100", "1,000"}
    assert math.isclose(
        axis.transAxes.inverted().transform(axis.transData.transform((1e5, 0)))[0], 0.5, abs_tol=0.01
    )
    linear = Figure().subplots()
    scale_places(linear, "bytes", [10_000, 20_000])
    assert linear.get_xscale() == "linear"


def test_one_place_is_an_axis_too(axis: Axes) -> None:
    kinds: tuple[AxisKind, ...] = ("sparsity", "share", "number", "bytes")
    for kind in kinds:
        scale_places(axis, kind, [0.5])
        low, high = axis.get_xlim()
        assert low < 0.5 < high
