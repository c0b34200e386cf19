from collections.abc import Sequence
from typing import Any, Literal

import pytest

from runner.process.errors import UserError
from runner.recipe.signature import NotNegative, Positive, Share, Step, read_arguments


class Other:
    """A type that no recipe can write, so that whatever is written is left to the builder."""


def build(
    *,
    number: float = 0.0,
    whole: int = 0,
    flag: bool = False,
    positive: Positive = 1.0,
    share: Share | None = None,
    step: Step = 1,
    steps: Sequence[Step] | None = None,
    rates: Sequence[NotNegative] = (),
    pair: tuple[int, int] = (1, 2),
    several: tuple[int, ...] = (),
    either: int | str | None = None,
    word: str = "",
    choice: Literal["one", "two"] = "one",
    named: dict[str, int] | None = None,
    other: Other | None = None,
    free: Any = None,
) -> None: ...


def read(**given: Any) -> dict[str, Any]:
    return read_arguments(build, given, where="recipe.part", step=lambda value: int(str(value), 16))


def test_each_is_read_by_the_type_of_its_parameter() -> None:
    given = {
        "number": 1,
        "whole": 2.0,
        "flag": True,
        "positive": 3,
        "share": 0,
        "step": "ff",
        "steps": ["a", 10],
    }

    taken = read(**given, rates=(0, 1))

    assert taken == {
        "number": 1.0,
        "whole": 2,
        "flag": True,
        "positive": 3.0,
        "share": 0.0,
        "step": 255,
        "steps": [10, 16],
        "rates": [0.0, 1.0],
    }
    assert [type(taken[key]) for key in ("number", "whole", "positive")] == [float, int, float]


def test_what_says_no_type_takes_anything() -> None:
    assert read(free=[{}]) == {"free": [{}]}
    assert read(other=3.0) == {"other": 3.0}
    assert read_arguments(lambda **keys: None, {"any": "thing"}, where="recipe.part") == {"any": "thing"}


class Built:
    def __init__(self, *, width: int = 1) -> None:
        pass

    def __call__(self, *, depth: int = 1) -> None: ...


def test_builders_of_all_kinds_say_their_types() -> None:
    assert read(pair=[1.0, 2], several=[1, 2, 3], either="a") == {
        "pair": (1, 2),
        "several": (1, 2, 3),
        "either": "a",
    }
    for build_, key in ((Built, "width"), (Built(), "depth")):
        with pytest.raises(UserError, match=f"{key} is 'a', but must be a whole number"):
            read_arguments(build_, {key: "a"}, where="recipe.part")


def test_types_that_cannot_be_found_are_no_types() -> None:
    def unknown(*, a: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    assert read_arguments(unknown, {"a": 1}, where="recipe.part") == {"a": 1}


def test_null_is_taken_where_it_has_a_meaning() -> None:
    assert read(share=None, steps=None) == {"share": None, "steps": None}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("number", "1", "is '1', but must be a number."),
        ("number", None, "is None, but must be a number."),
        ("number", float("nan"), "is nan, but must be a number."),
        ("whole", 1.5, "is 1.5, but must be a whole number."),
        ("whole", 1e308, "is 1e+308, but must be a whole number."),
        ("flag", 1, "is 1, but must be true or false."),
        ("positive", 0, "is 0, but must be above 0."),
        ("positive", "0", "is '0', but must be a number."),
        ("share", 1, "is 1, but must be in [0, 1)."),
        ("share", -0.5, "is -0.5, but must be in [0, 1)."),
        ("step", "soon", "invalid literal"),
        ("steps", "a", "is 'a', but must be a list."),
        ("pair", [1], "is [1], but must be a list of 2."),
        ("pair", {"a": 1}, "is {'a': 1}, but must be a list of 2."),
        ("pair", [1, "a"], "is 'a', but must be a whole number."),
        ("several", [1, 2.5], "is 2.5, but must be a whole number."),
        ("either", [1], "is [1], but must be a whole number or text."),
        ("word", 1, "is 1, but must be text."),
        ("number", 10**400, "is 10000000"),
        ("choice", "tow", "is 'tow', but must be one of one, two. Did you mean 'two'?"),
        ("named", {"a": "b"}, "is 'b', but must be a whole number."),
        ("rates", [1, -1], "is -1, but must be at least 0."),
    ],
)
def test_another_kind_or_range_is_told_with_its_key(key: str, value: object, told: str) -> None:
    with pytest.raises(UserError) as refused:
        read(**{key: value})

    assert str(refused.value).startswith(f"recipe.part.{key} {told}")
    assert not str(refused.value).endswith("?.")


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(UserError) as refused:
        read(number="1", whole=2, flag=0)

    assert str(refused.value).splitlines() == [
        "recipe.part.number is '1', but must be a number.",
        "recipe.part.flag is 0, but must be true or false.",
    ]
