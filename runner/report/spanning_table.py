"""A table for the terminal in which some lines go across all columns: names and reasons have room there."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Stands for a line across while the table is laid out; of Unicode's private characters, so in nobody's text.
_PLACE = "\ue000"


class SpanningTable:
    """A table, and lines across it.

    Args:
        table: Its columns; rows are added to it directly.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._lines: list[tuple[Text, int]] = []

    def add_line(self, text: Text, indent: int = 0) -> None:
        """Adds a text across all columns; it is broken between words.

        Args:
            text: What it says.
            indent: So many columns are left free before it.
        """
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


class Name:
    """A name in a narrow column: broken between its words, and long words after a dot, slash, comma or `=`.

    Args:
        text: Such as `recipe.layers.all.schedule.name=constant seed=1`.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws it, as narrow as its column is."""
        yield Text("\n".join(broken(self.text, options.max_width)))


def broken(name: str, width: int) -> list[str]:
    """Breaks a name into lines.

    Args:
        name: Words parted by blanks.
        width: Of a line, in characters; a piece between two marks may be longer.

    Example:
        >>> broken("layers.all.sparsity=0.5 seed=1", 15)
        ['layers.all.', '  sparsity=0.5', 'seed=1']
    """
    lines: list[str] = []
    for word in name.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
            continue
        line = ""
        for piece in _pieces(word):
            if line.strip() and len(line) + len(piece) > width:
                lines.append(line)
                line = "  "
            line += piece
        lines.append(line)
    return lines


def _pieces(word: str) -> list[str]:
    """Parts a word where it may be broken: between a mark and a letter, so that numbers stay whole."""
    pieces = [""]
    for character in word:
        if pieces[-1][-1:] in ("/", "=", ".", ",") and not (pieces[-1].endswith(".") and character.isdigit()):
            pieces.append("")
        pieces[-1] += character
    return pieces
