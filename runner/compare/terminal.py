"""The comparison in the terminal: the answer, what it rests on, then tables of at most a hundred columns."""

from rich.console import Console
from rich.text import Text

from runner.compare.answer import answer, details
from runner.compare.comparison import Comparison
from runner.compare.result import ACCURACY, LOSS, SQUARED_ERROR
from runner.compare.tables import DIFFERENCE_HEADS, Column, columns, difference_rows, rows
from runner.report.spanning_table import SpanningTable
from runner.report.table_style import plain_table

MOST_RUNS = 12
"""Of more runs than these the terminal shows the means only."""

MOST_DIFFERENCES = 24
"""Of more differences than these the terminal shows none: the files have all."""

_FIRST_COLUMN, _PADDING = 10, 3
"""Characters that the column of seeds takes, and those beside each number."""

_PAIR, _WHERE, _SEEDS = (DIFFERENCE_HEADS.index(head) for head in ("difference", "where", "seeds"))

_SHOWN = (
    ACCURACY,
    "test/drop",
    SQUARED_ERROR,
    LOSS,
    "sparsity/_model",
    "model/nonzero_weights",
    "model/keras_gzip_bytes",
)


def show(comparison: Comparison, console: Console) -> None:
    """Prints the tables, the results for each factor, and last, where it is seen, the answer.

    Args:
        comparison: What is printed.
        console: Where.
    """
    models = models_table(comparison, console.width)
    for table in (models, files_table(comparison), differences_table(comparison)):
        if table.table.row_count:
            console.print(table)
    for line in details(comparison):
        console.print(Text(f"- {line}"))
    for note in comparison.notes:
        console.print(Text(f"note: {note}"), style="dim")
    console.print(Text(f"\n{answer(comparison)}", "bold"))


def models_table(comparison: Comparison, width: int) -> SpanningTable:
    """Draws the models: of each group a row per seed, then the mean with its 95% interval.

    Args:
        comparison: What is told.
        width: Of the terminal, in characters; columns that do not fit are left out, the last first.
    """
    asked = [score.metric for score in comparison.scores]
    shown = [column for column in columns(comparison) if column.name in (*asked, *_SHOWN)]
    if {ACCURACY, SQUARED_ERROR} & {column.name for column in shown}:
        shown = [column for column in shown if column.name != LOSS or LOSS in asked]
    while len(shown) > 1 and _FIRST_COLUMN + sum(_width(column, comparison) for column in shown) > width:
        shown.pop()
    every_seed = sum(len(group.results) for group in comparison.groups) <= MOST_RUNS
    table = plain_table("Runs over seeds, means with 95% intervals")
    table.add_column("group\nseed", no_wrap=True)
    for column in shown:
        table.add_column(column.title, justify="right", no_wrap=True)
    whole, group = SpanningTable(table), None
    for row in rows(comparison, shown, every_seed=every_seed):
        if row.group != group:
            group = row.group
            whole.add_line(Text(group, "bold"))
        if row.is_mean:
            table.add_row(Text("  mean", "bold"), *(_stacked(cell, "bold") for cell in row.cells))
            table.add_section()
        else:
            table.add_row(f"  {row.label}", *row.cells)
    return whole


def files_table(comparison: Comparison) -> SpanningTable:
    """Draws the TFLite files: of each group's each variant the means with their 95% intervals."""
    table = plain_table("TFLite files, means with 95% intervals")
    table.add_column("group\nvariant", no_wrap=True)
    by_variant: dict[str, list[Column]] = {}
    for column in columns(comparison):
        if column.variant is not None:
            by_variant.setdefault(column.variant, []).append(column)
    titles = list(dict.fromkeys(column.title for own in by_variant.values() for column in own))
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    whole = SpanningTable(table)
    if not by_variant:
        return whole
    for group in comparison.groups:
        whole.add_line(Text(group.name, "bold"))
        for variant, own in by_variant.items():
            cells = {column.title: column.mean_text(column.mean(group)) for column in own}
            if set(cells.values()) != {"-"}:
                table.add_row(f"  {variant}", *(_stacked(cells.get(title, "-")) for title in titles))
        table.add_section()
    return whole


def differences_table(comparison: Comparison) -> SpanningTable:
    """Draws the difference of every two levels that may be ranked, over all and at each level of others."""
    table = plain_table("Differences, with intervals that hold together in 95%")
    # 200 recipes have 19,900 pairs: nothing is written for what is not shown.
    lines = difference_rows(comparison) if len(comparison.ranked) <= MOST_DIFFERENCES else []
    for number, head in enumerate(DIFFERENCE_HEADS):
        if number not in (_PAIR, _SEEDS):
            table.add_column(head, justify="left" if number in (1, 6) else "right", no_wrap=True)
    whole, seeds = SpanningTable(table), ""
    for cells in lines if len(lines) <= MOST_DIFFERENCES else ():
        if cells[_PAIR]:
            seeds = cells[_SEEDS]
            whole.add_line(Text(f"{cells[_PAIR]} ({seeds} seeds)", "bold"))
        own = "" if cells[_SEEDS] == seeds else f" ({cells[_SEEDS]} seeds)"
        shown = [
            cell + own if number == _WHERE else cell
            for number, cell in enumerate(cells)
            if number not in (_PAIR, _SEEDS)
        ]
        table.add_row(*shown)
    return whole


def _width(column: Column, comparison: Comparison) -> int:
    cells = [
        part for group in comparison.groups for part in column.mean_text(column.mean(group)).split(" ± ")
    ]
    cells += [column.text(column.value(result)) for group in comparison.groups for result in group.results]
    return max(map(len, [*column.title.split("\n"), *(f"± {cell}" for cell in cells)])) + _PADDING


def _stacked(mean: str, style: str = "") -> Text:
    """Gives a mean's interval a line of its own, which keeps columns as narrow as single values."""
    return Text(mean.replace(" ± ", "\n± "), style)
