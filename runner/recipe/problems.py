"""What is wrong with a recipe or with settings, in the reader's words: pydantic's errors translated."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown

EXPECTED = "expected"
"""The type of an error whose message says what a value must be, as it follows "must be"."""
ARGUMENTS = "arguments"
"""The field that takes all keys of a mapping that are not the names of other fields."""
NUMBER, MAPPING = "(number)", "(mapping)"
"""Tags of the two forms that a value may have; they are no part of its key."""
OPEN = "???"
"""What OmegaConf calls a missing value."""

# Fields that hold values by keys of the user's choice.
_KEYED = (ARGUMENTS, "layers")
_MOST_LISTED = 20
_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_pattern_mismatch": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "dataclass_type": "a mapping of keys to values",
}


class Problem(NamedTuple):
    """What is wrong with one key, e.g. `("recipe.training.epochs", "is 0, but ...")`."""

    key: str
    text: str


class Invalid(UserError, ValueError):
    """A value object refused its values.

    Args:
        problems: Field name (dotted for nested ones) and what is wrong with it.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name} {text}".strip() for name, text in self.problems.items()))


def message(problems: Sequence[Problem], where: Callable[[str], str]) -> str:
    """Writes all problems of a recipe.

    Args:
        problems: At least one.
        where: Says for a dotted key where it was written.
    """
    lines = [f"{where(key)}: {key} {text}" for key, text in problems[:_MOST_LISTED]]
    if len(problems) > _MOST_LISTED:
        lines.append(f"and {len(problems) - _MOST_LISTED} more")
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(problems)} problems in the recipe:", *lines])


def written_fields(section: Any) -> dict[str, FieldInfo]:
    """Returns the fields of a section that a recipe can write, by their keys."""
    fields: Mapping[str, FieldInfo] = section.__pydantic_fields__
    return {field.alias or name: field for name, field in fields.items() if not field.exclude}


def section_in(hint: object) -> Any:
    """Returns the section that a type such as `dict[str, Section] | None` holds; None where it holds none."""
    if hasattr(hint, "__pydantic_fields__"):
        return hint
    return next((found for part in get_args(hint) if (found := section_in(part))), None)


def problems_of(error: ValidationError, section: type, prefix: str = "") -> Iterator[Problem]:
    """Translates what pydantic found wrong with a section's values.

    Args:
        error: Pydantic's.
        section: The section that was validated.
        prefix: Its own dotted key.
    """
    for details in error.errors(include_url=False):
        inner, owner, field = _located(details["loc"], section)
        key = ".".join(filter(None, (prefix, inner)))
        refused = details.get("ctx", {}).get("error")
        if details["input"] == OPEN:
            yield Problem(key, f"is left open (???): give it, e.g. {key}=VALUE")
        elif isinstance(refused, Invalid):
            for name, text in refused.problems.items():
                yield Problem(".".join(filter(None, (key, name))), text)
        elif details["loc"][-1:] == ("[key]",):
            yield Problem(key, "cannot be overridden: name the rule by a word and put the pattern in targets")
        elif details["type"] == "unexpected_keyword_argument":
            yield Problem(key, unknown_key(str(details["loc"][-1]), owner))
        else:
            text = described(details, field.metadata if field else ())
            found = details["input"]
            percent = 1 in details.get("ctx", {}).values() and details["type"].startswith("less_than")
            yield Problem(
                key, f"{text}; {found:g} % is {found / 100:g}" if percent and 1 < found <= 100 else text
            )


def unknown_key(name: str, section: Any) -> str:
    """Says that a section has no such key, and which one may be meant."""
    known = written_fields(section)
    listed = "" if ARGUMENTS in section.__pydantic_fields__ else f" Known: {', '.join(known)}"
    return f"is unknown.{did_you_mean(name, known)}{listed}"


def described(details: Any, metadata: Sequence[object] = ()) -> str:
    """Says what is wrong with a value, as the rest of "<key> ...".

    Args:
        details: One of pydantic's errors.
        metadata: What the value's type is annotated with, such as its bounds.
    """
    kind, found = details["type"], details["input"]
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    written = f"{found:g}" if isinstance(found, float) else shown(found)
    return f"is {written}, but must be {wanted(details, metadata)}"


def wanted(details: Any, metadata: Sequence[object] = ()) -> str:
    """Says what a value must be, as it follows "must be"."""
    kind, found, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "literal_error":
        choices = re.findall("'([^']*)'", context["expected"])
        hint = did_you_mean(found, choices) if isinstance(found, str) else ""
        return f"one of {', '.join(choices)}{'.' if hint else ''}{hint}"
    if kind.startswith(("greater_than", "less_than")):
        return _range(metadata, context)
    percent = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", found) if isinstance(found, str) else None
    if kind == "float_type" and percent:
        return f"a number; write {float(percent[1]) / 100:g}"
    return _WANTED.get(kind) or str(details["msg"])


def _range(metadata: Sequence[object], context: Mapping[str, float]) -> str:
    """Writes the range of a number: of its field where that is known, else the bound that it misses."""
    bounds = dict(context)
    for mark in metadata:
        for name in ("gt", "ge", "lt", "le"):
            if (bound := getattr(mark, name, None)) is not None:
                bounds[name] = bound
    low, high = bounds.get("gt", bounds.get("ge")), bounds.get("lt", bounds.get("le"))
    if high is None:
        return f"{'above' if 'gt' in bounds else 'at least'} {low:g}"
    if low is None:
        return f"{'below' if 'lt' in bounds else 'at most'} {high:g}"
    return f"in {'(' if 'gt' in bounds else '['}{low:g}, {high:g}{')' if 'lt' in bounds else ']'}"


def _located(loc: Sequence[int | str], section: Any) -> tuple[str, Any, FieldInfo | None]:
    """Follows an error's place through the sections.

    Returns:
        The dotted key, the section that holds it, and its field there, if it has one.
    """
    key, owner, field, below = "", section, None, section
    names_a_key = False
    for part in loc:
        if part in (NUMBER, MAPPING, "[key]"):
            continue
        if names_a_key or (isinstance(part, int) and field is not None):
            key += f"[{part}]" if isinstance(part, int) else f".{part}"
            names_a_key = False
            continue
        owner = below
        # Python's positional arguments have a place instead of a name.
        name = list(owner.__pydantic_fields__)[part] if isinstance(part, int) else part
        field = written_fields(owner).get(name) or owner.__pydantic_fields__.get(name)
        if name != ARGUMENTS:
            key += f".{name}"
        if field is not None:
            below = section_in(field.annotation) or below
            names_a_key = name in _KEYED
    return key.removeprefix("."), owner, field
