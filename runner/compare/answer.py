"""The answer in words: one short sentence, then the results for each factor."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from runner.compare.comparison import Comparison, LevelComparison, LostRuns, best_level
from runner.compare.contrasts import Dependence, LevelEffect, Pair, pairs_of, setting_of
from runner.compare.effects import Effect, detectable
from runner.compare.factors import RECIPE, Factor
from runner.compare.fairness import RefusalKind
from runner.compare.intervals import ERROR_RATE
from runner.compare.score import RankingScore

_MOST_NAMES = 3
_MOST_SENTENCES = 12
_MOST_P_DIGITS = 12
MOST_WORDS = 25
"""Of the answer."""

_REASONS: dict[RefusalKind, str] = {
    "score": "there is no score that both have",
    "failed": "runs failed",
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
    if len(comparison.groups) == 1 and "failed" in _kinds(comparison.findings):
        return f"Nothing is ranked: only {comparison.groups[0].name} has results."
    if len(comparison.groups) == 1:
        return f"Nothing is ranked: there is only one recipe, {comparison.groups[0].name}."
    factor = comparison.main_factor
    if factor is not None:
        findings = comparison.ranked_of(factor)
        score = findings[0].score
        return _of_factor(factor, [finding for finding in findings if finding.score == score])
    axes = [factor for factor in comparison.compared if comparison.is_axis(factor)]
    several = any(len(group.seeds) > 1 for group in comparison.groups)
    if axes and several:
        return _of_axis(axes[0], comparison)
    kinds = _kinds(comparison.findings)
    if not kinds:
        return "Nothing is ranked: no two groups differ in one factor only."
    return f"Nothing is ranked: {_REASONS[kinds[0]]}."


def details(comparison: Comparison) -> list[str]:
    """Describes, a sentence each, the results for every two levels that may be ranked, and for each axis."""
    told = []
    for factor in comparison.compared:
        own = comparison.findings_of(factor)
        if comparison.is_axis(factor):
            told.append(_of_axis(factor, comparison))
            continue
        told += [" ".join([_sentence(finding), *_beside(finding)]) for finding in own if finding.ranked]
        refused = [finding for finding in own if not finding.ranked and finding.contrast.unfair]
        if refused:
            told.append(_refused(factor, refused))
    left = len(told) - _MOST_SENTENCES
    return told if left <= 0 else [*told[:_MOST_SENTENCES], f"{left} more are in comparison_differences.csv."]


def p_words(p: float) -> str:
    """Writes a p-value: two digits that count, more where they would hide on which side of 0.05 it is."""
    if p < 0.0001:
        return "p < 0.0001"
    digits = 2
    while p != ERROR_RATE and digits < _MOST_P_DIGITS and float(f"{p:.{digits}g}") == ERROR_RATE:
        digits += 1
    return f"p = {p:.{digits}g}"


def several_levels(factor: Factor, count: int | None = None) -> str:
    """Writes how many levels of a factor are meant: all, or so many.

    Args:
        factor: The factor.
        count: How many are meant; None is all.
    """
    count = len(factor.levels) if count is None else count
    return f"{count} recipes" if factor.key == RECIPE else f"{count} levels of {factor.name}"


def _of_factor(factor: Factor, findings: Sequence[LevelComparison]) -> str:
    if len(findings) == 1:
        return _short(findings[0])
    count = len({level for finding in findings for level in finding.levels})
    levels, score, seeds = several_levels(factor, count), findings[0].score, _seeds(findings)
    best = best_level(findings)
    beaten = [finding.other(best) for finding in findings if finding.better == best]
    if beaten:
        than = "each other" if len(beaten) == count - 1 else _listed(beaten)
        told = f"Of {levels}, {best} is better than {than}"
        contrary = _contrary(best, findings)
        if contrary:
            return _fitting(f"{told} over all; {contrary} ({seeds}).", f"{told} over all; {contrary}.")
        return _fitting(f"{told} in {score.name} ({seeds}).", f"{told} ({seeds}).")
    single = _best_at_levels(findings)
    if single:
        told = f"Of {levels}, {single}"
        return _fitting(f"{told} in {score.name}, not shown over all ({seeds}).", f"{told} ({seeds}).")
    held = _held_back(findings)
    if held:
        return f"Which of {levels} is better is left open: {held}, but only over runs that did not fail."
    return f"No difference in {score.name} is shown between {levels} ({seeds})."


def _contrary(best: str, findings: Sequence[LevelComparison]) -> str:
    """Names the levels of another factor at which a level is better than the best one over all."""
    for finding in findings:
        for dependence in finding.contrast.dependences if best in finding.levels else ():
            other = finding.other(best)
            levels = [at.level for at in dependence.effects if finding.better_at(at) == other]
            if levels:
                return f"{other} is better at {dependence.factor.name} {_listed(levels)}"
    return ""


def _best_at_levels(findings: Sequence[LevelComparison]) -> str:
    """States which level is better than most others at levels of another factor."""
    beaten: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        for dependence in finding.contrast.dependences:
            for at in dependence.effects:
                better = finding.better_at(at)
                if better is not None:
                    key = (better, dependence.factor.name, at.level)
                    beaten.setdefault(key, []).append(finding.other(better))
    if not beaten:
        return ""
    best, name, level = max(beaten, key=lambda key: len(beaten[key]))
    than = beaten[best, name, level]
    alike = [own for (who, of, own), others in beaten.items() if (who, of, others) == (best, name, than)]
    return f"{best} is better than {_listed(than)} at {name} {_listed(alike)}"


def _held_back(findings: Sequence[LevelComparison]) -> str:
    """States which level is ahead beyond noise, and not called better since runs of it failed."""
    for finding in findings:
        if finding.ahead is not None and finding.better is None:
            return f"{finding.ahead} is ahead"
    for finding in findings:
        for dependence in finding.contrast.dependences:
            for at in dependence.effects:
                if at.effect.shown and finding.better_at(at) is None:
                    ahead = finding.level_ahead(at.effect.mean)
                    return f"{ahead} is ahead at {dependence.factor.name} {at.level}"
    return ""


def _fitting(*variants: str) -> str:
    """Returns the first sentence that is short enough, else the last."""
    return next((one for one in variants if len(one.split()) <= MOST_WORDS), variants[-1])


def _short(finding: LevelComparison) -> str:
    """States in at most 25 words the result for two levels."""
    contrast, score = finding.contrast, finding.score
    overall = contrast.overall
    assert overall is not None, "only ranked findings are told"
    seeds = f"{overall.seeds} seeds"
    graded = _graded(finding)
    if graded:
        return _fitting(f"{graded} ({seeds}{_over(finding, all_too=False)}).", f"{graded} ({seeds}).")
    if finding.better is not None:
        return (
            f"{finding.better} is better than {finding.other(finding.better)}: {score.name}"
            f" {_better_by(score)} by {_amount(overall, score)}, 95% interval {_interval(overall, score)}"
            f" ({seeds}{_over(finding)})."
        )
    single = _single_levels(finding)
    if single:
        return _fitting(f"{single}, not shown over all ({seeds}).", f"{single}.")
    held = _held_back([finding])
    if held:
        return (
            f"Whether {contrast.first} or {contrast.second} is better is left open: {held}, but only over"
            " runs that did not fail."
        )
    return (
        f"No difference between {contrast.first} and {contrast.second} is shown: {score.name}"
        f" {score.number(overall.mean, signed=True)}, 95% interval {_interval(overall, score, signed=True)}"
        f" ({seeds}{_over(finding)})."
    )


def _graded(finding: LevelComparison) -> str:
    """States where along another factor a level is better; nothing where the difference depends on none."""
    score, overall = finding.score, finding.contrast.overall
    assert overall is not None, "only ranked findings are told"
    for dependence in finding.contrast.dependences:
        top, bottom = (finding.shown_run(dependence, top=end) for end in (True, False))
        ahead = finding.better_at(top[-1]) if top else None
        other = finding.better_at(bottom[0]) if bottom else None
        if ahead is not None and other is not None and ahead != other:
            up, down = where_words(dependence, top), where_words(dependence, bottom, named=False)
            return f"In {score.name}, {ahead} is better {up}, {other} {down}"
        if finding.better is not None:
            over_all = f"{finding.better} is better over all, in {score.name} {_better_by(score)} by"
            contrary = [
                at.level
                for at in dependence.effects
                if finding.better_at(at) == finding.other(finding.better)
            ]
            if contrary:
                place = f"at {dependence.factor.name} {_listed(contrary)}"
                return f"{over_all} {_amount(overall, score)}; {finding.other(finding.better)} {place}"
        if ahead is None or not (finding.depends(dependence) == "shown" or finding.better is None):
            continue
        by, place = _range(score, [abs(at.effect.mean) for at in top]), where_words(dependence, top)
        than = f"{ahead} is better than {finding.other(ahead)}"
        if finding.better == ahead:
            mean = f"{_better_by(score)} by {_amount(overall, score)} on average"
            return f"{than}: {score.name} {mean}, by {by} {place}"
        return f"{than} {place}: {score.name} {_better_by(score)} by {by}"
    return ""


def where_words(dependence: Dependence, run: Sequence[LevelEffect], *, named: bool = True) -> str:
    """Names adjacent levels of a numeric factor, such as `from sparsity 0.75 on`.

    Args:
        dependence: Has the factor. Where its highest or lowest level was not compared, no words speak for it.
        run: The levels, ascending.
        named: Whether the factor is named.
    """
    levels, low, high = dependence.factor.levels, run[0].level, run[-1].level
    name = f"{dependence.factor.name} " if named else ""
    if low == high and (named or low != levels[0]):
        return f"at {name}{low}"
    if low == levels[0] and high != levels[-1]:
        return f"up to {name}{high}"
    return f"from {name}{low} on" if high == levels[-1] else f"from {name}{low} to {high}"


def _single_levels(finding: LevelComparison) -> str:
    """Names the levels of other factors at which a difference is shown, where it is not shown over all."""
    for dependence in finding.contrast.dependences:
        ahead: dict[str, list[str]] = {}
        for at in dependence.effects:
            better = finding.better_at(at)
            if better is not None:
                ahead.setdefault(better, []).append(at.level)
        if ahead:
            told = [f"{who} is better at {_listed(levels)}" for who, levels in ahead.items()]
            return f"{', '.join(told)} ({dependence.factor.name})"
    return ""


def _sentence(finding: LevelComparison) -> str:
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


def _dependence(finding: LevelComparison, dependence: Dependence) -> str:
    score, name = finding.score, dependence.factor.name
    p = "" if dependence.p is None else f"{p_words(dependence.p)}"
    if p and len(dependence.tested) < len(dependence.effects):
        p += f", {len(dependence.tested)} of its levels"
    known = finding.depends(dependence)
    if known == "not tested":
        return f"Whether it depends on {name} is not tested: its levels share no two seeds."
    if known == "not shown":
        return f"That it depends on {name} is not shown ({p})."
    if known == "left open":
        return f"Whether it depends on {name} ({p}) is left open, as runs failed."
    effects, why = dependence.effects, "each is better somewhere"
    if dependence.p is not None and dependence.p < ERROR_RATE:
        effects, why = tuple(at for at in effects if at.level in dependence.tested), p
    first, last = effects[0], effects[-1]
    ends = score.number(first.effect.mean, signed=True), score.number(last.effect.mean, signed=True)
    told = f"It depends on {name} ({why}): {ends[0]} at {first.level}, {ends[1]} at {last.level}"
    run = finding.shown_run(dependence, top=True)
    return f"{told}; it is shown {where_words(dependence, run, named=False)}." if run else f"{told}."


def _beside(finding: LevelComparison) -> list[str]:
    """States which runs were lost, what is left out, and what differs or is not known."""
    told = []
    for level in finding.levels:
        for lost in finding.lost_by(level):
            why = (
                "without its failures a recipe looks better than it is"
                if level == finding.ahead or level in _ahead_at(finding, lost)
                else "this is not in these numbers, and speaks against it"
            )
            told.append(f"{lost.words}: {why}.")
    left_out = left_out_words(finding)
    told += [f"Left out over all: {left_out}."] if left_out else []
    told += [f"Not compared everywhere: {refusal.words}." for refusal in finding.refusals]
    return told + [f"Note: {note}." for note in finding.notes]


def _ahead_at(finding: LevelComparison, lost: LostRuns) -> set[str]:
    """Returns which levels are ahead beyond noise at a level of another factor at which runs were lost."""
    return {
        finding.level_ahead(at.effect.mean)
        for dependence in finding.contrast.dependences
        for at in dependence.effects
        if at.effect.shown and lost.setting in at.settings
    }


def left_out_words(finding: LevelComparison) -> str:
    """Names the settings that do not count over all as they lack seeds of the others; empty without any."""
    pairs = finding.contrast.left_out
    if not pairs:
        return ""
    names = [_setting_words(finding, pair) for pair in pairs]
    seeds = ", ".join(map(str, finding.contrast.seeds[:_MOST_NAMES]))
    more = ", ..." if len(finding.contrast.seeds) > _MOST_NAMES else ""
    return f"{_listed(names)}, without all of the seeds that the others share ({seeds}{more})"


def _setting_words(finding: LevelComparison, pair: Pair) -> str:
    """Names a setting by its levels of the factors over which the contrast goes."""
    settings = [setting_of(one) for one in finding.contrast.settings]
    own = setting_of(pair)
    differing = [
        level
        for place, level in enumerate(own)
        if own[place] not in finding.levels and len({one[place] for one in settings}) > 1
    ]
    return " ".join(differing)


def _refused(factor: Factor, findings: Sequence[LevelComparison]) -> str:
    reasons = [refusal.words for finding in findings for refusal in finding.refusals[:1]]
    pairs = [f"{finding.contrast.first} and {finding.contrast.second}" for finding in findings]
    more = f", and {len(pairs) - 2} more pairs" if len(pairs) > 2 else ""
    why = f": {reasons[0]}" if reasons else ""
    return f"{factor.name}: not ranked: {'; '.join(pairs[:2])}{more}{why}."


def _of_axis(factor: Factor, comparison: Comparison) -> str:
    """States how the score changes with a factor of size, training or data, from its first level to its last.

    Both ends are means over the same settings and seeds, so that nothing but the factor differs.
    """
    none = f"{factor.name} changes size, training or data, so that none of its levels is better."
    if len(comparison.scores) > 1:
        return none
    place, score = comparison.factors.index(factor), comparison.scores[0]
    levels = [level for level in factor.levels if any(g.cell[place] == level for g in comparison.groups)]
    if len(levels) < 2:
        return none
    pairs = [
        (comparison.by_cell[one], comparison.by_cell[other])
        for one, other in pairs_of(comparison.by_cell, place, levels[0], levels[-1])
    ]
    known = [
        (one, other, seeds)
        for one, other in pairs
        if (seeds := sorted(one.scores.keys() & other.scores.keys()))
    ]
    if not known:
        return none
    first = fmean(fmean(one.scores[seed] for seed in seeds) for one, _, seeds in known)
    last = fmean(fmean(other.scores[seed] for seed in seeds) for _, other, seeds in known)
    everywhere = {(*group.cell[:place], *group.cell[place + 1 :]) for group in comparison.groups}
    of = ""
    if len(known) < len(everywhere):
        of = f", over {len(known)} of {len(everywhere)} settings"
        if len(known) == 1:
            own = setting_of((known[0][0].cell, known[0][1].cell))
            varied = [level for index, level in enumerate(own) if index != place]
            of = f" ({' '.join(varied)})"
    return (
        f"{score.name} is {score.number(first)} at {factor.name} {levels[0]}, {score.number(last)} at"
        f" {levels[-1]}{of}."
    )


def _better_by(score: RankingScore) -> str:
    return "higher" if score.higher_is_better else "lower"


def _amount(effect: Effect, score: RankingScore) -> str:
    return score.number(abs(effect.mean))


def _range(score: RankingScore, sizes: Sequence[float]) -> str:
    low, high = score.number(min(sizes)), score.number(max(sizes))
    return low if low == high else f"{low} to {high}"


def _interval(effect: Effect, score: RankingScore, *, signed: bool = False) -> str:
    low, high = effect.low, effect.high
    if not signed and effect.mean < 0:
        low, high = -high, -low
    return f"{score.number(low, signed=signed)} to {score.number(high, signed=signed)}"


def _over(finding: LevelComparison, *, all_too: bool = True) -> str:
    """States over how many settings a difference is a mean, or at which one it was found alone.

    Args:
        finding: Has the difference.
        all_too: Whether it is said where it is over all that were run.
    """
    blocks, settings = finding.contrast.blocks, finding.contrast.settings
    if len(blocks) < len(settings):
        if len(blocks) == 1:
            return f", only at {_setting_words(finding, blocks[0])}"
        return f", over {len(blocks)} of {len(settings)} settings"
    return f", over {len(blocks)} settings" if all_too and len(blocks) > 1 else ""


def _seeds(findings: Sequence[LevelComparison]) -> str:
    counts = sorted({len(finding.contrast.seeds) for finding in findings})
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[: _MOST_NAMES - 1])} and {len(names) - _MOST_NAMES + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _kinds(findings: Iterable[LevelComparison]) -> list[RefusalKind]:
    return list(dict.fromkeys(refusal.kind for finding in findings for refusal in finding.refusals))
