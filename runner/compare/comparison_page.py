"""`comparison.html`: the comparison as one page, from the question and its answer to every number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from runner import __version__
from runner.compare.answer import answer, details, several_levels
from runner.compare.comparison import Comparison
from runner.compare.fairness import NONZERO_TOLERANCE
from runner.compare.groups import data_words
from runner.compare.tables import DIFFERENCE_HEADS, Column, Row, columns, difference_rows, rows
from runner.report.page import Grid, Picture, page_environment

MOST_PAIRS = 60
"""Of more pairs of levels than these the page shows the first; the CSV file has all."""
MOST_RUNS = 200
"""Of more runs than these the page shows the means only; the CSV file has all."""


@dataclass(frozen=True)
class ComparisonSource:
    """Where the compared runs come from.

    Args:
        title: What is compared, such as `sweep 2025-01-31_12-00-00`.
        store: MLflow's store, without password.
        experiment: MLflow's experiment.
        made: When this comparison was made.
        command: What makes it again.
    """

    title: str
    store: str
    experiment: str
    made: datetime
    command: str


@dataclass(frozen=True)
class Sheet:
    """A table of the page.

    Args:
        title: Above it.
        heads: Column titles, without the first two, group and seed.
        rows: Its lines.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def write_html(
    comparison: Comparison, origin: ComparisonSource, pictures: Sequence[Picture], path: Path
) -> None:
    """Writes the page as one HTML file with its pictures inside.

    Args:
        comparison: What it tells.
        origin: Where the runs come from.
        pictures: The first stands below the answer, the others with the numbers.
        path: The file to write.
    """
    environment = page_environment(Path(__file__).parent, html=True)
    text = environment.get_template("comparison.html.j2").render(
        question=question(comparison),
        answer=answer(comparison),
        details=details(comparison),
        differences=Grid(
            DIFFERENCE_HEADS, difference_rows(first_pairs(comparison, MOST_PAIRS)), texts=(0, 1, 6)
        ),
        pairs=len(comparison.ranked),
        most_pairs=MOST_PAIRS,
        comparison=comparison,
        factors=Grid(
            ("factor", "levels", "key", "what differs with it"),
            [
                (factor.name, ", ".join(factor.levels), factor.key, ", ".join(factor.beside) or "-")
                for factor in comparison.factors
            ],
            texts=(0, 1, 2, 3),
        ),
        refused=refusals(comparison),
        origin=origin,
        version=__version__,
        data=", ".join(dict.fromkeys(data_words(group.results[0]) for group in comparison.groups)),
        scores=" and ".join(score.name for score in comparison.scores),
        runs=sum(len(group.results) for group in comparison.groups),
        sheets=sheets(comparison),
        pictures=pictures,
        names=Grid(
            ("group", "what was run"),
            [(group.name, group.variation) for group in comparison.groups],
            texts=(0, 1),
        ),
        nonzero_percent=f"{100 * NONZERO_TOLERANCE:g}",
    )
    path.write_text(text, encoding="utf-8")


def question(comparison: Comparison) -> str:
    """Asks what the runs were made to answer."""
    unranked = [factor for factor in comparison.compared if not comparison.is_axis(factor)]
    choice = comparison.main_factor or next(iter(unranked), None)
    axes = [factor.name for factor in comparison.factors if comparison.is_axis(factor)]
    score = " and ".join(score.name for score in comparison.scores)
    along = f" along {' and '.join(axes)}" if axes else ""
    if choice is None:
        return f"What does {score} do{along}?" if axes else f"How good is {comparison.groups[0].name}?"
    levels, several = choice.levels, several_levels(choice)
    few = " or ".join(levels) if len(levels) < 4 else f"which of {several}"
    return f"Which is better in {score}{along}: {few}?"


def first_pairs(comparison: Comparison, most: int) -> Comparison:
    """Returns the comparison with so many of its ranked pairs of levels; 200 recipes have 19,900."""
    return replace(comparison, findings=comparison.ranked[:most])


def refusals(comparison: Comparison) -> list[str]:
    """Lists what was not ranked, and why: a line for each factor and reason."""
    told: dict[tuple[str, str], str] = {}
    for finding in comparison.findings:
        for refusal in finding.refusals:
            told.setdefault((finding.contrast.factor.name, refusal.kind), refusal.words)
    return [f"{factor}: {words}." for (factor, _), words in told.items()]


def sheets(comparison: Comparison) -> list[Sheet]:
    """Parts the measured quantities into tables that fit a page: the models', and each kind of file's."""
    every_seed = sum(len(group.results) for group in comparison.groups) <= MOST_RUNS
    parted: dict[str, list[Column]] = {}
    for column in columns(comparison):
        scores = column.kind in ("score", "error")
        of_model = "Models: scores" if scores else "Models: sparsity and size"
        title = f"TFLite files: {column.variant}" if column.variant else of_model
        parted.setdefault(title, []).append(column)
    return [
        Sheet(
            title=title,
            heads=tuple(column.title.replace("\n", " ") for column in shown),
            rows=tuple(rows(comparison, shown, every_seed=every_seed)),
        )
        for title, shown in parted.items()
    ]
