"""The JSON Schema of a recipe file, which editors complete, describe and check recipes by."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from runner.recipe.problems import ARGUMENTS, section_in
from runner.recipe.recipe import Budget, Data, Export, Recipe
from runner.recipe.section import Section
from runner.recipe.steps import StepSpec
from runner.schema.registries import NAMED, arguments_of, variants

Schema = dict[str, Any]
REQUIRED = "Required."
"""How the description of a key ends that must be there."""

_ANNOTATIONS = ("title", "description", "default", "examples")
_REFERENCE = {"$ref": "#/$defs/Reference"}


def recipe_schema() -> Schema:
    """Writes the JSON Schema of a recipe file.

    No key is required, since a recipe may inherit it; every value may be a reference to another key.
    """
    schema = TypeAdapter(Recipe).json_schema()
    sections = {section.__name__: section for section in _sections(Recipe)}
    for name, section in sections.items():
        _complete(schema if section is Recipe else schema["$defs"][name], section)
    for form in schema["properties"]["layers"]["anyOf"]:
        if "patternProperties" in form:
            form["additionalProperties"] = False
    schema["properties"]["defaults"] = _property(
        {"examples": [["mnist_2x4", "_self_"]], "type": "array", "items": {"type": "string"}},
        "The recipes that this one inherits from, in order; `_self_` stands for this one.",
        [],
    )
    schema["$defs"]["Reference"] = {
        "description": "The value of another key of the recipe.",
        "examples": ["${recipe.training.epochs}"],
        "type": "string",
        "pattern": r"\$\{",
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "title": "Recipe"}


def _sections(section: Any) -> Iterator[Any]:
    yield section
    for field in section.__pydantic_fields__.values():
        if inner := section_in(field.annotation):
            yield from _sections(inner)


def _complete(definition: Schema, section: type[Section]) -> None:
    """Makes pydantic's schema of a section that of what is written: descriptions, names, arguments."""
    fields: Mapping[str, Any] = section.__pydantic_fields__  # type: ignore[attr-defined]
    meanings = _meanings(section)
    definition.pop("required", None)
    definition["description"] = (inspect.getdoc(section) or "").partition("\n")[0]
    definition["additionalProperties"] = ARGUMENTS in fields
    written = definition["properties"]
    for name, field in fields.items():
        if field.exclude:
            del written[name]
            continue
        key = field.alias or name
        if isinstance(field.default, StepSpec):
            written[key]["default"] = field.default.to_plain()
        written[key] = _property(written[key], meanings[name], _names(section, name))
    if section in NAMED:
        definition["allOf"] = list(_conditions(section))


def _property(found: Schema, meaning: str, names: list[str]) -> Schema:
    forms = found.get("anyOf") or found.get("oneOf")
    forms = forms or [{key: value for key, value in found.items() if key not in _ANNOTATIONS}]
    for form in forms if names else ():
        entries = form.get("items", form)
        if entries.get("type") == "string":
            entries["enum"] = names
    if not meaning.endswith(REQUIRED) and {"type": "null"} not in forms:
        forms = [*forms, {"type": "null"}]
    said: Schema = {key: found[key] for key in ("default", "examples") if key in found}
    if meaning.endswith(REQUIRED):
        said.pop("default", None)
    elif said.get("default") == "" or isinstance(said.get("default"), dict):
        del said["default"]  # The keys of a section have defaults of their own.
    return {"description": meaning, **said, "anyOf": [*forms, _REFERENCE]}


def _names(section: type[Section], name: str) -> list[str]:
    if (section, name) in ((Export, "variants"), (Budget, "variant")):
        return variants()
    named = name == "name" or (section, name) == (Data, "fallback")
    return NAMED[section].names() if section in NAMED and named else []


def _conditions(section: type[Section]) -> Iterator[Schema]:
    """Writes for each registered name which keys it takes beside the section's own."""
    registry = NAMED[section]
    for name in registry.names():
        keys = {}
        for argument in arguments_of(registry, name):
            default = {} if argument.required else {"default": argument.default}
            meaning = argument.meaning or f"An argument of the {registry.concept}."
            keys[argument.name] = _property({**argument.schema, **default}, meaning, [])
        if keys:
            chosen = {"required": ["name"], "properties": {"name": {"const": name}}}
            yield {"if": chosen, "then": {"properties": keys}}


def _meanings(section: type) -> dict[str, str]:
    """Returns the docstrings of a section's fields, by name."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            name = ast.unparse(field.target)
            found[name] = " ".join(ast.literal_eval(below.value).split())
    return found
