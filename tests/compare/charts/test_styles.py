from typing import Any

from runner.compare.charts.styles import (
    COLOURS,
    DASHES,
    DENSE,
    MOST_COLOURS,
    PLAIN,
    colour_factor,
    group_styles,
    level_colour,
)
from tests.compare.made_results import SHA
from tests.compare.made_sweeps import MEANS, NAME, SPARSITY, compared, run, schedules

DIGITS: dict[str, Any] = {"data_source": "digits", "data_sha256": SHA["digits"]}


def test_a_level_has_one_colour_whatever_runs_across() -> None:
    comparison = compared(schedules(MEANS))
    name, sparsity = comparison.factors
    for across in (None, sparsity):
        found = group_styles(comparison, across)
        for group in comparison.groups:
            assert found[group.name].colour == level_colour(name, group.cell[0])
    assert group_styles(comparison, sparsity)["constant sparsity=0.5"].colour == COLOURS[0]


def test_marks_and_dashes_tell_the_other_factors_apart() -> None:
    comparison = compared(schedules(MEANS))
    assert len({(style.colour, style.dash) for style in group_styles(comparison).values()}) == 8
    across = group_styles(comparison, comparison.factors[1])
    assert len({(style.colour, style.dash, style.marker) for style in across.values()}) == 2


def test_readers_who_see_no_colours_are_told_by_dash_and_marker() -> None:
    found = group_styles(compared([run({}, seed, 0.9, recipe=name) for name in "abc" for seed in (1, 2)]))
    assert (
        len({style.dash for style in found.values()}) == len({style.marker for style in found.values()}) == 3
    )


def test_a_numeric_factor_has_colours_where_nothing_else_was_varied() -> None:
    comparison = compared([run({SPARSITY: s}, seed, 0.9) for s in (0.5, 0.9) for seed in (1, 2)])
    assert {style.colour for style in group_styles(comparison).values()} == set(COLOURS[:2])
    assert colour_factor(comparison, comparison.factors[0]) is None
    assert set(group_styles(comparison, comparison.factors[0]).values()) == {PLAIN}


def test_data_that_only_part_pictures_have_no_colour() -> None:
    comparison = compared([*schedules(MEANS), *schedules(MEANS, **DIGITS)])
    factor = colour_factor(comparison)
    assert factor is not None
    assert factor.key == NAME


def test_more_levels_than_colours_have_one() -> None:
    many = [run({}, seed, 0.9, recipe=f"r{n}") for n in range(MOST_COLOURS + 1) for seed in (1, 2)]
    assert set(group_styles(compared(many)).values()) == {PLAIN}


def test_no_level_is_drawn_like_the_dense_model() -> None:
    assert DENSE.dash not in DASHES
    assert "--" not in DASHES
    assert len(set(map(str, DASHES))) == 7
