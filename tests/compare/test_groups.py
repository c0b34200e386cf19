from dataclasses import replace
from typing import Any

import pytest

from runner.compare.groups import FailedGroup, Group, data_words, make_groups
from tests.compare.made_results import ENVIRONMENT, SHA, failed, result, results


def names(*variations: str) -> list[str]:
    """The names of groups of one run each."""
    return [group.name for group in make_groups([result(words, 1, 0.5) for words in variations]).groups]


@pytest.mark.parametrize(
    ("variations", "told"),
    [
        (["mnist_constant", "mnist_polynomial"], ["mnist_constant", "mnist_polynomial"]),
        (["study/constant", "study/polynomial"], ["constant", "polynomial"]),
        (["study/a/x", "study/b/x"], ["a/x", "b/x"]),
        (["study/constant", "mnist_2x4"], ["study/constant", "mnist_2x4"]),
        (
            ["a layers.all.schedule.name=constant", "a layers.all.schedule.name=polynomial"],
            ["constant", "polynomial"],
        ),
        (["a training.epochs=1", "a training.epochs=3"], ["epochs=1", "epochs=3"]),
        (["a training.epochs=3", "b training.epochs=3"], ["a", "b"]),
        (["a training.epochs=3"], ["a"]),
        (["mine/small"], ["mine/small"]),
    ],
)
def test_names_say_what_differs(variations: list[str], told: list[str]) -> None:
    assert names(*variations) == told


def test_groups_have_the_levels_of_the_factors() -> None:
    made = make_groups(
        [
            result(f"a layers.all.schedule.name={name} layers.all.schedule.sparsity={level}", 1, 0.5)
            for name in ("constant", "polynomial")
            for level in (0.9, 0.5)
        ]
    )
    assert [factor.name for factor in made.factors] == ["schedule.name", "schedule.sparsity"]
    assert made.factors[1].levels == ("0.5", "0.9")
    assert made.groups[1].cell == ("constant", "0.5")
    assert made.groups[1].name == "constant sparsity=0.5"


def test_runs_that_differ_in_their_seed_are_a_group() -> None:
    grouped = make_groups(
        [result("b", 2, 0.5), result("a", 1, 0.1), result("b", 1, 0.4), result("a", 10, 0.3)]
    )
    made = grouped.groups
    assert grouped.superseded == ()
    assert [(group.name, group.seeds) for group in made] == [("b", (1, 2)), ("a", (1, 10))]
    assert made[0].values("test/accuracy") == [0.4, 0.5]
    assert made[0].by_seed[2].metrics["test/accuracy"] == 0.5


def test_the_later_of_two_runs_with_one_seed_is_kept() -> None:
    later = result("a", 1, 0.2, started=9, run_id="later")
    earlier = result("a", 1, 0.1, started=3, run_id="earlier")
    for order in ([later, earlier], [earlier, later]):
        grouped = make_groups(order)
        assert [[one.run_id for one in group.results] for group in grouped.groups] == [["later"]]
        assert [one.run_id for one in grouped.superseded] == ["earlier"]


def test_equal_words_on_other_data_or_of_another_recipe_are_another_group() -> None:
    digits = results("a", [0.8], data_source="digits", data_sha256=SHA["digits"])
    assert [group.name for group in make_groups([*results("a", [0.9]), *digits]).groups] == [
        "mnist",
        "digits",
    ]
    changed = results("a", [0.8], recipe_hash="changed")
    named = [group.name for group in make_groups([*results("a", [0.7]), *changed]).groups]
    assert named == ["fingerprint=hash of a", "fingerprint=changed"]


def test_runs_of_other_versions_plugins_or_files_are_another_group() -> None:
    newer = {**ENVIRONMENT, "tensorflow": "2.21"}
    made = make_groups(
        [
            *results("a", [0.9], group_fingerprint="1"),
            *results("a", [0.8], group_fingerprint="2", environment=newer),
            *results("a", [0.6], group_fingerprint="4", files={"weights": "cd" * 32}),
            result("a", 2, 0.5, group_fingerprint="1"),
        ]
    )
    assert [group.seeds for group in made.groups] == [(1, 2), (1,), (1,)]
    assert [factor.key for factor in made.factors] == ["content of model.weights", "environment.tensorflow"]
    assert [group.cell for group in made.groups] == [("-", "2.20"), ("-", "2.21"), ("cdcdcdcd", "2.20")]


def test_runs_of_an_older_runner_are_a_group_of_their_own() -> None:
    older = [result("a", seed, 0.9, environment=None, files=None) for seed in (1, 2)]
    made = make_groups([*older, result("a", 3, 0.9, group_fingerprint="1")]).groups
    assert [group.seeds for group in made] == [(1, 2), (3,)]
    assert made[0].name != made[1].name


def test_what_cannot_be_named_is_told_apart_all_the_same() -> None:
    runs = [result("a", seed, 0.9, group_fingerprint=f"{seed}" * 24) for seed in (1, 2)]
    assert [group.name for group in make_groups(runs).groups] == [
        "fingerprint=111111111111",
        "fingerprint=222222222222",
    ]


def test_runs_without_a_result_are_kept_beside_their_group() -> None:
    runs = [*results("a", [0.9, 0.8]), failed("a", 4), failed("a", 3), failed("a", 2), failed("b", 1)]
    made = make_groups(runs)
    assert [(group.name, group.seeds) for group in made.groups] == [("a", (1, 2))]
    assert [run.seed for run in made.groups[0].lost] == [3, 4]
    assert made.failed == (FailedGroup("b", ("b",), (1,), "the loss became nan"),)
    assert made.factors[0].levels == ("a", "b")


def test_words_that_mean_the_same_are_one_group() -> None:
    same: dict[str, Any] = {"recipe_hash": "0123", "asked": {"training.c": "1"}}
    plain, with_plus = (
        results("a training.c=1", [0.5, 0.6], **same),
        results("a +training.c=1", [0.7], **same),
    )
    alone = replace(with_plus[0], seed=3)
    made = make_groups([alone, *plain, *results("a", [0.9])])
    assert [(group.name, group.seeds) for group in made.groups] == [("c=1", (1, 2, 3)), ("c=-", (1,))]
    assert made.groups[0].variation == "a training.c=1"


def test_recipes_of_two_names_and_one_content_stay_two_groups() -> None:
    same = {"recipe_hash": "0123"}
    made = make_groups([*results("a", [0.9], **same), *results("b", [0.9], **same)])
    assert [group.name for group in made.groups] == ["a", "b"]


def test_data_of_one_source_is_told_by_its_content() -> None:
    one, other = result("a", 1), result("a", 1, data_sha256="cc" * 32)
    assert data_words(one) == "mnist"
    assert data_words(one, (one, other)) == "mnist aaaaaaaa"
    assert data_words(result("a", 1, data_source=None)) == "unknown data"


def test_a_group_without_order_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one result per seed, by seed; not \[2, 1\]"):
        Group("a", (), "a", (result("a", 2), result("a", 1)))
    with pytest.raises(ValueError, match="one result per seed"):
        Group("a", (), "a", ())
    with pytest.raises(ValueError, match=r"seeds \[1\] are lost or they have results, \[1\]"):
        Group("a", (), "a", (result("a", 1),), (failed("a", 1),))
    with pytest.raises(ValueError, match="without a result that counts is among the results"):
        Group("a", (), "a", (failed("a", 1),))
