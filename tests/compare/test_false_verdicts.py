"""Simulated sweeps whose runs fail by their outcome; tests/benchmarks/false_verdicts.py has more of them."""

import pytest

from tests.benchmarks.false_verdicts import FAILURES, WORLDS, tally

BY_NAME = {world.name: world for world in WORLDS}


@pytest.mark.parametrize("failures", ["budget", "NaN", "either"])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_recipes_are_told_apart_no_more_often_than_chance_allows(failures: str, seeds: int) -> None:
    found = tally(BY_NAME["equal"], FAILURES[failures], seeds=seeds, sweeps=500, entropy=1)
    assert found.ranked > 100
    assert found.right == 0
    assert found.false_share <= 0.06


@pytest.mark.parametrize("failures", ["budget", "NaN", "either"])
def test_the_worse_recipe_does_not_win_by_its_failures(failures: str) -> None:
    unsteady, fail = BY_NAME["worse and unsteady"], FAILURES[failures]
    found = tally(unsteady, fail, seeds=10, sweeps=300)
    without_failed_runs = tally(unsteady, fail, seeds=10, sweeps=300, leave_out=True)
    assert found.ranked > 50
    assert found.false_share <= 0.02
    # What is held to be so bad that it must not come back.
    assert without_failed_runs.false_share > 0.1


def test_a_missed_budget_costs_no_comparison_and_a_nan_is_held_back_or_said() -> None:
    world = BY_NAME["slightly worse"]
    budget, plain, nan = (
        tally(world, FAILURES[name], seeds=10, sweeps=300) for name in ("budget", "never", "NaN")
    )
    assert (budget.ranked, budget.right) == (300, plain.right)
    assert plain.right > 60
    assert nan.qualified > 0
    assert nan.held_back > 0
    assert nan.ranked < 300
