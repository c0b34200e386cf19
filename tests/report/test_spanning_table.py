import io

import pytest
from rich.console import Console
from rich.text import Text

from runner.report.spanning_table import SpanningTable, broken
from runner.report.table_style import plain_table


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        ("seed=1 recipe=a", 20, ["seed=1 recipe=a"]),
        ("seed=1 recipe=a", 10, ["seed=1", "recipe=a"]),
        ("layers.all.sparsity=0.5 seed=1", 15, ["layers.all.", "  sparsity=0.5", "seed=1"]),
        ("study_schedules/small_dense", 18, ["study_schedules/", "  small_dense"]),
        ("rate=0.12345", 8, ["rate=", "  0.12345"]),
        ("unbreakable", 4, ["unbreakable"]),
        ("", 4, []),
    ],
)
def test_a_name_is_broken_between_its_words(name: str, width: int, lines: list[str]) -> None:
    assert broken(name, width) == lines


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
