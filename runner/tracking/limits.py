"""Names and values as MLflow allows them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_NAME = 250
MAX_PARAM = 6000
MAX_TAG = 8000
_FORBIDDEN = re.compile(r"[^\w\-. :/]", re.ASCII)


class Names:
    """Maps different names to different names in MLflow's alphabet.

    Two layers `conv[0]` and `conv(0)` would both be `conv_0_`; the second one becomes `conv_0__2` for good.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        """Returns the name in MLflow, the same on each call."""
        if name not in self._given:
            plain = sanitized(name)
            unique, count = plain, 1
            while unique in self._taken:
                count += 1
                ending = f"_{count}"
                unique = plain[: MAX_NAME - len(ending)] + ending
            self._given[name] = unique
            self._taken.add(unique)
        return self._given[name]


def sanitized(name: str) -> str:
    """Returns a name in MLflow's alphabet: letters, digits, `_ - . space : /`, as a plain relative path."""
    parts = (part for part in _FORBIDDEN.sub("_", name).split("/") if part not in ("", ".", ".."))
    return "/".join(parts)[:MAX_NAME].rstrip("/") or "_"


def flattened(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flattens nested mappings to `("a.b", text)` pairs.

    Args:
        mapping: Plain data as in a recipe. Lists are written as JSON, an empty mapping as `{}`.
        prefix: Put before every key, with a dot.
    """
    for key, value in mapping.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            yield from flattened(value, name)
        else:
            yield name, _text(value)


def cut(text: str, limit: int) -> str:
    """Shortens a text to `limit` characters, with `...` at the end of one that was cut."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | list | tuple | Mapping):
        return json.dumps(value, default=str)
    return str(value)
