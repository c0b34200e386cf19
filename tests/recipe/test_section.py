from collections.abc import Mapping
from dataclasses import field, replace
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from runner.process.errors import UserError
from runner.recipe.problems import Invalid, Problem, problems_of
from runner.recipe.section import (
    Arguments,
    Flag,
    Number,
    OneOf,
    Point,
    Section,
    Text,
    Texts,
    Whole,
    plain,
    section,
)
from runner.recipe.steps import StepSpec


@section
class Inner(Section):
    depth: Annotated[Whole, Field(ge=1)]


@section
class Box(Section):
    size: Annotated[Whole, Field(ge=0)]
    label: Text = "none"
    inner: Inner | None = None

    def __post_init__(self) -> None:
        if self.size > 9:
            raise Invalid({"size": f"is {self.size}, too big"})


@section
class Open(Section):
    learning_rate: Number = 0.1
    arguments: Arguments = field(default_factory=dict)


def read(value: object, kind: Any = Box) -> tuple[Any, list[Problem]]:
    try:
        return TypeAdapter(kind).validate_python(value), []
    except ValidationError as error:
        return None, list(problems_of(error, kind, "box"))


def test_reads_what_is_there_and_leaves_defaults() -> None:
    assert read({"size": 3, "label": None}) == (Box(3, "none"), [])
    assert read({"size": 3.0, "label": "x"}) == (Box(3, "x"), [])
    assert read({"size": 3, "inner": {"depth": 2}}) == (Box(3, inner=Inner(2)), [])


def test_collects_every_problem() -> None:
    assert read({"siz": 3, "label": 4, "inner": {"depth": 0, "dept": 1}}) == (
        None,
        [
            Problem("box.size", "is missing"),
            Problem("box.label", "is 4, but must be text"),
            Problem("box.inner.depth", "is 0, but must be at least 1"),
            Problem("box.inner.dept", "is unknown. Did you mean 'depth'? Known: depth"),
            Problem("box.siz", "is unknown. Did you mean 'size'? Known: size, label, inner"),
        ],
    )
    assert read({"size": 10}) == (None, [Problem("box.size", "is 10, too big")])
    for key in ("size", "label"):
        told = f"is left open (???): give it, e.g. box.{key}=VALUE"
        assert read({"size": 1, key: "???"}) == (None, [Problem(f"box.{key}", told)])


def test_no_mapping_is_a_problem_of_its_own() -> None:
    wrong = "is [1], but must be a mapping of keys to values"
    assert read([1]) == (None, [Problem("box", wrong)])
    assert read({"size": 1, "inner": [1]}) == (None, [Problem("box.inner", wrong)])


def test_the_constructor_checks_too_and_names_its_own_arguments() -> None:
    for make in (lambda: Box(-1), lambda: Box(size=-1), lambda: replace(Box(1), size=-1)):
        with pytest.raises(UserError, match=r"^size is -1, but must be at least 0$"):
            make()
    with pytest.raises(Invalid, match=r"^size is 10, too big$"):
        Box(10)


def test_arguments_are_kept_but_slips_are_noted() -> None:
    assert read({"momentum": 0.9, "nesterov": None}, Open)[0].arguments == {"momentum": 0.9, "nesterov": None}
    assert read({"arguments": {"a": 1}}, Open)[0].arguments == {"arguments": {"a": 1}}
    assert read({"momentum": 0.9, "learning_rte": 1}, Open) == (
        None,
        [Problem("box.learning_rte", "is unknown. Did you mean 'learning_rate'?")],
    )
    assert read({"momentum": "???"}, Open)[1] == [
        Problem("box.momentum", "is left open (???): give it, e.g. box.momentum=VALUE")
    ]


def test_plain_data_has_every_default_and_reads_back() -> None:
    assert plain(Box(1, inner=Inner(2))) == {"size": 1, "label": "none", "inner": {"depth": 2}}
    opened = Open(0.5, {"momentum": 3.0, "layers": [1, {"a": 2.0}]})
    assert list(plain(opened).items()) == [
        ("learning_rate", 0.5),
        ("momentum", 3.0),
        ("layers", [1, {"a": 2.0}]),
    ]
    assert read(plain(opened), Open)[0] == opened


@pytest.mark.parametrize(
    ("kind", "good", "becomes"),
    [
        (Text, "a b", "a b"),
        (Number, 3, 3.0),
        (Number, 0.5, 0.5),
        (Whole, 3.0, 3),
        (Flag, False, False),
        (Texts, "a", ("a",)),
        (Texts, ["a", "b"], ("a", "b")),
        (Texts, [], ()),
        (Point, "20%", StepSpec(0.2, "share")),
        (Point, 20.0, StepSpec(20)),
        (Annotated[str, OneOf(("a", "b"))], "b", "b"),
    ],
)
def test_converts(kind: Any, good: object, becomes: object) -> None:
    converted, problems = read({"value": good}, holder(kind))

    assert problems == []
    assert converted.value == becomes
    assert type(converted.value) is type(becomes)


@pytest.mark.parametrize(
    ("kind", "bad", "told"),
    [
        (Text, " ", "is ' ', but must be text"),
        (Text, 1, "is 1, but must be text"),
        (Text, "a\x1b", "is 'a\\x1b', with the control character U+001B"),
        (Number, "1", "is '1', but must be a number"),
        (Number, "50 %", "is '50 %', but must be a number; write 0.5"),
        (Number, True, "is True, but must be a number"),
        (Number, float("inf"), "is inf, but must be a number"),
        (Whole, 1.5, "is 1.5, but must be a whole number"),
        (Whole, 1e300, "is 1e+300, but must be a whole number"),
        (Whole, "1", "is '1', but must be a whole number"),
        (Whole, float("nan"), "is nan, but must be a whole number"),
        (Whole, False, "is False, but must be a whole number"),
        (Flag, 1, "is 1, but must be true or false"),
        (Flag, "true", "is 'true', but must be true or false"),
        (Texts, {"a": "b"}, "is {'a': 'b'}, but must be text or a list of texts"),
        (Annotated[Number, Field(ge=0, lt=1)], 50, "is 50, but must be in [0, 1); 50 % is 0.5"),
        (Annotated[Number, Field(gt=0, le=5)], 6, "is 6, but must be in (0, 5]"),
        (Annotated[Number, Field(gt=0)], 0, "is 0, but must be above 0"),
        (Annotated[Number, Field(le=3)], 4, "is 4, but must be at most 3"),
        (Annotated[Number, Field(lt=3)], 3, "is 3, but must be below 3"),
        (
            Annotated[str, OneOf(("one", "two"))],
            "tow",
            "is 'tow', but must be one of one, two. Did you mean 'two'?",
        ),
        (Annotated[str, OneOf(("one", "two"))], 3, "is 3, but must be one of one, two"),
    ],
)
def test_refuses(kind: Any, bad: object, told: str) -> None:
    assert read({"value": bad}, holder(kind)) == (None, [Problem("box.value", told)])


def test_an_entry_of_a_list_is_named() -> None:
    assert read({"value": ["a", ""]}, holder(Texts))[1] == [
        Problem("box.value[1]", "is '', but must be text")
    ]


def holder(kind: Any) -> Any:
    """A section with one field of the type."""
    members: Mapping[str, Any] = {"__annotations__": {"value": kind}}
    return section(type("Holder", (Section,), dict(members)))
