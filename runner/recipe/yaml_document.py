"""A recipe's YAML as a tree of nodes, its size known before anything is built from it.

A few lines of YAML whose aliases stand for each other can expand to gigabytes, and a few thousand brackets
exhaust Python's stack. Both show in the stream of events, which is as long as the file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 65_536
MOST_LEVELS = 32
MOST_CHARACTERS = 100_000
LEAST_PER_VALUE = 10
"""As how many characters a value counts beside its text: what is made of it costs memory and time too."""


class TooLarge(yaml.MarkedYAMLError):
    """The document is YAML, but larger than any recipe."""


@dataclass
class _Collection:
    """A list or mapping that the stream of events is within.

    Args:
        anchor: Its name for aliases; None for none.
        characters: What it holds so far, aliases expanded.
        levels: How deep it nests so far, itself counted.
    """

    anchor: str | None
    characters: int = LEAST_PER_VALUE
    levels: int = 1


def read_document(path: Path) -> str:
    """Reads a recipe's file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no UTF-8, or larger than `MOST_BYTES`.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"has more than the {MOST_BYTES:,} bytes that a recipe may have")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot be read: {error}; recipes are UTF-8") from error


def compose(written: str) -> yaml.Node | None:
    """Parses YAML into nodes, once it is known how large it is.

    Args:
        written: The text.

    Raises:
        TooLarge: With its aliases expanded it is deeper than `MOST_LEVELS` or longer than `MOST_CHARACTERS`.
        yaml.YAMLError: It is no YAML.
    """
    _measure(written)
    return yaml.compose(written, Loader=yaml.SafeLoader)


def _measure(written: str) -> None:
    known: dict[str | None, tuple[int, int]] = {}
    within = [_Collection(None)]
    for event in yaml.parse(written, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            within.append(_Collection(event.anchor))
            characters, levels = 0, 0
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = within.pop()
            characters, levels = ended.characters, ended.levels
            if ended.anchor is not None:
                known[ended.anchor] = characters, levels
        elif isinstance(event, yaml.ScalarEvent):
            characters, levels = LEAST_PER_VALUE + len(event.value), 0
            if event.anchor is not None:
                known[event.anchor] = characters, levels
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in {outer.anchor for outer in within}:
                raise _too_large(f"*{event.anchor} stands within what it names", event)
            # The composer says of an alias that names nothing.
            characters, levels = known.get(event.anchor, (0, 0))
        else:
            continue
        around = within[-1]
        around.characters += characters
        around.levels = max(around.levels, levels + 1)
        # The first is no collection of the document's.
        if len(within) - 1 + levels > MOST_LEVELS:
            raise _too_large(f"nests deeper than the {MOST_LEVELS} levels that a recipe may have", event)
        if around.characters > MOST_CHARACTERS:
            raise _too_large(
                f"holds more than the {MOST_CHARACTERS:,} characters that a recipe may have, aliases"
                f" expanded and each value counted as {LEAST_PER_VALUE} more",
                event,
            )


def _too_large(text: str, event: yaml.Event) -> TooLarge:
    mark: Any = event.start_mark
    return TooLarge(None, None, text, mark)


def scalar(root: yaml.Node | None, key: str) -> str:
    """Returns the text under a key at the top of a document; empty where there is none."""
    for name, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if isinstance(name, yaml.ScalarNode) and name.value == key and isinstance(value, yaml.ScalarNode):
            return str(value.value)
    return ""
