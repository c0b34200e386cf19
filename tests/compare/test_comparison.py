import math

import pytest

from runner.compare.comparison import Comparison, compare
from tests.compare.made_results import SHA, errors, failed, groups, result, results


def compared(**accuracies: list[float]) -> Comparison:
    return compare(groups(*(results(name, values) for name, values in accuracies.items())))


def test_a_clear_difference() -> None:
    comparison = compared(constant=[0.980, 0.981, 0.982], polynomial=[0.983, 0.985, 0.985])
    (pair,) = comparison.pairs
    assert pair.difference is not None
    # Differences 0.003, 0.004, 0.003: t = (0.01 / 3) / (sqrt(1 / 3) / 1000 / sqrt(3)) = 10.
    assert pair.difference.mean == pytest.approx(0.01 / 3)
    assert pair.p == pytest.approx(1 - 10 / math.sqrt(102))
    assert pair.beyond_noise
    better = pair.better
    assert better is not None
    assert better.name == "polynomial"
    assert comparison.ranked == (pair,)


def test_noise_is_no_difference() -> None:
    comparison = compared(constant=[0.980, 0.983, 0.981], polynomial=[0.981, 0.981, 0.982])
    (pair,) = comparison.pairs
    assert pair.ranked
    assert pair.p == pytest.approx(1.0)
    assert pair.better is None


def test_p_values_are_corrected_for_the_ranked_pairs_only() -> None:
    one_seed = results("d", [0.5])
    three = [
        results("a", [0.980, 0.981, 0.982]),
        results("b", [0.983, 0.985, 0.985]),
        results("c", [0.980, 0.983, 0.981]),
    ]
    comparison = compare(groups(*three, one_seed))
    assert len(comparison.pairs) == 6
    assert len(comparison.ranked) == 3
    by_names = {(pair.first.name, pair.second.name): pair for pair in comparison.pairs}
    smallest = by_names["a", "b"]
    assert smallest.difference is not None
    assert smallest.p == pytest.approx(3 * smallest.difference.p)
    assert by_names["a", "d"].p is None
    assert by_names["a", "d"].difference is None


def test_of_a_pair_that_is_not_ranked_the_difference_is_described() -> None:
    dense = results("dense", [0.99, 0.991], metrics={"sparsity/_model": 0.0, "model/nonzero_weights": 4e5})
    (pair,) = compare(groups(results("pruned", [0.98, 0.981]), dense)).pairs
    assert not pair.ranked
    assert pair.difference is not None
    assert pair.difference.mean == pytest.approx(0.01)
    assert pair.p is None
    assert not pair.beyond_noise


def test_only_shared_seeds_are_compared() -> None:
    later = [result("b", seed, accuracy) for seed, accuracy in ((2, 0.5), (3, 0.6), (9, 0.1))]
    (pair,) = compare(groups(results("a", [0.1, 0.4, 0.6]), later)).pairs
    assert pair.fairness.seeds == (2, 3)
    assert pair.difference is not None
    assert pair.difference.count == 2
    assert pair.difference.mean == pytest.approx(0.05)


def test_regressions_are_ranked_by_their_squared_error_of_which_less_is_better() -> None:
    # The recipe with the smaller loss, of another kind, is the worse one.
    absolute = errors("absolute", [0.50, 0.51, 0.52], metrics={"test/loss": 0.01})
    squared = errors("squared", [0.40, 0.42, 0.42], metrics={"test/loss": 0.4})
    comparison = compare(groups(absolute, squared))
    (pair,) = comparison.ranked
    assert [score.name for score in comparison.scores] == ["test mean squared error"]
    assert pair.better is not None
    assert pair.better.name == "squared"
    assert pair.score.number(-0.0966, signed=True) == "-0.0966"


def test_regressions_are_ranked_beside_classifications() -> None:
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    classified = [results("a", [0.980, 0.981, 0.982]), results("b", [0.983, 0.985, 0.985])]
    regressed = [errors("c", [0.50, 0.51, 0.52], **digits), errors("d", [0.40, 0.42, 0.42], **digits)]
    comparison = compare(groups(*classified, *regressed))
    assert {(pair.first.name, pair.second.name) for pair in comparison.ranked} == {("a", "b"), ("c", "d")}
    assert [pair.better.name for pair in comparison.ranked if pair.better] == ["b", "d"]
    assert [comparison.mean(group).value for group in comparison.groups[2:]] == pytest.approx(  # type: ignore[union-attr]
        [0.51, 1.24 / 3]
    )


WORSE, BETTER = [0.980, 0.981, 0.982, 0.983], [0.983, 0.985, 0.985, 0.986]


def test_who_is_ahead_and_lost_nothing_is_better_though_the_other_lost_seeds() -> None:
    (pair,) = compare(groups([*results("a", WORSE[:3]), failed("a", 4)], results("b", BETTER))).pairs
    assert pair.ranked
    assert pair.better is pair.second
    assert pair.held_back is None


def test_who_is_ahead_and_lost_a_seed_is_not_called_better() -> None:
    (pair,) = compare(groups(results("a", WORSE), [*results("b", BETTER[:3]), failed("b", 4)])).pairs
    assert pair.beyond_noise
    assert pair.better is None
    assert pair.held_back is pair.second


def test_a_seed_that_the_other_never_had_holds_nothing_back() -> None:
    (pair,) = compare(groups(results("a", WORSE[:3]), [*results("b", BETTER[:3]), failed("b", 4)])).pairs
    assert pair.better is pair.second


def test_a_run_that_missed_its_budget_counts() -> None:
    low = result("b", 4, 0.5, missed_budget=True)
    (pair,) = compare(groups(results("a", WORSE), [*results("b", BETTER[:3]), low])).pairs
    assert pair.fairness.seeds == (1, 2, 3, 4)
    assert pair.difference is not None
    assert pair.difference.mean < -0.1
    assert pair.better is None


def test_what_is_to_be_said_of_all_pairs_is_said_once() -> None:
    older = [results(name, [0.5, 0.6], batch_size=None) for name in ("a", "b", "c")]
    unknown = "not logged, so perhaps unequal: batch size"
    three = compare(groups(*older))
    assert three.notes == (f"all recipes: {unknown}",)
    assert {pair.fairness.notes for pair in three.pairs} == {()}
    assert len(three.ranked) == 3
    two = compare(groups(*older[:2]))
    assert (two.notes, two.pairs[0].fairness.notes) == ((), (unknown,))
    mixed = compare(groups(*older[:2], results("d", [0.5, 0.6]), results("e", [0.5, 0.6])))
    assert mixed.notes == ()
    assert [pair.fairness.notes for pair in mixed.pairs] == [(unknown,)] * 5 + [()]


def test_a_mean_is_of_all_seeds() -> None:
    comparison = compared(a=[0.25, 0.75])
    mean = comparison.mean(comparison.groups[0])
    assert mean is not None
    assert mean.value == 0.5
    assert comparison.pairs == ()
    assert comparison.ranked == ()
