"""Sections of a recipe: frozen dataclasses whose fields pydantic validates, with the types of the fields."""

import dataclasses
import difflib
import functools
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, NamedTuple, TypeVar, cast, dataclass_transform

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError, core_schema

from runner.process.wording import hidden_character, shown
from runner.recipe.problems import (
    ARGUMENTS,
    EXPECTED,
    OPEN,
    Invalid,
    problems_of,
    section_in,
    unknown_key,
    written_fields,
)
from runner.recipe.steps import WRITTEN, StepSpec

T = TypeVar("T")

# In a section that takes arguments, a key as similar as this to a known one is a misspelling.
_SLIP = 0.9
_LARGEST = 2**63
_CONFIG = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


@dataclass_transform(frozen_default=True, field_specifiers=(field, Field))
def section(cls: type[T]) -> type[T]:
    """Makes a class a frozen dataclass whose values are validated, whoever makes it; see `Section`.

    Raises:
        Invalid: From the constructor, where a value is of another type or out of its range.
    """
    made = dataclass(frozen=True, config=_CONFIG)(cls)
    initialize = made.__init__

    @functools.wraps(initialize)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            initialize(self, *args, **kwargs)
        except ValidationError as error:
            raise Invalid(dict(problems_of(error, made))) from error

    made.__init__ = init  # type: ignore[method-assign]
    return cast(type[T], made)


class Placed(NamedTuple):
    """What is written of a section, and the fields that come from elsewhere, such as a rule's name."""

    mapping: object
    fields: Mapping[str, Any]


@dataclass(frozen=True, config=_CONFIG)
class Section:
    """A mapping of a recipe.

    A key that is null is as one that is not there. In a section with a field `arguments` that takes all keys
    that no other field has.
    """

    @model_validator(mode="before")
    @classmethod
    def _arranged(cls, written: Any) -> Any:
        return _by_fields(cls, written)

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {**handler(self), **getattr(self, ARGUMENTS, {})}


def _by_fields(cls: Any, written: Any) -> Any:
    if isinstance(written, Placed):
        arranged = _by_fields(cls, {} if written.mapping is None else written.mapping)
        return {**written.fields, **arranged} if isinstance(arranged, dict) else arranged
    if not isinstance(written, Mapping):
        return written  # The arguments of the constructor, or a value that pydantic refuses.
    known = written_fields(cls)
    # What is missing of a section that must be there is said key by key.
    found: dict[str, Any] = {
        key: {} for key, each in known.items() if each.is_required() and section_in(each.annotation)
    }
    found |= {key: whole(written[key]) for key in known if written.get(key) is not None}
    rest = {str(key): value for key, value in written.items() if key not in known}
    fields: Mapping[str, Any] = cls.__pydantic_fields__
    if ARGUMENTS in fields:
        slips = {key for key in rest if difflib.get_close_matches(key, known, n=1, cutoff=_SLIP)}
        found[ARGUMENTS] = {key: value for key, value in rest.items() if key not in slips}
        rest = {key: rest[key] for key in rest if key in slips}
    elif unknown := [key for key in rest if key in fields]:
        raise Invalid({key: unknown_key(key, cls) for key in unknown})
    return found | rest


def plain(value: Section) -> Any:
    """Returns a section as the plain data that it can be read from, every default filled in."""
    return TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True)


def whole(value: object) -> object:
    """Turns 3.0 into 3, which is a whole number; where a float is due it takes either."""
    fits = isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST
    return int(value) if fits else value  # type: ignore[call-overload]


def _readable(value: str) -> str:
    if hidden := hidden_character(value):
        raise ValueError(f"is {shown(value)}, with the control character {hidden}")
    return value


def _listed(value: object) -> object:
    if not isinstance(value, str | list | tuple):
        raise PydanticCustomError(EXPECTED, "text or a list of texts")
    return (value,) if isinstance(value, str) else value


def _given(value: object) -> object:
    if value == OPEN:
        raise ValueError("is left open")
    return value


Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Text = Annotated[
    str, Strict(), StringConstraints(pattern=r"\S"), AfterValidator(_given), AfterValidator(_readable)
]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Arguments = Annotated[Mapping[str, Annotated[Any, AfterValidator(_given)]], Field(exclude=True)]
"""All keys that no other field has; they are checked once it is known what takes them."""
Point = Annotated[
    StepSpec,
    PlainValidator(
        StepSpec.parse,
        json_schema_input_type=Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=f"^{WRITTEN}$")],
    ),
    PlainSerializer(StepSpec.to_plain),
]
"""A point in training, in steps, epochs or as a share of it."""


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Marks the type of a field that takes one of a few names."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> core_schema.CoreSchema:
        """Tells pydantic."""
        return core_schema.literal_schema(list(self.names))
