"""What is raised where a model's file holds something that Keras would not write, or that may run code."""

from typing import Any


class ModelRefused(Exception):
    """A model's file is refused; the message says what was found and where, without the file's name."""


class ModelTooLarge(ModelRefused):
    """Building a model takes more than is allowed; its file may be honest all the same."""


def quoted(value: Any, length: int = 100) -> str:
    """Writes a value of a file for a message, in quotes: on one line, and without control characters.

    Args:
        value: A text, or anything else that JSON can hold.
        length: Characters after which it is cut off.
    """
    text = value if isinstance(value, str) else ascii(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return f"'{text}'" if len(text) <= length else f"'{text[: length - 3]}...'"
