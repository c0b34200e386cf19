from dataclasses import replace

import pytest

from runner.compare.charts.score_lines import along_factor, factor_axis, numeric_factors, side_by_side
from runner.compare.comparison import Comparison
from runner.compare.intervals import mean_interval
from runner.compare.result import Result
from tests.compare.made_sweeps import MEANS, NAME, SPARSITY, compared, run, schedules


@pytest.fixture(scope="module")
def sweep() -> Comparison:
    return compared(schedules(MEANS))


def test_a_line_for_each_level_of_the_other_factor(sweep: Comparison) -> None:
    chart = along_factor(sweep, sweep.groups, sweep.factors[1])
    assert [line.name for line in chart.lines] == ["constant", "polynomial"]
    for line in chart.lines:
        assert [(mark.level, mark.at) for mark in line.marks] == [
            ("0.5", 0.5),
            ("0.75", 0.75),
            ("0.875", 0.875),
            ("0.95", 0.95),
        ]
    mark = chart.lines[0].marks[2]
    assert list(mark.seeds) == [1, 2, 3]
    assert list(mark.seeds.values()) == [pytest.approx((0.875, 0.948 + seed / 1000)) for seed in (1, 2, 3)]
    assert mark.score == mean_interval([score for _, score in mark.seeds.values()])
    assert mark.score.half_width == pytest.approx(4.3027 * 0.001 / 3**0.5, rel=1e-4)
    assert chart.axis is not None
    assert (chart.axis.name, chart.axis.kind) == ("schedule.sparsity", "sparsity")


def test_levels_stand_in_order_and_missing_ones_leave_a_gap() -> None:
    runs = [run({NAME: n, SPARSITY: s}, 1, 0.9) for n, s in (("a", 0.9), ("a", 0.5), ("b", 0.9))]
    comparison = compared(runs)
    lines = along_factor(comparison, comparison.groups, comparison.factors[1]).lines
    assert [[mark.level for mark in line.marks] for line in lines] == [["0.5", "0.9"], ["0.9"]]


def test_the_dense_level_is_that_of_the_dense_weights(sweep: Comparison) -> None:
    [dense] = along_factor(sweep, sweep.groups, sweep.factors[1]).dense
    assert (dense.name, dense.line) == ("dense", None)
    assert dense.score == pytest.approx(0.99)


def widths(dense: dict[int, float], name: str = "model.width") -> list[Result]:
    return [
        run({name: width, SPARSITY: sparsity}, seed, 0.9, metrics={"test/dense_accuracy": score})
        for width, score in dense.items()
        for sparsity in (0.5, 0.9)
        for seed in (1, 2)
    ]


def test_dense_levels_of_several_models() -> None:
    comparison = compared(widths({8: 0.95, 16: 0.97}))
    by_width = {factor.name: factor for factor in comparison.factors}
    along = along_factor(comparison, comparison.groups, by_width["schedule.sparsity"])
    assert [(one.line, one.score) for one in along.dense] == [("width=8", 0.95), ("width=16", 0.97)]
    [curve] = along_factor(comparison, comparison.groups, by_width["model.width"]).dense
    assert curve.along == ((8.0, 0.95), (16.0, 0.97))
    assert (curve.at(8.0), curve.line) == (0.95, None)


def test_a_group_without_zeros_stands_for_the_dense_model() -> None:
    runs = [
        run({SPARSITY: s}, seed, 0.99 - s / 10, metrics={"sparsity/_model": s})
        for s in (0.0, 0.5)
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    [dense] = along_factor(comparison, comparison.groups, comparison.factors[0]).dense
    assert dense.name == "dense (sparsity=0.0)"
    assert dense.score == pytest.approx(0.99)
    none = compared([one for one in runs if one.sparsity])
    assert side_by_side(none, none.groups).dense == ()


def test_differences_are_the_findings_own(sweep: Comparison) -> None:
    [difference] = along_factor(sweep, sweep.groups, sweep.factors[1]).differences
    [finding] = sweep.findings_of(sweep.factors[0])
    [dependence] = finding.contrast.dependences
    assert (difference.reference, difference.other) == ("polynomial", "constant")
    assert difference.name == "polynomial \N{MINUS SIGN} constant"
    assert [(s.level, s.mean, s.low, s.high, s.shown) for s in difference.steps] == [
        (at.level, at.effect.mean, at.effect.low, at.effect.high, at.effect.shown)
        for at in dependence.effects
    ]
    assert [step.shown for step in difference.steps] == [False, False, True, True]
    assert difference.shown_from == "0.875"
    assert difference.shown_words == "shown from 0.875 on"


def test_a_difference_is_turned_so_that_the_better_level_comes_first() -> None:
    turned = {"polynomial": MEANS["polynomial"], "constant": MEANS["constant"]}
    comparison = compared(schedules(turned))
    [difference] = along_factor(comparison, comparison.groups, comparison.factors[1]).differences
    assert (difference.reference, difference.other) == ("polynomial", "constant")
    last = difference.steps[-1]
    assert last.mean == pytest.approx(0.13)
    assert 0 < last.low < last.mean < last.high


def test_of_several_levels_the_best_is_set_against_each_other() -> None:
    third = {level: score - 0.02 for level, score in MEANS["constant"].items()}
    comparison = compared(schedules({**MEANS, "linear": third}))
    found = along_factor(comparison, comparison.groups, comparison.factors[1]).differences
    assert [(one.reference, one.other) for one in found] == [
        ("polynomial", "constant"),
        ("polynomial", "linear"),
    ]
    assert found[0].colour != found[1].colour


def test_runs_that_failed_leave_a_difference_open() -> None:
    runs = schedules(MEANS, noise=(-0.001, 0.0, 0.001, 0.0005))
    for place, one in enumerate(runs):
        if one.asked[NAME] == "polynomial" and one.seed == 4:
            runs[place] = replace(one, metrics={}, failure="the loss became nan")
    comparison = compared(runs)
    [difference] = along_factor(comparison, comparison.groups, comparison.factors[1]).differences
    assert [step.shown for step in difference.steps] == [False] * 4
    assert difference.steps[-1].low > 0
    assert difference.shown_from is None


def test_groups_stand_side_by_side_the_best_first() -> None:
    runs = [
        run({}, seed, mean + seed / 1000, recipe=name)
        for name, mean in (("a", 0.90), ("b", 0.95), ("c", 0.92))
        for seed in (1, 2, 3)
    ]
    comparison = compared(runs)
    chart = side_by_side(comparison, comparison.groups)
    assert (chart.axis, [line.name for line in chart.lines]) == (None, ["b", "c", "a"])
    assert [(one.reference, one.other, one.steps[0].level) for one in chart.differences] == [
        ("b", "c", "c"),
        ("b", "a", "a"),
    ]
    assert [one.steps[0].mean for one in chart.differences] == pytest.approx([0.03, 0.05])
    assert chart.best(2).differences == chart.differences[:1]


def test_the_best_lines_are_kept_in_their_order(sweep: Comparison) -> None:
    chart = along_factor(sweep, sweep.groups, sweep.factors[1])
    assert [line.name for line in chart.best(1).lines] == ["polynomial"]
    assert chart.best(2) == chart


def test_axes_of_size_come_before_other_numbers() -> None:
    runs = [
        run(
            {"layers.all.schedule.power": power, SPARSITY: sparsity},
            seed,
            0.9,
            metrics={"model/nonzero_weights": 1000 * (1 - sparsity)},
        )
        for power in (1, 3)
        for sparsity in (0.5, 0.9)
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    found = numeric_factors(comparison, comparison.groups)
    assert [factor.name for factor in found] == ["schedule.sparsity", "schedule.power"]
    assert [factor_axis(factor).kind for factor in found] == ["sparsity", "number"]
    assert factor_axis(found[0]).key == "schedule_sparsity"
