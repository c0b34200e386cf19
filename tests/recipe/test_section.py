from dataclasses import dataclass
from typing import Any

import pytest

from runner.recipe.section import (
    Invalid,
    Problem,
    Section,
    code_keys,
    flag,
    number,
    share,
    text,
    texts,
    whole,
)


@dataclass(frozen=True)
class Box:
    size: int = 1
    label: str = "none"
    rest: Any = None

    def __post_init__(self) -> None:
        if self.size > 9:
            raise Invalid({"size": f"is {self.size}, too big"})


def read(value: object) -> tuple[Box | None, list[Problem]]:
    problems: list[Problem] = []
    section = Section(value, "box", problems)
    section.required("size", whole)
    section.optional("label", text)
    return section.build(Box), problems


def test_reads_what_is_there_and_leaves_defaults() -> None:
    assert read({"size": 3, "label": None}) == (Box(3, "none"), [])
    assert read({"size": 3.0, "label": "x"}) == (Box(3, "x"), [])


def test_collects_every_problem() -> None:
    assert read({"siz": 3, "label": 4}) == (
        None,
        [
            Problem("box.size", "is missing"),
            Problem("box.label", "is 4, but must be text"),
            Problem("box.siz", "is unknown. Did you mean 'size'? Known: size, label"),
        ],
    )
    assert read({"size": 10}) == (None, [Problem("box.size", "is 10, too big")])
    assert read({"size": "???"}) == (
        None,
        [Problem("box.size", "is left open (???): give it, e.g. box.size=VALUE")],
    )


def test_arguments_are_kept_but_slips_are_noted() -> None:
    problems: list[Problem] = []
    section = Section({"momentum": 0.9, "learning_rte": 1}, "optimizer", problems)
    section.optional("learning_rate", number)
    section.take_rest("rest")

    assert problems == [Problem("optimizer.learning_rte", "is unknown. Did you mean 'learning_rate'?")]
    assert section.names() == []


def test_finds_code_at_any_depth() -> None:
    assert code_keys({"a": [{"b": {"_target_": 1}}], "_partial_": 2, "c": 3}, "recipe") == [
        "recipe._partial_",
        "recipe.a[0].b._target_",
    ]
    assert code_keys({"a": "_target_"}, "recipe") == []


@pytest.mark.parametrize(
    ("convert", "good", "becomes"),
    [
        (text, "a b", "a b"),
        (number, 3, 3.0),
        (share, 0.5, 0.5),
        (whole, 3.0, 3),
        (flag, False, False),
        (texts, "a", ("a",)),
        (texts, ["a", "b"], ("a", "b")),
        (texts, [], ()),
    ],
)
def test_converts(convert: Any, good: object, becomes: object) -> None:
    converted = convert(good)

    assert converted == becomes
    assert type(converted) is type(becomes)


@pytest.mark.parametrize(
    ("convert", "bad"),
    [
        (text, " "),
        (text, 1),
        (number, "1"),
        (number, True),
        (number, float("inf")),
        (share, "half"),
        (whole, 1.5),
        (whole, float("nan")),
        (whole, False),
        (flag, 1),
        (flag, "true"),
        (texts, ["a", ""]),
        (texts, None),
    ],
)
def test_refuses(convert: Any, bad: object) -> None:
    with pytest.raises(ValueError, match=r"^is .*, but must be"):
        convert(bad)
