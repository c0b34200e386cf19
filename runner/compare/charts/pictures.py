"""The comparison's pictures: which there are, their files, their words and the numbers below each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.compare.charts.chart import Chart, Mark
from runner.compare.charts.costs import COSTS, SPARSITY, against_cost
from runner.compare.charts.drawing import attempt, save_figure
from runner.compare.charts.number_tables import chart_grid
from runner.compare.charts.plot_costs import costs_figure
from runner.compare.charts.plot_curves import curves_figure
from runner.compare.charts.plot_groups import groups_figure
from runner.compare.charts.score_lines import along_factor, factor_axis, numeric_factors, side_by_side
from runner.compare.comparison import Comparison
from runner.compare.groups import Group, data_words
from runner.compare.tables import by_data
from runner.report.file_names import safe_names
from runner.report.page import Picture

MOST_PICTURES = 8
"""More than these are too many for a page; each takes a third of a second."""
MOST_GROUPS = 60
"""More rows than these do not fit one picture; the best are drawn."""
MOST_LINES = 28
"""More lines than these are a knot; the best are drawn."""
_MOST_FACTORS = 3
_IMPOSSIBLE = "An interval that reaches beyond any possible accuracy says that the seeds are too few."


def draw_pictures(comparison: Comparison, folder: Path) -> list[Picture]:
    """Draws scores along the numeric factors, or of groups side by side, and against each cost.

    Args:
        comparison: What is drawn; each data set by itself, since scores on two of them say nothing of each
            other.
        folder: Where a PNG and a PDF of each are written.

    Returns:
        The pictures, the most telling first; the last one's caption says how many are left out.
    """
    parts = by_data(comparison.groups)
    planned = [*_leading(comparison, parts), *_costs(comparison, parts)]
    names = safe_names([name for name, _, _ in planned])
    pictures = [
        _draw(chart, about, folder / f"{name}.png")
        for name, (_, chart, about) in zip(names[:MOST_PICTURES], planned, strict=False)
    ]
    left = len(planned) - len(pictures)
    if left:
        last = pictures[-1]
        caption = f"{last.caption} {left} more pictures are not drawn; compare one data set at a time."
        pictures[-1] = Picture(last.path, caption, last.title, last.grid)
    return pictures


Planned = tuple[str, Chart, str]
"""The name of a picture's file, the picture, and the data set where there are several."""


def _leading(comparison: Comparison, parts: Sequence[Sequence[Group]]) -> Iterator[Planned]:
    for own, end, about in _scored(comparison, parts):
        factors = numeric_factors(comparison, own)[:_MOST_FACTORS]
        for factor in factors:
            name = f"{own[0].score.measure}_by_{factor_axis(factor).key}{end}"
            yield name, along_factor(comparison, own, factor), about
        if not factors:
            yield f"{own[0].score.measure}{end}", side_by_side(comparison, own), about


def _costs(comparison: Comparison, parts: Sequence[Sequence[Group]]) -> Iterator[Planned]:
    scored = list(_scored(comparison, parts))
    for cost in COSTS:
        for own, end, about in scored:
            factors = numeric_factors(comparison, own)
            along_sparsity = any(factor_axis(factor).kind == "sparsity" for factor in factors)
            if cost is SPARSITY and along_sparsity:
                continue  # That picture is drawn, with the same numbers.
            chart = against_cost(comparison, own, cost, factors[0] if factors else None)
            if chart is not None:
                yield f"{chart.score.measure}_by_{cost.axis.key}{end}", chart, about


def _scored(
    comparison: Comparison, parts: Sequence[Sequence[Group]]
) -> Iterator[tuple[list[Group], str, str]]:
    """Lists the groups with scores on each data set, with the ending of their files and the data's name."""
    firsts = [group.results[0] for group in comparison.groups]
    for part in parts:
        own = [group for group in part if group.values(group.score.metric)]
        if own:
            words = data_words(own[0].results[0], firsts) if len(parts) > 1 else ""
            yield own, f"_{words}" if words else "", words


def _draw(chart: Chart, about: str, path: Path) -> Picture:
    caption = _caption(chart, about)
    shown = chart
    if not chart.against_cost and len(chart.lines) > (
        most := MOST_GROUPS if chart.axis is None else MOST_LINES
    ):
        shown = chart.best(most)
        caption += f" The best {most} of {len(chart.lines)} {'groups' if chart.axis is None else 'lines'}."
    draw = groups_figure if chart.axis is None else costs_figure if chart.against_cost else curves_figure
    with attempt(path) as tried:
        figure, notes = draw(shown)
        save_figure(figure, path)
        notes += [_IMPOSSIBLE] if _is_beyond(shown) else []
        caption = " ".join([caption, *notes, f"As PDF: plots/{path.with_suffix('.pdf').name}."])
    caption = tried.failure or caption
    return Picture(path, caption, _title(chart, about), chart_grid(shown))


def _is_beyond(chart: Chart) -> bool:
    """Returns whether an interval reaches beyond what an accuracy, or a difference of two, can be."""
    if not chart.score.metric.endswith("accuracy"):
        return False
    ends = [end for mark in chart.marks for end in (mark.score.low, mark.score.high) if end is not None]
    steps = [step for one in chart.differences for step in one.steps]
    return any(not 0 <= end <= 1 for end in ends) or any(step.low < -1 or step.high > 1 for step in steps)


def _title(chart: Chart, about: str) -> str:
    against = "" if chart.axis is None else f" against {chart.axis.name}"
    return f"{_begun(chart.score.name)}{against}{f', {about}' if about else ''}"


def _begun(name: str) -> str:
    """Returns a name as a sentence begins with it; MLflow's names stay as they are."""
    return name if "/" in name else name.capitalize()


def _caption(chart: Chart, about: str) -> str:
    score = _begun(chart.score.name) + (f" on {about}" if about else "")
    means = f"means over {_seed_words(chart.marks)} with 95%"
    runs = "small dots are runs"
    if chart.axis is None:
        told = f"{score}: {means} intervals; {runs}."
    elif chart.against_cost:
        told = (
            f"{score} against {chart.axis.name}: {means} intervals; {runs}. On the front: the paired 95%"
            " interval shows against every other mark that it costs less or scores better. A ring: noise"
            " leaves that undecided."
        )
    else:
        told = f"{score} along {chart.axis.name}: {means} intervals; {runs}."
    if chart.differences and len({frozenset(mark.seeds) for mark in chart.marks}) > 1:
        told += (
            " Means are over each group's own seeds, differences over those that two share, so that they may"
            " disagree."
        )
    if chart.dense:
        told += " Dashed: the dense weights that pruning began with."
    if chart.differences and chart.axis is not None:
        told += (
            " Below: differences paired by seed, averaged over all other factors; their intervals hold"
            " together in 95% of repetitions. Filled where one is shown, shaded from where on it stays shown."
        )
    elif chart.differences:
        told += (
            " Right: the best minus each, paired by seed, with intervals that hold together in 95% of"
            " repetitions; filled where a difference is shown."
        )
    return told


def _seed_words(marks: Sequence[Mark]) -> str:
    counts = sorted({len(mark.seeds) for mark in marks})
    if counts == [1]:
        return "one seed"
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
