import itertools

import pytest

from runner.compare.factors import ABSENT, Factor, cell_of, find_factors
from tests.compare.made_sweeps import NAME, SPARSITY, compared, run

RATE = "training.optimizer.learning_rate"


def said(recipe: object = "mnist", **params: object) -> dict[str, str]:
    """What a run was asked to do; two underscores stand for a dot."""
    return {"recipe": str(recipe), **{key.replace("__", "."): str(value) for key, value in params.items()}}


def grid(**levels: list[object]) -> list[dict[str, str]]:
    """Every combination of levels, at two seeds each."""
    return [
        said(**dict(zip(levels, values, strict=True)), seed=seed)
        for values in itertools.product(*levels.values())
        for seed in (1, 2)
    ]


def test_what_was_swept_are_factors_and_seeds_are_not() -> None:
    runs = grid(
        layers__all__schedule__name=["polynomial", "constant"],
        layers__all__schedule__sparsity=[0.9, 0.75, 0.5],
        training__epochs=[3],
    )
    assert find_factors(runs, [NAME, SPARSITY]) == (
        Factor(NAME, "schedule.name", ("polynomial", "constant"), numeric=False),
        Factor(SPARSITY, "schedule.sparsity", ("0.5", "0.75", "0.9"), numeric=True),
    )


def test_a_key_that_follows_from_a_factor_is_told_beside_it() -> None:
    runs = [
        said(layers__all__schedule__name="constant"),
        said(layers__all__schedule__name="polynomial", layers__all__schedule__power=3),
    ]
    [factor] = find_factors(runs, [NAME])
    assert (factor.key, factor.beside) == (NAME, ("layers.all.schedule.power",))


def test_recipes_are_a_factor_with_the_keys_in_which_they_differ() -> None:
    runs = [
        said("study/constant", layers__all__schedule__name="constant"),
        said("study/polynomial", layers__all__schedule__name="polynomial"),
        said("study/dense", layers__all__prune=False),
    ]
    [factor] = find_factors(runs)
    assert (factor.name, factor.levels) == ("recipe", ("study/constant", "study/polynomial", "study/dense"))
    assert factor.beside == ("layers.all.prune", NAME)


def test_recipes_and_a_key_that_was_swept_within_them_are_two_factors() -> None:
    runs = [
        said(recipe, layers__all__schedule__name=recipe, layers__all__schedule__sparsity=sparsity)
        for recipe in ("constant", "polynomial")
        for sparsity in (0.5, 0.9)
    ]
    assert [factor.name for factor in find_factors(runs, [SPARSITY])] == ["recipe", "schedule.sparsity"]


def test_a_key_that_some_runs_lack_has_a_level_for_them() -> None:
    [factor] = find_factors([said(model__width=16), said()])
    assert factor.levels == ("16", ABSENT)
    assert not factor.numeric


@pytest.mark.parametrize(
    "key", ["budget__max_bytes", "export__variants", "data__path", "description", "seed"]
)
def test_settings_that_do_not_change_the_training_are_no_factors(key: str) -> None:
    assert find_factors([said(**{key: 1}), said(**{key: 2})]) == ()


def test_names_that_read_as_numbers_are_names() -> None:
    [factor] = find_factors([said(model__kind="nan"), said(model__kind="1")])
    assert not factor.numeric


def test_a_factor_has_levels() -> None:
    with pytest.raises(ValueError, match="two or more different levels"):
        Factor("a", "a", ("1", "1"), numeric=True)


def test_a_cell_has_the_level_of_each_factor() -> None:
    runs = [said(model__width=16, training__epochs=1), said(training__epochs=2)]
    factors = find_factors(runs, ["training.epochs"])
    # The width follows from the epochs here.
    assert [cell_of(run, factors) for run in runs] == [("1",), ("2",)]


def test_a_key_that_follows_from_two_factors_together_is_a_factor() -> None:
    # Of each combination another learning rate: what differs between two of them is due to neither factor.
    rates = {("constant", "0.5"): 1, ("constant", "0.9"): 3, ("polynomial", "0.9"): 2}
    runs = [{NAME: name, SPARSITY: sparsity, RATE: str(rate)} for (name, sparsity), rate in rates.items()]
    factors = find_factors(runs, [NAME, SPARSITY])
    assert [(factor.key, factor.beside) for factor in factors] == [(NAME, ()), (SPARSITY, ()), (RATE, ())]


def test_equal_numbers_are_one_level() -> None:
    runs = [said(training__epochs=epochs) for epochs in ("0.9", "0.90", "9e-1", "0.5", "-0", "0")]
    [factor] = find_factors(runs)
    assert (factor.levels, factor.numeric) == (("-0", "0.5", "0.9"), True)
    assert [cell_of(run, [factor]) for run in runs] == [("0.9",)] * 3 + [("0.5",), ("-0",), ("-0",)]
    assert find_factors([said(training__epochs=1), said(training__epochs="1.0")]) == ()
    [factor] = find_factors([said(training__epochs=1), said(training__epochs="1.0"), said()])
    assert factor.levels == ("1", ABSENT)


def test_recipes_are_told_apart_by_their_names() -> None:
    [factor] = find_factors([said("1"), said("01")])
    assert len(factor.levels) == 2


def test_levels_that_come_with_another_learning_rate_each_are_not_ranked() -> None:
    rates = {("constant", 0.5): 0.1, ("constant", 0.9): 0.001, ("polynomial", 0.9): 0.01}
    accuracies = {0.1: 0.90, 0.01: 0.95, 0.001: 0.80}
    runs = [
        run(
            {NAME: name, SPARSITY: sparsity, RATE: rate},
            seed,
            accuracies[rate] + seed / 10_000,
        )
        for (name, sparsity), rate in rates.items()
        for seed in (1, 2, 3)
    ]
    comparison = compared(runs)
    assert comparison.ranked == ()
    assert [factor.name for factor in comparison.factors][2] == "optimizer.learning_rate"
    assert {group.name for group in comparison.groups} == {
        "constant sparsity=0.5 learning_rate=0.1",
        "constant sparsity=0.9 learning_rate=0.001",
        "polynomial sparsity=0.9 learning_rate=0.01",
    }


def test_a_key_that_some_runs_lack_comes_after_the_one_that_brings_it() -> None:
    name, power = "layers.all.schedule.name", "layers.all.schedule.power"
    said = [{power: "1", name: "polynomial"}, {power: "3", name: "polynomial"}, {name: "constant"}]
    for swept in ([name, power], [power, name]):
        found = find_factors(said, swept)
        assert [(factor.key, factor.levels) for factor in found] == [
            (name, ("polynomial", "constant")),
            (power, ("1", "3", "-")),
        ]
