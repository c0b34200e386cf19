import io

from rich.console import Console
from rich.text import Text

from runner.report.spanning_table import SpanningTable
from runner.report.table_style import plain_table


def test_lines_go_across_all_columns() -> None:
    table = plain_table("title")
    table.add_column("a")
    table.add_column("b")
    spanning = SpanningTable(table)
    spanning.add_line(Text("much longer than both columns"))
    table.add_row("1", "2")
    spanning.add_line(Text("and indented, in two lines"), 4)
    console = Console(width=24, file=io.StringIO(), color_system=None)
    console.print(spanning)
    assert isinstance(console.file, io.StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "title",
        "",
        " a   b",
        " ─────",
        " much longer than both",
        " columns",
        " 1   2",
        "     and indented, in",
        "     two lines",
        "",
    ]
