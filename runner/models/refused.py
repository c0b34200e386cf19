"""What is raised where a model's file holds something that Keras would not write, or that may run code."""

from typing import Any


class Refused(Exception):
    """A file is not read on; the message says what was found and where, without the file's name."""


class TooMuch(Refused):
    """Building what the file describes takes more than is allowed; the model may be honest all the same."""


def shown(value: Any, length: int = 100) -> str:
    """Writes a value of a file for a message, in quotes: on one line, and without control characters.

    Args:
        value: A text, or anything else that JSON can hold.
        length: Characters after which it is cut off.
    """
    text = value if isinstance(value, str) else ascii(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return f"'{text}'" if len(text) <= length else f"'{text[: length - 3]}...'"
