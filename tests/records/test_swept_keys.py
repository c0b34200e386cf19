"""What was swept, by short names."""

import pytest

from runner.records.swept_keys import SweptKey, short_keys, sweep_factors

SCHEDULE = "recipe.layers.all.schedule"


def test_a_factor_is_what_differs_with_its_level_in_every_job() -> None:
    jobs = [
        ["recipe=a", f"{SCHEDULE}.name={name}", f"+{SCHEDULE}.sparsity={level}", "outputs=x", f"seed={seed}"]
        for name, level, seed in [("constant", 0.5, 1), ("polynomial", 0.5, 1), ("polynomial", 0.9, 2)]
    ]
    assert sweep_factors(jobs) == (
        SweptKey("layers.all.schedule.name", "schedule.name", ("constant", "polynomial", "polynomial")),
        SweptKey("layers.all.schedule.sparsity", "schedule.sparsity", ("0.5", "0.5", "0.9")),
        SweptKey("seed", "seed", ("1", "1", "2")),
    )


def test_where_nothing_differs_all_that_the_command_says_is_a_factor() -> None:
    assert sweep_factors([["recipe=a", "seed=1"]]) == (
        SweptKey("recipe", "recipe", ("a",)),
        SweptKey("seed", "seed", ("1",)),
    )
    assert [factor.name for factor in sweep_factors([["seed=1"], ["seed=1"]])] == ["seed"]
    assert sweep_factors([[]]) == ()


def test_quotes_are_no_part_of_a_level() -> None:
    [factor] = sweep_factors(
        [["recipe.model.path='a b.keras'"], ['recipe.model.path="c"'], ["recipe.model.path='"]]
    )
    assert factor.levels == ("a b.keras", "c", "'")


@pytest.mark.parametrize(
    ("keys", "least", "names"),
    [
        (["layers.all.schedule.sparsity", "seed"], 2, ["schedule.sparsity", "seed"]),
        (["layers.all.schedule.sparsity", "seed"], 1, ["sparsity", "seed"]),
        (
            ["layers.a.schedule.sparsity", "layers.b.schedule.sparsity"],
            2,
            ["a.schedule.sparsity", "b.schedule.sparsity"],
        ),
        (["data.name", "model.name"], 1, ["data.name", "model.name"]),
        # The first one has no longer name than what is the end of the second.
        (["seed", "data.seed"], 1, ["seed", "data.seed"]),
    ],
)
def test_the_shortest_ending_that_is_nobody_elses(keys: list[str], least: int, names: list[str]) -> None:
    assert list(short_keys(keys, least=least).values()) == names
