from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.vetting import code_keys, vet


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (
            {"description": "a \x1b[31m"},
            "here: recipe.description is 'a \\x1b[31m', with the control character U+001B",
        ),
        (
            {"data": {"path": ["\u202e"]}},
            "here: recipe.data.path[0] is '\\u202e', with the control character U+202E",
        ),
        (
            {"description": "\ud800"},
            "here: recipe.description is '\\ud800', with the control character U+D800",
        ),
        (
            {"layers": {"\x9b1m": {}}},
            "here: recipe.layers has the key '\\x9b1m', with the control character U+009B",
        ),
        ({"data": {1: "x"}}, "here: recipe.data has the key 1, which is no text: quote it"),
        ({"data": {"k" * 201: 1}}, "here: recipe.data has the key 'kkk"),
        ({"model": {"units": 10**400}}, "here: recipe.model.units is 1000000000"),
        (
            {"model": {"units": -(10**5000)}},
            "here: recipe.model.units is a number of thousands of digits, but",
        ),
        ({"model": {"units": [2**63]}}, "here: recipe.model.units[0] is 9223372036854775808, but whole"),
        (
            {"model": {"rate": float("nan")}},
            "here: recipe.model.rate is nan, but numbers of a recipe are finite",
        ),
        ({"model": {"rate": -float("inf")}}, "here: recipe.model.rate is -inf, but numbers"),
        ({"model": {"rate": b"x"}}, "here: recipe.model.rate is b'x', but must be text, a number,"),
    ],
)
def test_refuses_what_nothing_could_mean(recipe: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as refused:
        vet(recipe, lambda key: "here")

    assert str(refused.value).startswith(told)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_takes_plain_data() -> None:
    vet(
        {
            "description": "two lines,\n\tone tab, ümläut 模型",
            "model": {"units": [2**63 - 1, 1e308, True, None]},
        },
        lambda key: "here",
    )


def test_finds_code_at_any_depth() -> None:
    assert code_keys({"a": [{"b": {"_target_": 1}}], "_partial_": 2, "c": 3}, "recipe") == [
        "recipe._partial_",
        "recipe.a[0].b._target_",
    ]
    assert code_keys({"a": "_target_"}, "recipe") == []
