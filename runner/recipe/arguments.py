"""A recipe's arguments for a builder, read by the types of the builder's parameters."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.section import flag, number, text, whole
from runner.recipe.steps import StepSpec


@dataclass(frozen=True)
class Bounds:
    """The range of a number.

    Args:
        told: The range, as it follows "must be".
        holds: Tells whether a number is in it.
    """

    told: str
    holds: Callable[[float], bool]


Positive = Annotated[float, Bounds("above 0", lambda value: value > 0)]
NotNegative = Annotated[float, Bounds("0 or more", lambda value: value >= 0)]
Share = Annotated[float, Bounds("in [0, 1)", lambda value: 0 <= value < 1)]
Step = Annotated[int, StepSpec]
"""Written in steps, epochs or as a share of training; the builder gets the step."""

_Read = Callable[[Any], Any]


def read_arguments(
    build: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    where: str,
    step: Callable[[object], int] | None = None,
) -> dict[str, Any]:
    """Checks and converts arguments by the builder's annotations; a parameter without one takes anything.

    Args:
        build: Its parameters may be annotated as numbers, flags, `Positive`, `NotNegative`, `Share`, `Step`,
            texts, sequences and tuples of these, and any of it `| None`.
        given: The arguments as the recipe has them.
        where: The key that holds them, e.g. `"recipe.training.optimizer"`.
        step: Reads what a recipe writes for a `Step`, and raises ValueError for what is none.

    Returns:
        The arguments to call the builder with.

    Raises:
        UserError: A value is of another kind or out of its range; the message has its key.
    """
    hints = _hints(build)
    read = {}
    for key, value in given.items():
        try:
            read[key] = _reader(hints.get(key), step)(value)
        except ValueError as error:
            raise UserError(f"{where}.{key} {error}.") from error
    return read


def _hints(build: Callable[..., Any]) -> dict[str, Any]:
    """Returns the types of a builder's parameters by name."""
    called: Any = build
    if inspect.isclass(build):
        called = build.__init__
    elif not inspect.isroutine(build):
        called = type(build).__call__
    try:
        return get_type_hints(called, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}  # A plugin imports its types for type checkers only.


def _reader(hint: Any, step: _Read | None) -> _Read:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = [_reader(kind, step) for kind in inner if kind is not type(None)]
        read = kinds[0] if len(kinds) == 1 else _any_of(kinds)
        return _or_none(read) if type(None) in inner else read
    if origin is Annotated and StepSpec in inner[1:] and step is not None:
        return step
    if origin is Annotated:
        bounds = [mark for mark in inner[1:] if isinstance(mark, Bounds)]
        return _bounded(_reader(inner[0], step), bounds)
    if origin is tuple and inner[1:] != (Ellipsis,):
        return _tuple([_reader(kind, step) for kind in inner])
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _each(_reader(inner[0], step))
    plain: dict[Any, _Read] = {float: number, int: whole, bool: flag, str: text}
    return plain.get(hint, lambda value: value)


def _or_none(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _bounded(read: _Read, bounds: Sequence[Bounds]) -> _Read:
    def within(value: Any) -> Any:
        taken = read(value)
        for bound in bounds:
            if not bound.holds(taken):
                raise ValueError(f"is {shown(value)}, but must be {bound.told}")
        return taken

    return within


def _any_of(kinds: Sequence[_Read]) -> _Read:
    def first(value: Any) -> Any:
        problems = []
        for read in kinds:
            try:
                return read(value)
            except ValueError as error:
                problems.append(str(error))
        told = [problem.partition(", but must be ")[2] for problem in problems]
        raise ValueError(f"is {shown(value)}, but must be {' or '.join(told)}")

    return first


def _tuple(parts: Sequence[_Read]) -> _Read:
    def every(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) != len(parts):
            raise ValueError(f"is {shown(value)}, but must be a list of {len(parts)}")
        return tuple(read(entry) for read, entry in zip(parts, value, strict=True))

    return every


def _each(read: _Read) -> _Read:
    def every(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"is {shown(value)}, but must be a list")
        return [read(entry) for entry in value]

    return every
