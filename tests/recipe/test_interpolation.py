import time
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.interpolation import refuse_interpolations


def refusal(recipe: dict[str, Any]) -> str:
    with pytest.raises(UserError) as refused:
        refuse_interpolations(recipe, lambda key: "here")
    return str(refused.value)


@pytest.mark.parametrize(
    ("recipe", "key"),
    [
        ({"description": "${..tracking.uri}"}, "recipe.description"),
        ({"description": "a ${...tracking.uri} b"}, "recipe.description"),
        ({"data": {"path": "${...tracking.uri}"}}, "recipe.data.path"),
        ({"data": {"path": ["${....tracking.uri}"]}}, "recipe.data.path[0]"),
        ({"data": {"path": "${ ...tracking.uri }"}}, "recipe.data.path"),
        ({"description": "${tracking.uri}"}, "recipe.description"),
        ({"description": "${oc.env:HOME}"}, "recipe.description"),
        ({"description": "${recipe.${..tracking.uri}}"}, "recipe.description"),
        ({"description": "${recipe[a]}"}, "recipe.description"),
        ({"description": "${hydra:job.name}"}, "recipe.description"),
    ],
)
def test_no_interpolation_leaves_the_recipe(recipe: dict[str, Any], key: str) -> None:
    assert refusal(recipe).startswith(f"here: {key} is '")


def test_within_the_recipe_it_may_climb() -> None:
    refuse_interpolations(
        {
            "description": "${.training.epochs} of ${recipe.data.path[0]}",
            "data": {"path": ["${...training.epochs}", "${..name}", r"\${seed}"], "name": "a"},
            "training": {"epochs": 2, "batch_size": "${.epochs}"},
            "layers": {"a": "${recipe.nowhere}", "b": "${.a.c}"},
        },
        lambda key: "here",
    )


@pytest.mark.parametrize(
    "recipe",
    [
        {"a0": "x" * 100} | {f"a{n}": f"${{recipe.a{n - 1}}}" * 2 for n in range(1, 40)},
        {"a0": "xx"} | {f"a{n}": [f"${{recipe.a{n - 1}}}"] * 2 for n in range(1, 40)},
        {"a0": "xx"} | {f"a{n}": {"b": f"${{..a{n - 1}}}", "c": f"${{..a{n - 1}}}"} for n in range(1, 40)},
        {"a0": {"b": "xx"}} | {f"a{n}": {"b": f"${{recipe.a{n - 1}.b}}" * 2} for n in range(1, 40)},
        {"a0": ["xx"]} | {f"a{n}": [f"${{recipe.a{n - 1}[0]}}" * 2] for n in range(1, 40)},
        {"a": ["x" * 99_000], "b": ["${recipe.a}", "${recipe.a}"]},
    ],
)
def test_what_would_expand_beyond_measure_is_refused(recipe: dict[str, Any]) -> None:
    began = time.perf_counter()

    assert "would have more than the 100,000 characters" in refusal(recipe)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "recipe",
    [
        {"a": "${.a}"},
        {"a": "${.b}", "b": "${.a}"},
        {"a": {"b": "${recipe.a}"}},
        {f"a{n}": f"${{recipe.a{n + 1}}}" for n in range(1_000)},
    ],
)
def test_circles_and_endless_chains_are_refused(recipe: dict[str, Any]) -> None:
    assert "refer to each other in a circle, or over too many steps" in refusal(recipe)
