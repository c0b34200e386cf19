"""The table of differences that readers see: every two levels of a factor, over all and at each level."""

from runner.compare.comparison import Comparison, Finding
from runner.compare.effects import Effect
from runner.compare.verdict import p_words
from runner.records.swept_keys import short_keys

DIFFERENCE_HEADS = ("difference", "where", "mean", "95% interval", "p", "seeds", "better")


def difference_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Writes the differences of all levels that may be ranked; cells as in `DIFFERENCE_HEADS`."""
    lines = []
    names = short_keys((factor.key for factor in comparison.factors), least=1)
    for finding in comparison.ranked:
        contrast = finding.contrast
        assert contrast.overall is not None, "ranked findings have one"
        name = f"{contrast.second} - {contrast.first}"
        where = "over all" if contrast.dependences else ""
        lines.append((name, where, *_cells(finding, contrast.overall)))
        for dependence in contrast.dependences:
            lines += [
                ("", f"{names[dependence.factor.key]} {level}", *_cells(finding, effect))
                for level, effect in dependence.effects
            ]
    return lines


def _cells(finding: Finding, effect: Effect) -> tuple[str, ...]:
    number = finding.score.number
    interval = f"{number(effect.low, signed=True)} to {number(effect.high, signed=True)}"
    p = p_words(effect.p).removeprefix("p = ").removeprefix("p ")
    better = "not shown"
    if effect.shown:
        better = finding.better_by(effect) or "left open"
    return number(effect.mean, signed=True), interval, p, str(effect.seeds), better
