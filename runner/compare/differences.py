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
        where = _overall_words(len(contrast.blocks), len(contrast.settings), bool(contrast.dependences))
        lines.append((name, where, *_cells(finding, contrast.overall, finding.better)))
        for dependence in contrast.dependences:
            for at in dependence.effects:
                level = f"{names[dependence.factor.key]} {at.level}"
                if len(at.blocks) < len(at.settings):
                    level += f", {len(at.blocks)} of {len(at.settings)}"
                lines.append(("", level, *_cells(finding, at.effect, finding.better_at(at))))
    return lines


def _overall_words(blocks: int, settings: int, several: bool) -> str:
    if blocks < settings:
        return f"{blocks} of {settings} settings"
    return "over all" if several else ""


def _cells(finding: Finding, effect: Effect, better: str | None) -> tuple[str, ...]:
    number = finding.score.number
    interval = f"{number(effect.low, signed=True)} to {number(effect.high, signed=True)}"
    p = p_words(effect.p).removeprefix("p = ").removeprefix("p ")
    told = better or ("left open" if effect.shown else "not shown")
    return number(effect.mean, signed=True), interval, p, str(effect.seeds), told
