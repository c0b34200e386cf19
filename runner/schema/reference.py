"""The keys of a recipe as tables in Markdown: key, type, default, meaning, example."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from runner.schema.json_schema import REQUIRED, Schema, recipe_schema

_HEAD = ("| key | type | default | meaning | example |", "|---|---|---|---|---|")
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def key_reference(schema: Schema | None = None) -> str:
    """Writes the tables of all keys: one of those at the top, one for each section.

    Args:
        schema: As `recipe_schema` makes it; None makes it.
    """
    schema = schema or recipe_schema()
    lines = [*_HEAD, *_rows("", schema, schema["$defs"], deep=False)]
    for name, found in schema["properties"].items():
        section = _section(found, schema["$defs"])
        if section is not None:
            lines += ["", f"## `{name}`", "", section["description"], "", *_HEAD]
            below = f"{name}.RULE" if name == "layers" else name
            lines += _rows(f"{below}.", section, schema["$defs"])
    return "\n".join(lines) + "\n"


def _rows(prefix: str, section: Schema, known: Mapping[str, Schema], *, deep: bool = True) -> Iterator[str]:
    for name, found in section["properties"].items():
        yield _row(f"`{prefix}{name}`", found)
        inner = _section(found, known) if deep else None
        if inner is not None:
            yield from _rows(f"{prefix}{name}.", inner, known)
    # What several registered names take alike has one row.
    alike: dict[str, list[str]] = {}
    for each in section.get("allOf", ()):
        chosen = each["if"]["properties"]["name"]["const"]
        for name, found in each["then"]["properties"].items():
            alike.setdefault(_row(f"`{prefix}{name}` of NAMES", found), []).append(f"`{chosen}`")
    yield from (row.replace("NAMES", ", ".join(names), 1) for row, names in alike.items())


def _row(key: str, found: Schema) -> str:
    required = found["description"].endswith(REQUIRED)
    meaning = found["description"].removesuffix(REQUIRED).strip()
    default = "required" if required else _value(found["default"]) if found.get("default") is not None else ""
    example = _value(found["examples"][0]) if "examples" in found else ""
    cells = (key, _type(found["anyOf"]), default, meaning, example)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _type(forms: list[Schema]) -> str:
    return " or ".join(dict.fromkeys(filter(None, map(_form, forms))))


def _form(form: Schema) -> str:
    if "enum" in form:
        return ", ".join(f"`{name}`" for name in form["enum"])
    if form.get("type") == "array":
        inner = form.get("items", {})
        if "enum" in inner:
            return "a list of them"
        entries = _type(inner.get("anyOf", [inner])).replace("number", "numbers").replace("text", "texts")
        return f"list of {entries}" if inner else "list"
    if form.get("$ref", "").endswith("/Reference") or form.get("type") == "null":
        return ""
    if form.get("type") not in _TYPES:
        return "mapping" if form else "any"
    bounds = [f"{sign} {form[name]:g}" for name, sign in _BOUNDS.items() if name in form]
    return " ".join([_TYPES[form["type"]], *([", ".join(bounds)] if bounds else [])])


def _section(found: Schema, known: Mapping[str, Schema]) -> Schema | None:
    for form in found["anyOf"]:
        below = next(iter(form.get("patternProperties", {}).values()), form)
        name = below.get("$ref", "").rpartition("/")[2]
        if name and name != "Reference":
            return known[name]
    return None


def _value(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return f"`{written.removesuffix(chr(10)).removesuffix('...').strip()}`"
