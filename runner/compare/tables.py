"""Tables for readers: the runs with their means, and the differences between levels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runner.compare.answer import p_words
from runner.compare.comparison import Comparison, LevelComparison
from runner.compare.effects import Effect
from runner.compare.groups import Group
from runner.compare.intervals import Mean, mean_interval
from runner.compare.result import ACCURACY, LOSS, SQUARED_ERROR, Result, variants
from runner.compare.score import USUAL, RankingScore
from runner.records.swept_keys import short_keys

DIFFERENCE_HEADS = ("difference", "where", "mean", "95% interval", "p", "seeds", "better")

QuantityKind = Literal["score", "error", "share", "count", "milliseconds"]


@dataclass(frozen=True)
class Column:
    """One measured quantity.

    Args:
        name: MLflow's name of the metric, also in CSV files.
        title: For readers; a line break parts what may stand in two lines.
        kind: How it is written.
        value: Reads it from a run, None where the run does not have it.
        variant: The TFLite file it belongs to, None for the model as Keras has it.
    """

    name: str
    title: str
    kind: QuantityKind
    value: Callable[[Result], float | None]
    variant: str | None = None

    def mean(self, group: Group) -> Mean | None:
        """Returns the mean over the runs of a group that have it."""
        values = [value for result in group.results if (value := self.value(result)) is not None]
        return mean_interval(values) if values else None

    def text(self, value: float | None) -> str:
        """Writes one value."""
        if value is None:
            return "-"
        if self.kind == "share":
            return f"{value:.2%}"
        if self.kind == "error":
            return f"{value:.4g}"
        return (
            f"{value:,.0f}"
            if self.kind == "count"
            else f"{value:.4f}"
            if self.kind == "score"
            else f"{value:.3f}"
        )

    def mean_text(self, mean: Mean | None) -> str:
        """Writes a mean with half the width of its interval; an interval of no width is left out."""
        if mean is None:
            return "-"
        if not mean.half_width:
            return self.text(mean.value)
        return f"{self.text(mean.value)} ± {self.text(mean.half_width)}"


def columns(comparison: Comparison) -> list[Column]:
    """Lists what is measured in any of the runs, in the order of the tables: what was asked for first."""
    results = [result for group in comparison.groups for result in group.results]
    logged = {name for result in results for name in result.metrics}
    scored = {ACCURACY, SQUARED_ERROR} & logged
    usual = [
        _metric(ACCURACY, "accuracy", "score"),
        _metric("test/dense_accuracy", "dense\naccuracy", "score"),
        Column("test/drop", "drop from\ndense", "score", lambda result: result.drop),
        _metric(SQUARED_ERROR, "mean squared\nerror", "error"),
        _metric(LOSS, "loss", "score"),
        _metric("sparsity/_model", "sparsity", "share"),
        _metric("sparsity/_pruned_layers", "in pruned\nlayers", "share"),
        _metric("model/nonzero_weights", "non-zero\nweights", "count"),
        _metric("model/weights", "weights", "count"),
        _metric("model/macs", "MACs", "count"),
        _metric("model/nonzero_macs", "non-zero\nMACs", "count"),
        Column("training/total_steps", "training\nsteps", "count", lambda result: result.total_steps),
        _metric("model/keras_gzip_bytes", "Keras file\ngzipped", "count"),
    ]
    for variant in variants(logged):
        usual += _of_variant(variant, with_loss=not scored)
    named = {column.name: column for column in usual}
    asked = [score for score in comparison.scores if score not in USUAL]
    first = [named.get(score.metric) or _of_score(score) for score in asked]
    every = [*first, *(column for column in usual if column not in first)]
    return [column for column in every if any(column.value(result) is not None for result in results)]


def by_data(groups: Sequence[Group]) -> list[list[Group]]:
    """Splits groups by data set and score; each group whose data is not known is alone."""
    parted: dict[tuple[RankingScore, str], list[Group]] = {}
    for group in groups:
        data = group.results[0].data_sha256
        parted.setdefault((group.score, f"unknown of {group.name}" if data is None else data), []).append(
            group
        )
    return list(parted.values())


@dataclass(frozen=True)
class Row:
    """One line of a table for readers.

    Args:
        group: Its name.
        label: The seed, or `mean`.
        is_mean: Whether it is the mean of the lines before it.
        cells: The columns' values as text.
    """

    group: str
    label: str
    is_mean: bool
    cells: tuple[str, ...]


def rows(comparison: Comparison, shown: Sequence[Column], *, every_seed: bool) -> list[Row]:
    """Writes the table for readers: of each group a line per seed, then the mean with its interval.

    Args:
        comparison: What is told.
        shown: Its columns.
        every_seed: False gives the means only.
    """
    lines = []
    for group in comparison.groups:
        for result in group.results if every_seed else ():
            cells = tuple(column.text(column.value(result)) for column in shown)
            lines.append(Row(group.name, str(result.seed), False, cells))
        means = tuple(column.mean_text(column.mean(group)) for column in shown)
        lines.append(Row(group.name, "mean", True, means))
    return lines


def _metric(name: str, title: str, kind: QuantityKind, variant: str | None = None) -> Column:
    return Column(name, title, kind, lambda result: result.metrics.get(name), variant)


def _of_score(score: RankingScore) -> Column:
    kind: QuantityKind = "score" if score.higher_is_better else "error"
    return _metric(score.metric, score.name.replace("/", "/\n"), kind)


def _of_variant(variant: str, *, with_loss: bool) -> Sequence[Column]:
    kinds: list[tuple[str, str, QuantityKind]] = [
        ("accuracy", "accuracy", "score"),
        ("mean_squared_error", "mean squared\nerror", "error"),
        ("bytes", "bytes", "count"),
        ("gzip_bytes", "gzipped", "count"),
        ("latency_ms", "ms", "milliseconds"),
    ]
    if with_loss:
        kinds.insert(0, ("loss", "loss", "score"))
    return [_metric(f"tflite_{variant}/{name}", title, kind, variant) for name, title, kind in kinds]


def difference_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Writes the differences of all levels that may be ranked; cells as in `DIFFERENCE_HEADS`."""
    lines = []
    names = short_keys((factor.key for factor in comparison.factors), least=1)
    for finding in comparison.ranked:
        contrast = finding.contrast
        assert contrast.overall is not None, "ranked findings have one"
        name = f"{contrast.second} - {contrast.first}"
        where = _overall_words(len(contrast.blocks), len(contrast.settings), bool(contrast.dependences))
        lines.append((name, where, *_difference_cells(finding, contrast.overall, finding.better)))
        for dependence in contrast.dependences:
            for at in dependence.effects:
                level = f"{names[dependence.factor.key]} {at.level}"
                if len(at.blocks) < len(at.settings):
                    level += f", {len(at.blocks)} of {len(at.settings)}"
                lines.append(("", level, *_difference_cells(finding, at.effect, finding.better_at(at))))
    return lines


def _overall_words(blocks: int, settings: int, several: bool) -> str:
    if blocks < settings:
        return f"{blocks} of {settings} settings"
    return "over all" if several else ""


def _difference_cells(finding: LevelComparison, effect: Effect, better: str | None) -> tuple[str, ...]:
    number = finding.score.number
    interval = f"{number(effect.low, signed=True)} to {number(effect.high, signed=True)}"
    p = p_words(effect.p).removeprefix("p = ").removeprefix("p ")
    told = better or ("left open" if effect.shown else "not shown")
    return number(effect.mean, signed=True), interval, p, str(effect.seeds), told
