"""Tables: one value, and its renderers for the terminal and for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from runner.report.page import Grid

_STYLES = {"ok": "green", "FAILED": "bold red", "does not run": "red"}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        head: Its title.
        cell: The format of a cell, with the names of fields; by default the field that is called as the head.
            Lines that stay empty are left out.
        text: Whether it holds words, which may be folded; numbers are aligned right, and `-` where empty.
    """

    head: str
    cell: str = ""
    text: bool = False

    def fill(self, row: Mapping[str, str]) -> str:
        """Fills the format with the fields of a row."""
        cell = self.cell.format_map(row) if self.cell else row[self.head]
        lines = [line for line in cell.splitlines() if line]
        return "\n".join(lines) or ("" if self.text else "-")


@dataclass(frozen=True)
class ReportTable:
    """A table that the terminal shows in few columns of several lines, and a page in many columns.

    Args:
        title: Stands above it in the terminal.
        rows: Texts by field; the field `style` is `dim` for rows of less interest, else empty.
        terminal: The columns in the terminal; together they fit into 80 characters.
        page: The columns in a page.
    """

    title: str
    rows: Sequence[Mapping[str, str]]
    terminal: Sequence[Column]
    page: Sequence[Column]


def terminal_table(table: ReportTable) -> Table:
    """Draws a table for the terminal."""
    drawn = plain_table(table.title)
    for column in table.terminal:
        if column.text:
            drawn.add_column(column.head, overflow="fold")
        else:
            drawn.add_column(column.head, justify="right", no_wrap=True)
    for row in table.rows:
        cells = [column.fill(row) for column in table.terminal]
        styles = [_STYLES.get(cell.partition("\n")[0], "") for cell in cells]
        drawn.add_row(*map(Text, cells, styles), style=row["style"])
    return drawn


def page_grid(table: ReportTable, *, dim: bool = True) -> Grid:
    """Draws a table for a page, with its dim rows or without."""
    rows = [tuple(column.fill(row) for column in table.page) for row in table.rows if dim or not row["style"]]
    texts = [number for number, column in enumerate(table.page) if column.text]
    return Grid(tuple(column.head for column in table.page), rows, texts)


def plain_table(title: str) -> Table:
    """Begins a table for the terminal; it has no columns yet."""
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
