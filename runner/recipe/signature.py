"""Validates a recipe's arguments for a registered builder by the types of the builder's parameters."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.problems import described, wanted
from runner.recipe.section import whole

_CONFIG = ConfigDict(allow_inf_nan=False)


def _resolved(value: Any, take_whole: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    return take_whole(value) if info.context is None else info.context(value)


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Step = Annotated[int, WrapValidator(_resolved, json_schema_input_type=int | str)]
"""Written in steps, epochs or as a share of training; the builder gets the step."""


def read_arguments(
    build: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    where: str,
    step: Callable[[object], object] | None = None,
) -> dict[str, Any]:
    """Validates arguments by the builder's annotations; a parameter without one takes anything.

    Args:
        build: The builder.
        given: The arguments as the recipe has them: plain data.
        where: The key that holds them, e.g. `"recipe.training.optimizer"`.
        step: Reads what a recipe writes for a `Step`, and raises ValueError for what is none.

    Returns:
        The arguments to call the builder with.

    Raises:
        UserError: Values are of another type or out of their range; a line for each, with its key.
    """
    hints = parameter_types(build)
    read, problems = {}, []
    for key, value in given.items():
        adapter = adapter_of(hints.get(key, Any))
        if adapter is None:
            read[key] = value
            continue
        try:
            # As JSON, since what is strict there takes a list for a tuple, and no text for a number.
            read[key] = adapter.validate_json(json.dumps(_integral(value)), strict=True, context=step)
        except ValidationError as error:
            problem = _problem(error, hints[key])
            problems.append(f"{where}.{key} {problem}{'' if problem.endswith('?') else '.'}")
    if problems:
        raise UserError("\n".join(problems))
    return read


def parameter_types(build: Callable[..., Any]) -> dict[str, Any]:
    """Returns the types of a builder's parameters by name; of those that can be found."""
    called: Any = build
    if inspect.isclass(build):
        called = build.__init__
    elif not inspect.isroutine(build):
        called = type(build).__call__
    try:
        return get_type_hints(called, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}  # A plugin imports its types for type checkers only.


def adapter_of(hint: Any) -> TypeAdapter[Any] | None:
    """Returns what validates values of a type; None where a recipe can write anything for it."""
    try:
        return None if hint is Any else TypeAdapter(hint, config=_CONFIG)
    except PydanticUserError:
        return None


def _integral(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_integral(entry) for entry in value]
    return (
        {key: _integral(below) for key, below in value.items()} if isinstance(value, dict) else whole(value)
    )


def _problem(error: ValidationError, hint: Any) -> str:
    details = error.errors(include_url=False)
    first = details[0]
    if first["type"] in ("missing", "too_long", "tuple_type") and (length := _length(hint)):
        return f"is {shown(first['input'])}, but must be a list of {length}"
    # One of each type that a union has.
    kinds = list(dict.fromkeys(wanted(each) for each in details if each["input"] == first["input"]))
    if len(kinds) > 1:
        return f"is {shown(first['input'])}, but must be {' or '.join(kinds)}"
    return described(first, _bounds(hint))


def _bounds(hint: Any) -> list[object]:
    """Returns what the only number in a type is annotated with."""
    found = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, FieldInfo)]
    inner = [marks for part in get_args(hint) if (marks := _bounds(part))]
    return [mark for each in found for mark in each.metadata] or (inner[0] if len(inner) == 1 else [])


def _length(hint: Any) -> int | None:
    """Returns how many entries a tuple has, if one of fixed length is in the type."""
    parts = get_args(hint)
    if get_origin(hint) is tuple:
        return None if Ellipsis in parts else len(parts)
    return next((length for part in parts if (length := _length(part))), None)
