"""`comparison.html` and `comparison.md`: the comparison as one page, from the answer to how it was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner import __version__
from runner.compare.comparison import Comparison, Pair
from runner.compare.fairness import NONZERO_TOLERANCE
from runner.compare.groups import data_words
from runner.compare.table import Column, Row, columns, fronts, rows
from runner.compare.verdict import answer, p_words, sentence, told_pairs
from runner.report.page import Picture, page_environment

MOST_RUNS = 200
"""Of more runs than these the pages show the means only; the CSV file has all."""


@dataclass(frozen=True)
class Origin:
    """Where the compared runs come from.

    Args:
        title: What is compared, such as `sweep 2025-01-31_12-00-00`.
        store: MLflow's store, without password.
        experiment: MLflow's experiment.
        made: When this comparison was made.
    """

    title: str
    store: str
    experiment: str
    made: datetime


@dataclass(frozen=True)
class Sheet:
    """A table of the page.

    Args:
        title: Above it.
        heads: Column titles, without the first two, recipe and seed.
        rows: Its lines.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def write_html(comparison: Comparison, origin: Origin, pictures: Sequence[Picture], path: Path) -> None:
    """Writes the page as one HTML file with its pictures inside."""
    _render("comparison.html.j2", comparison, origin, pictures, path)


def write_markdown(comparison: Comparison, origin: Origin, pictures: Sequence[Picture], path: Path) -> None:
    """Writes the page as Markdown, which refers to its pictures by their paths beside it."""
    _render("comparison.md.j2", comparison, origin, pictures, path)


def sheets(comparison: Comparison) -> list[Sheet]:
    """Parts the measured quantities into tables that fit a page: the models', and each kind of file's."""
    every_seed = sum(len(group.results) for group in comparison.groups) <= MOST_RUNS
    parted: dict[str, list[Column]] = {}
    for column in columns(comparison):
        of_model = "Models: scores" if column.kind in ("score", "error") else "Models: sparsity and size"
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


def _render(
    template: str, comparison: Comparison, origin: Origin, pictures: Sequence[Picture], path: Path
) -> None:
    environment = page_environment(Path(__file__).parent, html=template.endswith(".html.j2"))
    environment.filters["cell"] = _cell
    pairs = told_pairs(comparison)
    text = environment.get_template(template).render(
        answer=answer(comparison),
        comparison=comparison,
        origin=origin,
        version=__version__,
        data=", ".join(dict.fromkeys(data_words(group.results[0]) for group in comparison.groups)),
        runs=sum(len(group.results) for group in comparison.groups),
        pairs=[(sentence(pair, comparison), _numbers(pair)) for pair in pairs],
        untold=len(comparison.pairs) - len(pairs),
        sheets=sheets(comparison),
        fronts=fronts(comparison),
        scores=", ".join(score.name for score in comparison.scores),
        pictures=pictures,
        folder=path.parent,
        renamed=[group for group in comparison.groups if group.name != group.variation],
        nonzero_percent=f"{100 * NONZERO_TOLERANCE:g}",
    )
    path.write_text(text, encoding="utf-8")


def _numbers(pair: Pair) -> tuple[str, ...]:
    """Writes a pair as a line: second minus first, difference, interval, seeds, p, p by Holm, verdict."""
    score, difference = pair.score, pair.difference
    names = f"{pair.second.name} - {pair.first.name}"
    seeds = str(len(pair.fairness.seeds))
    if difference is None:
        return names, "-", "-", seeds, "-", "-", "not ranked"
    amount = score.number(difference.mean, signed=True)
    interval = f"{score.number(difference.low, signed=True)} to {score.number(difference.high, signed=True)}"
    if pair.p is None:
        return names, amount, interval, seeds, "-", "-", "not ranked"
    verdict = f"{pair.better.name} is better" if pair.better else "no difference shown"
    if pair.held_back:
        verdict = f"left open: failed runs of {pair.held_back.name}"
    tested = (p_words(p).removeprefix("p = ").removeprefix("p ") for p in (difference.p, pair.p))
    return names, amount, interval, seeds, *tested, verdict


def _cell(text: str) -> str:
    """Keeps a text from ending a cell of a Markdown table, or from being read as markup."""
    return "".join(f"\\{character}" if character in "\\|*_`<[]" else character for character in text)
