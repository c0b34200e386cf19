"""Formatting of values and texts in messages."""

import re

MOST_SHOWN = 60
_MOST_IN_A_LINE = 2_000
_MOST_LINES = 200
# Control characters of ASCII and Latin-1 except line breaks and tabs, marks that change the direction of text
# and halves of surrogate pairs, which no encoding has.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun: `1 epoch`, `2 epochs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shown(value: object) -> str:
    """Returns a value for a message, shortened: text in quotes, control characters visible."""
    try:
        written = repr(value[: MOST_SHOWN + 1] if isinstance(value, str) else value)
    except ValueError:  # Python converts no integer of more than 4,300 digits.
        return "a number of thousands of digits"
    written = visible(written)
    return written if len(written) <= MOST_SHOWN else f"{written[: MOST_SHOWN - 3]}..."


def hidden_character(text: str) -> str | None:
    """Returns the code of a text's first control character, such as `U+001B`, or None."""
    found = _HIDDEN.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


def visible(text: str) -> str:
    """Replaces control characters, which a terminal would obey: `␛` for escape, `�` for most others."""
    return _HIDDEN.sub(lambda found: _sign(ord(found[0])), text)


def readable(message: str) -> str:
    """Makes a message printable, whatever it quotes: control characters visible, long lines cut."""
    lines = [
        line if len(line) <= _MOST_IN_A_LINE else f"{line[: _MOST_IN_A_LINE // 2]} ... {line[-200:]}"
        for line in visible(message).splitlines()
    ]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"... and {len(lines) - _MOST_LINES} lines more"]
    return "\n".join(lines)


def _sign(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
