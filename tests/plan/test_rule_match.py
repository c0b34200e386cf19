import re
from typing import Any

import pytest
import tf_keras
from tf_keras import layers

from runner.plan.named_layers import named_layers
from runner.plan.rule_match import match_rules, matches_layer
from runner.process.errors import UserError
from runner.recipe.recipe import Rule, ScheduleSettings


def rule(key: str, *targets: str, **changes: Any) -> Rule:
    return Rule(key, targets, **{"schedule": ScheduleSettings("constant", 0.5), **changes})


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    inner = tf_keras.Sequential([layers.Input((6,)), layers.Dense(5, name="a")], name="inner")
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, name="conv_1"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(4, 3, name="conv_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(6, name="hidden"),
            inner,
            layers.Dense(3, name="output"),
        ]
    )


def taken(model: tf_keras.Model, *rules: Rule) -> dict[str, str]:
    """The layers that a rule has, with the rule and those it overrode."""
    return {
        match.layer.name: " over ".join([match.rule.key, *(earlier.key for earlier in match.overridden)])
        for match in match_rules(rules, named_layers(model))
        if match.rule is not None
    }


def refused(model: tf_keras.Model, *rules: Rule) -> list[str]:
    with pytest.raises(UserError) as caught:
        match_rules(rules, named_layers(model))
    return str(caught.value).splitlines()


def test_layers_of_nested_models_are_named_by_their_path_and_inputs_left_out(model: tf_keras.Model) -> None:
    named = named_layers(model)

    assert [layer.name for layer in named] == [
        "conv_1",
        "norm",
        "conv_2",
        "flatten",
        "hidden",
        "inner/a",
        "output",
    ]
    assert [layer.kind for layer in named][:3] == ["Conv2D", "BatchNormalization", "Conv2D"]
    assert [layer.name for layer in named if not layer.prunable] == ["norm", "flatten"]


def test_a_layer_that_is_used_twice_is_listed_once() -> None:
    x, shared = layers.Input((4,)), layers.Dense(4, name="shared")
    once = tf_keras.Sequential([layers.Input((4,)), shared], name="once")
    model = tf_keras.Model(x, shared(shared(once(x))))

    assert len(named_layers(model)) == 1


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (("conv_*",), ["conv_1", "conv_2"]),
        (("conv_?", "hidden"), ["conv_1", "conv_2", "hidden"]),
        (("conv_[!1]",), ["conv_2"]),
        (("re:conv_\\d",), ["conv_1", "conv_2"]),
        (("re:.*t",), ["output"]),  # the whole name, not the "flat" of flatten
        (("inner/*",), ["inner/a"]),
        (("*a",), ["inner/a"]),
    ],
)
def test_targets_are_globs_or_regular_expressions(
    model: tf_keras.Model, targets: tuple[str, ...], names: list[str]
) -> None:
    assert list(taken(model, rule("r", *targets))) == names


def test_names_are_told_apart_by_case(model: tf_keras.Model) -> None:
    [problem] = refused(model, rule("r", "Conv_1"))

    assert problem.startswith("recipe.layers.r.targets: no layer is called 'Conv_1'. Did you mean 'conv_1'?")


def test_ignore_and_types_narrow_a_rule(model: tf_keras.Model) -> None:
    everything = rule("r", "*", ignore=("re:.*_2", "output"), types=("Conv2D", "Dense"))

    assert list(taken(model, everything)) == ["conv_1", "hidden", "inner/a"]
    by_name = {layer.name: layer for layer in named_layers(model)}
    assert not matches_layer(everything, by_name["norm"])
    assert not matches_layer(everything, by_name["conv_2"])


def test_the_last_rule_that_matches_has_the_layer_and_names_the_others(model: tf_keras.Model) -> None:
    rules = (
        rule("every", "*"),
        rule("convolutions", "conv_*"),
        rule("second", "conv_2", prune=False, schedule=None),
    )

    assert taken(model, *rules) == {
        "conv_1": "convolutions over every",
        "norm": "every",
        "conv_2": "second over every over convolutions",
        "flatten": "every",
        "hidden": "every",
        "inner/a": "every",
        "output": "every",
    }


def test_layers_without_a_rule_are_there_too(model: tf_keras.Model) -> None:
    matches = match_rules([rule("r", "hidden")], named_layers(model))

    assert [match.layer.name for match in matches if match.rule is None] == [
        "conv_1",
        "norm",
        "conv_2",
        "flatten",
        "inner/a",
        "output",
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            rule("first", "conv1"),
            "recipe.layers.first.targets: no layer is called 'conv1'. Did you mean 'conv_1'? Layers that can"
            " be pruned: conv_1, conv_2, hidden, inner/a, output.",
        ),
        (
            rule("first", "re:hiden.*"),
            "recipe.layers.first.targets: no layer is called 're:hiden.*'. Did you mean 'hidden'? Layers",
        ),
        (
            rule("first", "conv_*", "zzz"),
            "recipe.layers.first.targets: no layer is called 'zzz'. Layers that can be pruned: conv_1,",
        ),
        (
            rule("first", "*", ignore=("ouput",)),
            "recipe.layers.first.ignore: no layer is called 'ouput'. Did you mean 'output'? Layers that",
        ),
        (
            rule("first", "*", types=("Conv2d",)),
            "recipe.layers.first.types: the model has no Conv2d. Did you mean 'Conv2D'? It has"
            " BatchNormalization, Conv2D, Dense, Flatten.",
        ),
        (
            rule("first", "conv_*", types=("Dense",)),
            "recipe.layers.first: targets conv_* match nothing once types are applied. Layers that can be",
        ),
        (
            rule("first", "conv_1", "hidden", ignore=("conv_1",), types=("Conv2D",)),
            "recipe.layers.first: targets conv_1, hidden match nothing once ignore and types are applied.",
        ),
        (
            rule("first", "norm", "flatten"),
            "recipe.layers.first: it matches only layers without weights that can be pruned: norm"
            " (BatchNormalization), flatten (Flatten). Layers that can be pruned: conv_1,",
        ),
    ],
)
def test_a_rule_that_matches_nothing_is_told_with_the_nearest_names(
    model: tf_keras.Model, wrong: Rule, told: str
) -> None:
    [problem] = refused(model, wrong)

    assert problem.startswith(told)


def test_leaving_dense_what_cannot_be_pruned_is_no_mistake(model: tf_keras.Model) -> None:
    rules = (rule("r", "hidden"), rule("dense", "norm", prune=False, schedule=None))

    assert taken(model, *rules) == {"norm": "dense", "hidden": "r"}


def test_a_rule_that_later_ones_override_wholly_is_an_error(model: tf_keras.Model) -> None:
    [problem] = refused(
        model,
        rule("special", "conv_1", "hidden"),
        rule("dense", "hidden"),
        rule("all", "*", types=("Conv2D",)),
    )

    assert problem == (
        "recipe.layers.special: every layer it matches (conv_1, hidden) goes to a later rule (all, dense),"
        " and the last rule that matches has the layer. Put the general rule first, or remove this one."
    )


def test_a_rule_that_keeps_only_what_cannot_be_pruned_is_overridden_wholly(model: tf_keras.Model) -> None:
    [problem] = refused(model, rule("pair", "conv_1", "norm"), rule("later", "conv_1"))

    assert problem.startswith(
        "recipe.layers.pair: every layer it matches (conv_1) goes to a later rule (later)"
    )


def test_all_problems_are_told_at_once(model: tf_keras.Model) -> None:
    problems = refused(
        model, rule("one", "x1"), rule("two", "hidden"), rule("three", "hidden", ignore=("x3",))
    )

    assert [re.split(r"[: ]", problem)[0] for problem in problems] == [
        "recipe.layers.one.targets",
        "recipe.layers.three.ignore",
        "recipe.layers.two",
    ]


def test_of_many_layers_the_first_dozen_is_listed() -> None:
    model = tf_keras.Sequential(
        [layers.Input((2,)), *(layers.Dense(2, name=f"d{number}") for number in range(15))]
    )

    [problem] = refused(model, rule("r", "nothing"))

    assert problem.endswith(
        "Layers that can be pruned: " + ", ".join(f"d{n}" for n in range(12)) + " and 3 more."
    )
