"""The answer in words: one short sentence, then what there is to say of each factor."""

from collections.abc import Iterable, Sequence

from runner.compare.comparison import Comparison, Finding
from runner.compare.contrasts import Dependence
from runner.compare.effects import Effect, detectable
from runner.compare.factors import RECIPE, Factor
from runner.compare.fairness import Kind
from runner.compare.score import Score
from runner.process.wording import counted

_MOST_NAMES = 3
_MOST_SENTENCES = 12

_REASONS: dict[Kind, str] = {
    "score": "there is no score that both have",
    "seeds": "one seed tells nothing of noise; add seeds, such as seed=1,2,3",
    "shared": "fewer than two seeds are shared",
    "lost": "both have lost seeds",
    "data": "the data differ",
    "start": "some began with trained weights",
    "environment": "they were not computed alike",
    "steps": "the training steps differ",
    "weights": "the numbers of non-zero weights differ",
}


def answer(comparison: Comparison) -> str:
    """Answers which level is better, in at most 25 words; or says why nothing is ranked."""
    if len(comparison.groups) == 1:
        return f"Nothing is ranked: there is only one recipe, {comparison.groups[0].name}."
    choices = [
        factor for factor in comparison.factors if any(f.ranked for f in comparison.findings_of(factor))
    ]
    if choices:
        return _of_factor(choices[0], [f for f in comparison.findings_of(choices[0]) if f.ranked], comparison)
    axes = [factor for factor in comparison.factors if comparison.is_axis(factor)]
    several = any(len(comparison.by_cell[group.cell].seeds) > 1 for group in comparison.groups)
    if axes and several:
        return _of_axis(axes[0], comparison)
    kinds = _kinds(comparison.findings)
    if not kinds:
        return "Nothing is ranked: no two groups differ in one factor only."
    return f"Nothing is ranked: {_REASONS[kinds[0]]}."


def details(comparison: Comparison) -> list[str]:
    """Says, a sentence each, what the runs tell of every two levels that may be ranked, and of each axis."""
    told = []
    for factor in comparison.factors:
        if comparison.is_axis(factor):
            told.append(_of_axis(factor, comparison))
        own = comparison.findings_of(factor)
        told += [" ".join([_sentence(finding), *_beside(finding)]) for finding in own if finding.ranked]
        refused = [finding for finding in own if not finding.ranked]
        if refused and not comparison.is_axis(factor):
            told.append(_refused(factor, refused))
    left = len(told) - _MOST_SENTENCES
    return told if left <= 0 else [*told[:_MOST_SENTENCES], f"{left} more are in comparison_differences.csv."]


def p_words(p: float) -> str:
    """Writes a p-value: two digits that count, and no more zeros than anyone reads."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def several_levels(factor: Factor, count: int | None = None) -> str:
    """Writes how many levels of a factor are meant: all, or so many."""
    count = len(factor.levels) if count is None else count
    return f"{count} recipes" if factor.key == RECIPE else f"{count} levels of {factor.name}"


def _of_factor(factor: Factor, findings: Sequence[Finding], comparison: Comparison) -> str:
    if len(findings) == 1:
        return _short(findings[0])
    levels = [level for level in factor.levels if any(level in _levels(finding) for finding in findings)]
    wins = {level: [_other(f, level) for f in findings if f.better == level] for level in levels}
    beaten = {other for own in wins.values() for other in own}
    best = max(levels, key=lambda level: (level not in beaten, len(wins[level]), _standing(level, findings)))
    score, seeds = findings[0].score, _seeds(findings)
    if not wins[best]:
        return (
            f"No difference in {score.name} is shown between {several_levels(factor, len(levels))} ({seeds})."
        )
    rest = [level for level in levels if level != best]
    than = "each other" if len(wins[best]) == len(rest) else _listed(wins[best])
    return (
        f"Of {several_levels(factor, len(levels))}, {best} is better than {than} in {score.name} ({seeds})."
    )


def _standing(level: str, findings: Sequence[Finding]) -> float:
    """Returns by how much a level is ahead of the others in the mean."""
    total = 0.0
    for finding in findings:
        overall = finding.contrast.overall
        if overall is not None and level in _levels(finding):
            ahead = finding.level_ahead(overall.mean) == level
            total += abs(overall.mean) if ahead else -abs(overall.mean)
    return total


def _short(finding: Finding) -> str:
    """Says in at most 25 words what came of two levels."""
    contrast, score = finding.contrast, finding.score
    overall = contrast.overall
    assert overall is not None, "only ranked findings are told"
    seeds = f"{overall.seeds} seeds"
    graded = _graded(finding)
    if graded is not None:
        return f"{graded} ({seeds})."
    if finding.better is not None:
        return (
            f"{finding.better} is better than {_other(finding, finding.better)}: {score.name}"
            f" {_better_by(score)} by {_amount(overall, score)}, 95% interval {_interval(overall, score)}"
            f" ({seeds}{_over(finding)})."
        )
    single = _single_levels(finding)
    if single:
        return f"{single} ({seeds})."
    if finding.ahead is not None:
        return (
            f"Whether {contrast.first} or {contrast.second} is better is left open: {finding.ahead} is ahead,"
            " but only over runs that did not fail."
        )
    return (
        f"No difference between {contrast.first} and {contrast.second} is shown: {score.name}"
        f" {score.number(overall.mean, signed=True)}, 95% interval {_interval(overall, score, signed=True)}"
        f" ({seeds})."
    )


def _graded(finding: Finding) -> str | None:
    """Says from which level of a numeric factor on a level is better, where the difference depends on it."""
    score = finding.score
    for dependence in finding.contrast.dependences:
        level, name = finding.shown_from(dependence), dependence.factor.name
        if level is None or not (dependence.shown or finding.better is None):
            continue
        ahead = finding.level_ahead(dependence.effects[-1][1].mean)
        other, until = _other(finding, ahead), finding.shown_up_to(dependence)
        if until is not None and finding.level_ahead(dependence.effects[0][1].mean) == other:
            return f"In {score.name}, {ahead} is better from {name} {level} on, {other} up to {until}"
        levels = [own for own, _ in dependence.effects]
        by = _range(score, [abs(at.mean) for _, at in dependence.effects[levels.index(level) :]])
        where = f"at {name} {level}" if level == levels[-1] else f"from {name} {level} on"
        if finding.better == ahead and finding.contrast.overall is not None:
            mean = f"{_better_by(score)} by {_amount(finding.contrast.overall, score)} on average"
            return f"{ahead} is better than {other}: {score.name} {mean}, by {by} {where}"
        return f"{ahead} is better than {other} {where}: {score.name} {_better_by(score)} by {by}"
    return None


def _single_levels(finding: Finding) -> str:
    """Says at which levels of other factors a difference is shown, where it is not shown over all."""
    for dependence in finding.contrast.dependences:
        ahead: dict[str, list[str]] = {}
        for level, at in dependence.effects:
            better = finding.better_by(at)
            if better is not None:
                ahead.setdefault(better, []).append(level)
        if ahead:
            told = [f"{who} is better at {_listed(levels)}" for who, levels in ahead.items()]
            return f"{', '.join(told)} ({dependence.factor.name}), not shown over all"
    return ""


def _sentence(finding: Finding) -> str:
    contrast, score = finding.contrast, finding.score
    overall = contrast.overall
    assert overall is not None, "only ranked findings are told"
    numbers = f"{p_words(overall.p)}; {overall.seeds} seeds{_over(finding)}"
    pair = f"{contrast.second} against {contrast.first}"
    shown = f"{score.name} {score.number(overall.mean, signed=True)} (95% interval" + (
        f" {_interval(overall, score, signed=True)}; {numbers})"
    )
    if finding.better is not None:
        told = f"{contrast.factor.name}: {pair}: {shown}: {finding.better} is better."
    elif finding.ahead is not None:
        told = (
            f"{contrast.factor.name}: {pair}: {shown}, but only over the runs that did not fail: left open."
        )
    else:
        told = f"{contrast.factor.name}: {pair}: {shown}: no difference is shown."
        least = detectable(overall)
        if least is not None and score.metric.endswith("accuracy") and least >= 1.0:
            told += f" With {overall.seeds} seeds and this spread no difference of accuracies could be shown."
        elif least is not None:
            told += f" A true difference of {score.number(least)} would be shown four times in five."
    return " ".join([told, *(_dependence(finding, each) for each in contrast.dependences)])


def _dependence(finding: Finding, dependence: Dependence) -> str:
    score, name = finding.score, dependence.factor.name
    if not dependence.shown:
        return f"That it depends on {name} is not shown ({p_words(dependence.p)})."
    if any(finding.lost):
        return f"Whether it depends on {name} ({p_words(dependence.p)}) is left open, as runs failed."
    (low, first), *_, (high, last) = dependence.effects
    told = (
        f"It depends on {name} ({p_words(dependence.p)}): {score.number(first.mean, signed=True)} at {low},"
        f" {score.number(last.mean, signed=True)} at {high}"
    )
    level = finding.shown_from(dependence)
    if level is None:
        return f"{told}."
    return f"{told}; it is shown from {level} on."


def _beside(finding: Finding) -> list[str]:
    """Says which runs were lost, and what differs or is not known."""
    told = []
    for level in (finding.contrast.first, finding.contrast.second):
        for lost in finding.lost_by(level):
            why = (
                "without its failures a recipe looks better than it is"
                if level == finding.ahead
                else "this is not in these numbers, and speaks against it"
            )
            told.append(f"{lost.words}: {why}.")
    if finding.contrast.left_out:
        settings = counted(len(finding.contrast.left_out), "setting")
        told.append(f"Left out: {settings} without all seeds of the others.")
    told += [f"Not compared everywhere: {refusal.words}." for refusal in finding.refusals]
    return told + [f"Note: {note}." for note in finding.notes]


def _refused(factor: Factor, findings: Sequence[Finding]) -> str:
    reasons = [refusal.words for finding in findings for refusal in finding.refusals[:1]]
    pairs = [f"{finding.contrast.first} and {finding.contrast.second}" for finding in findings]
    more = f", and {len(pairs) - 2} more pairs" if len(pairs) > 2 else ""
    why = f": {reasons[0]}" if reasons else ""
    return f"{factor.name}: not ranked: {'; '.join(pairs[:2])}{more}{why}."


def _of_axis(factor: Factor, comparison: Comparison) -> str:
    """Tells what a factor of size, training or data does to the score, from its first level to its last."""
    place = comparison.factors.index(factor)
    means = {}
    for level in factor.levels:
        own = [comparison.mean(group) for group in comparison.groups if group.cell[place] == level]
        known = [mean.value for mean in own if mean is not None]
        if known:
            means[level] = sum(known) / len(known)
    score = comparison.scores[0]
    if len(means) < 2 or len(comparison.scores) > 1:
        return f"{factor.name} changes size, training or data, so that none of its levels is better."
    (first, one), *_, (last, other) = means.items()
    return f"{score.name} is {score.number(one)} at {factor.name} {first}, {score.number(other)} at {last}."


def _levels(finding: Finding) -> tuple[str, str]:
    return finding.contrast.first, finding.contrast.second


def _other(finding: Finding, level: str) -> str:
    return finding.contrast.second if level == finding.contrast.first else finding.contrast.first


def _better_by(score: Score) -> str:
    return "higher" if score.higher_is_better else "lower"


def _amount(effect: Effect, score: Score) -> str:
    return score.number(abs(effect.mean))


def _range(score: Score, sizes: Sequence[float]) -> str:
    low, high = score.number(min(sizes)), score.number(max(sizes))
    return low if low == high else f"{low} to {high}"


def _interval(effect: Effect, score: Score, *, signed: bool = False) -> str:
    low, high = effect.low, effect.high
    if not signed and effect.mean < 0:
        low, high = -high, -low
    return f"{score.number(low, signed=signed)} to {score.number(high, signed=signed)}"


def _over(finding: Finding) -> str:
    blocks = len(finding.contrast.blocks)
    return f", over {blocks} settings" if blocks > 1 else ""


def _seeds(findings: Sequence[Finding]) -> str:
    counts = sorted({len(finding.contrast.seeds) for finding in findings})
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[: _MOST_NAMES - 1])} and {len(names) - _MOST_NAMES + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _kinds(findings: Iterable[Finding]) -> list[Kind]:
    return list(dict.fromkeys(refusal.kind for finding in findings for refusal in finding.refusals))
