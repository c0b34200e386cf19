from dataclasses import replace

import pytest

from runner.compare.groups import Group, data_words, make_groups, short_names
from tests.compare.made_results import ENVIRONMENT, SHA, failed, result, results


@pytest.mark.parametrize(
    ("variations", "names"),
    [
        (["mnist_constant", "mnist_polynomial"], ["mnist_constant", "mnist_polynomial"]),
        (["study/constant", "study/polynomial"], ["constant", "polynomial"]),
        (["study/a/x", "study/b/x"], ["a/x", "b/x"]),
        (["study/constant", "mnist_2x4"], ["study/constant", "mnist_2x4"]),
        (
            [
                "mnist_constant layers.all.schedule.name=constant",
                "mnist_constant layers.all.schedule.name=polynomial",
            ],
            ["schedule.name=constant", "schedule.name=polynomial"],
        ),
        (["a", "a training.epochs=3"], ["a", "training.epochs=3"]),
        (["a training.epochs=3", "b training.epochs=3"], ["a", "b"]),
        (
            ["a layers.x.schedule.sparsity=0.5", "a layers.y.schedule.sparsity=0.5"],
            ["x.schedule.sparsity=0.5", "y.schedule.sparsity=0.5"],
        ),
        (
            ["a +recipe.layers.new.m_by_n=2x4", "a ~recipe.layers.old.m_by_n"],
            ["new.m_by_n=2x4", "old.m_by_n"],
        ),
        (
            ["a layers.x.targets='re:(a b|recipe_c)'", "a layers.x.targets='d e'"],
            ["x.targets='re:(a b|recipe_c)'", "x.targets='d e'"],
        ),
        (["a training.epochs=3 model.filters=[2,4]"], ["a"]),
        (["a", "a"], ["a", "a"]),
        (["mine/small"], ["mine/small"]),
        (["mine/small", "mine/small training.epochs=2"], ["mine/small", "training.epochs=2"]),
        (["mine/small", "yours/small"], ["mine/small", "yours/small"]),
    ],
)
def test_names_say_what_differs(variations: list[str], names: list[str]) -> None:
    assert short_names(variations) == names


def test_runs_that_differ_in_their_seed_are_a_group() -> None:
    made, superseded = make_groups(
        [result("b", 2, 0.5), result("a", 1, 0.1), result("b", 1, 0.4), result("a", 10, 0.3)]
    )
    assert superseded == ()
    assert [(group.name, group.seeds) for group in made] == [("b", (1, 2)), ("a", (1, 10))]
    assert made[0].values("test/accuracy") == [0.4, 0.5]
    assert made[0].by_seed[2].metrics["test/accuracy"] == 0.5


def test_the_later_of_two_runs_with_one_seed_is_kept() -> None:
    later = result("a", 1, 0.2, started=9, run_id="later")
    earlier = result("a", 1, 0.1, started=3, run_id="earlier")
    for order in ([later, earlier], [earlier, later]):
        (group,), superseded = make_groups(order)
        assert [one.run_id for one in group.results] == ["later"]
        assert [one.run_id for one in superseded] == ["earlier"]


def test_equal_words_on_other_data_or_of_another_recipe_are_another_group() -> None:
    digits = results("a", [0.8], data_source="digits", data_sha256=SHA["digits"])
    changed = results("b", [0.8], recipe_hash="changed")
    made, _ = make_groups([*results("a", [0.9]), *digits, *results("b", [0.7]), *changed])
    assert [group.name for group in made] == [
        "a (on mnist)",
        "a (on digits)",
        "b (recipe hash of b)",
        "b (recipe changed)",
    ]


def test_runs_of_other_versions_plugins_or_files_are_another_group() -> None:
    newer = {**ENVIRONMENT, "tensorflow": "2.21"}
    made, _ = make_groups(
        [
            *results("a", [0.9], group_fingerprint="1"),
            *results("a", [0.8], group_fingerprint="2", environment=newer),
            *results("a", [0.7], group_fingerprint="3", environment={**ENVIRONMENT, "plugin own": "ab12"}),
            *results("a", [0.6], group_fingerprint="4", files={"weights": "cd" * 32}),
            result("a", 2, 0.5, group_fingerprint="1"),
        ]
    )
    assert [(group.name, group.seeds) for group in made] == [
        ("a (no plugin own, tensorflow 2.20)", (1, 2)),
        ("a (no plugin own, tensorflow 2.21)", (1,)),
        ("a (plugin own ab12, tensorflow 2.20)", (1,)),
        ("a (model.weights cdcdcdcd, no plugin own, tensorflow 2.20)", (1,)),
    ]


def test_runs_of_an_older_runner_are_a_group_of_their_own() -> None:
    older = [result("a", seed, 0.9, environment=None, files=None) for seed in (1, 2)]
    made, _ = make_groups([*older, result("a", 3, 0.9, group_fingerprint="1")])
    assert [(group.name, group.seeds) for group in made] == [
        ("a (versions unknown)", (1, 2)),
        ("a", (3,)),
    ]


def test_what_cannot_be_named_is_told_apart_all_the_same() -> None:
    made, _ = make_groups([result("a", seed, 0.9, group_fingerprint=f"{seed}" * 24) for seed in (1, 2)])
    assert [group.name for group in made] == ["a (fingerprint 11111111)", "a (fingerprint 22222222)"]


def test_runs_without_a_result_are_kept_beside_their_group() -> None:
    runs = [*results("a", [0.9, 0.8]), failed("a", 4), failed("a", 3), failed("a", 2), failed("b", 1)]
    made, superseded = make_groups(runs)
    assert [(group.name, group.seeds) for group in made] == [("a", (1, 2))]
    assert [run.seed for run in made[0].lost] == [3, 4]
    assert superseded == ()


def test_words_that_mean_the_same_are_one_group_named_by_those_used_most() -> None:
    same = {"recipe_hash": "0123"}
    plain, with_plus = (
        results("a training.c=1", [0.5, 0.6], **same),
        results("a +training.c=1", [0.7], **same),
    )
    alone = replace(with_plus[0], seed=3)

    made, superseded = make_groups([alone, *plain, *results("a", [0.9])])

    assert [(group.name, group.seeds) for group in made] == [("training.c=1", (1, 2, 3)), ("a", (1,))]
    assert superseded == ()


def test_recipes_of_two_names_and_one_content_stay_two_groups() -> None:
    same = {"recipe_hash": "0123"}
    made, _ = make_groups([*results("a", [0.9], **same), *results("b", [0.9], **same)])
    assert [group.name for group in made] == ["a", "b"]


def test_data_of_one_source_is_told_by_its_content() -> None:
    one, other = result("a", 1), result("a", 1, data_sha256="cc" * 32)
    assert data_words(one) == "mnist"
    assert data_words(one, (one, other)) == "mnist aaaaaaaa"
    assert data_words(result("a", 1, data_source=None)) == "unknown data"


def test_a_group_without_order_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one result per seed, by seed; not \[2, 1\]"):
        Group("a", "a", (result("a", 2), result("a", 1)))
    with pytest.raises(ValueError, match="one result per seed"):
        Group("a", "a", ())
    with pytest.raises(ValueError, match=r"seeds \[1\] are lost or they have results, \[1\]"):
        Group("a", "a", (result("a", 1),), (failed("a", 1),))
    with pytest.raises(ValueError, match="without a result that counts is among the results"):
        Group("a", "a", (failed("a", 1),))
