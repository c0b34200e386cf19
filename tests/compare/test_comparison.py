import math

import pytest

from runner.compare.comparison import Comparison, compare
from tests.compare.made_results import groups, result, results


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
    better = pair.better(comparison.score)
    assert better is not None
    assert better.name == "polynomial"
    assert comparison.ranked == (pair,)


def test_noise_is_no_difference() -> None:
    comparison = compared(constant=[0.980, 0.983, 0.981], polynomial=[0.981, 0.981, 0.982])
    (pair,) = comparison.pairs
    assert pair.ranked
    assert pair.p == pytest.approx(1.0)
    assert pair.better(comparison.score) is None


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


def test_regression_is_ranked_by_loss_of_which_less_is_better() -> None:
    losses = {"a": (0.50, 0.51, 0.52), "b": (0.40, 0.42, 0.42)}
    runs = [
        [result(name, seed, None, metrics={"test/loss": loss}) for seed, loss in enumerate(values, 1)]
        for name, values in losses.items()
    ]
    comparison = compare(groups(*runs))
    assert comparison.score.name == "test loss"
    better = comparison.pairs[0].better(comparison.score)
    assert better is not None
    assert better.name == "b"
    assert comparison.score.number(-0.0966, signed=True) == "-0.0966"


def test_a_mean_is_of_all_seeds() -> None:
    comparison = compared(a=[0.25, 0.75])
    mean = comparison.mean(comparison.groups[0])
    assert mean is not None
    assert mean.value == 0.5
    assert comparison.pairs == ()
    assert comparison.ranked == ()
