"""Errors for a model's file that Keras would not write, that may run code, or that is too large."""

from typing import Any


class ModelRefused(Exception):
    """A model's file is refused; the message says what was found and where, without the file's name."""


class ModelTooLarge(ModelRefused):
    """Building a model takes more than is allowed; its file may be honest all the same."""


def quoted(value: Any, length: int = 100) -> str:
    """Quotes a text or a JSON value for a message: on one line, without control characters, and cut."""
    text = value if isinstance(value, str) else ascii(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return f"'{text}'" if len(text) <= length else f"'{text[: length - 3]}...'"
