"""A table for the terminal in which some lines go across all columns: names and reasons have room there."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Stands for a line across while the table is laid out; of Unicode's private characters, so in nobody's text.
_PLACE = "\ue000"


class SpanningTable:
    """A table, to which rows are added directly, and lines across it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._lines: list[tuple[Text, int]] = []

    def add_line(self, text: Text, indent: int = 0) -> None:
        """Adds a text across all columns, indented by so many characters; it is broken between words."""
        self._lines.append((text, indent))
        self.table.add_row(_PLACE)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws it, as wide as the terminal allows."""
        lines = iter(self._lines)
        for row in console.render_lines(self.table, options, pad=False):
            if any(_PLACE in segment.text for segment in row):
                text, indent = next(lines)
                yield Padding(text, (0, 1, 0, indent + 1))
            else:
                yield from row
                yield Segment.line()
