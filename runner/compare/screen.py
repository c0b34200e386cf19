"""The comparison in the terminal: tables of at most a hundred columns, then the answer."""

from rich.console import Console
from rich.text import Text

from runner.compare.comparison import Comparison
from runner.compare.table import Column, columns, rows
from runner.compare.verdict import answer, sentence, told_pairs
from runner.report.spanning_table import SpanningTable
from runner.report.table_style import plain_table

MOST_RUNS = 60
"""Of more runs than these the terminal shows the means only."""

_SHOWN = ("accuracy", "drop", "mean_squared_error", "loss", "sparsity", "nonzero_weights", "keras_gzip_bytes")


def show(comparison: Comparison, console: Console) -> None:
    """Prints the tables, a sentence for each pair, and the answer."""
    for table in (models_table(comparison), files_table(comparison)):
        if table.table.row_count:
            console.print(table)
    pairs = told_pairs(comparison)
    told = [sentence(pair, comparison) for pair in pairs] if len(comparison.pairs) > 1 else []
    if told:
        console.print(Text("Pair by pair", "bold"))
    for line in told:
        console.print(Text(f"- {line}"))
    left = len(comparison.pairs) - len(pairs)
    if left:
        console.print(Text(f"- {left:,} other pairs are in comparison_pairs.csv."))
    for note in comparison.notes:
        console.print(Text(f"note: {note}"), style="dim")
    console.print(Text("\nWhich is better?", "bold"))
    console.print(Text(answer(comparison)))


def models_table(comparison: Comparison) -> SpanningTable:
    """Draws the models: of each recipe a row per seed, then the mean with its 95% interval."""
    shown = [column for column in columns(comparison) if column.name in _SHOWN]
    if {"accuracy", "mean_squared_error"} & {column.name for column in shown}:
        shown = [column for column in shown if column.name != "loss"]
    every_seed = sum(len(group.results) for group in comparison.groups) <= MOST_RUNS
    table = plain_table("Recipes over seeds, means with 95% intervals")
    table.add_column("recipe\nseed", no_wrap=True)
    for column in shown:
        table.add_column(column.title, justify="right", no_wrap=True)
    whole, recipe = SpanningTable(table), None
    for row in rows(comparison, shown, every_seed=every_seed):
        if row.recipe != recipe:
            recipe = row.recipe
            whole.add_line(Text(recipe, "bold"))
        if row.is_mean:
            table.add_row(Text("  mean", "bold"), *(_stacked(cell, "bold") for cell in row.cells))
            table.add_section()
        else:
            table.add_row(f"  {row.label}", *row.cells)
    return whole


def files_table(comparison: Comparison) -> SpanningTable:
    """Draws the TFLite files: of each recipe's each variant the means with their 95% intervals."""
    table = plain_table("TFLite files, means with 95% intervals")
    table.add_column("recipe\nvariant", no_wrap=True)
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


def _stacked(mean: str, style: str = "") -> Text:
    """Gives a mean's interval a line of its own, which keeps columns as narrow as single values."""
    return Text(mean.replace(" ± ", "\n± "), style)
