"""The answer in words: a sentence for each pair, and one for the whole."""

from collections.abc import Iterable, Sequence

from runner.compare.comparison import Comparison, Pair
from runner.compare.fairness import Kind, lost_words
from runner.compare.groups import Group
from runner.compare.score import Score
from runner.compare.statistics import Difference, detectable

MOST_PAIRS = 28
"""So many pairs, those of eight groups, are told one by one; of more the telling ones."""

_MOST_NAMES = 6
_MOST_SETS = 5

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
    """Says which recipe is better, as far as the runs can tell; or why nothing is ranked."""
    groups, ranked = comparison.groups, comparison.ranked
    if len(groups) == 1:
        return f"Nothing is ranked: there is only one recipe, {groups[0].name}."
    if not ranked:
        if len(comparison.pairs) == 1:
            words = "; ".join(refusal.words for refusal in comparison.pairs[0].fairness.refusals)
            advice = "; add seeds, such as seed=1,2,3" if "seeds" in _kinds(comparison.pairs) else ""
            return f"Nothing is ranked: {words}{advice}."
        return f"Nothing is ranked: {'; '.join(_REASONS[kind] for kind in _kinds(comparison.pairs))}."
    sets = comparable_sets(comparison)
    if len(groups) == 2:
        return sentence(ranked[0], comparison)
    told = [_of_set(comparison, own) for own in sets]
    if len(told) > _MOST_SETS:
        told = [
            *told[:_MOST_SETS],
            f"{len(told) - _MOST_SETS} more sets of comparable recipes are in the files.",
        ]
    connected = {group.name for pair in ranked for group in (pair.first, pair.second)}
    alone = [group.name for group in groups if group.name not in connected]
    if alone:
        names = set(alone)
        reasons = _kinds(pair for pair in comparison.pairs if names & {pair.first.name, pair.second.name})
        why = "; ".join(_REASONS[kind] for kind in reasons)
        told.append(f"Not ranked against the others: {_listed(alone)} ({why}).")
    return " ".join(told)


def sentence(pair: Pair, comparison: Comparison) -> str:
    """Says what the runs tell of one pair, and what one has to know to believe it."""
    return " ".join([_finding(pair, comparison), *_beside(pair)])


def _finding(pair: Pair, comparison: Comparison) -> str:
    score, difference = pair.score, pair.difference
    if not pair.ranked or difference is None:
        words = "; ".join(refusal.words for refusal in pair.fairness.refusals)
        told = f"{pair.first.name} and {pair.second.name} are not ranked: {words}."
        if difference is not None and {refusal.kind for refusal in pair.fairness.refusals} == {"weights"}:
            amount = score.number(difference.mean, signed=True)
            told += f" Over {_seeds(pair)} {pair.second.name} differs by {amount} in {score.name}."
        return told
    if difference.equal and difference.mean == 0.0:
        return (
            f"{pair.first.name} and {pair.second.name} have the same {score.name} at each of {_seeds(pair)}."
        )
    numbers = _numbers(pair, len(comparison.ranked))
    better, ahead = pair.better, pair.held_back
    if ahead is not None:
        shown = _amount(difference, score, turned=ahead is pair.first)
        return (
            f"Whether {pair.first.name} or {pair.second.name} is better is left open: {ahead.name} has"
            f" {score.name} {shown}; {numbers}), but only over the runs that did not fail."
        )
    if better is not None:
        worse = pair.first if better is pair.second else pair.second
        shown = _amount(difference, score, turned=better is pair.first)
        return f"{better.name} is better than {worse.name} beyond noise: {score.name} {shown}; {numbers})."
    least = detectable(difference, len(comparison.ranked))
    unseen = (
        f" At this spread and number of seeds a true difference of {score.number(least)} would be found four"
        " times in five, a smaller one less often."
        if least is not None
        else ""
    )
    return (
        f"No difference is shown between {pair.first.name} and {pair.second.name}: {pair.second.name} has"
        f" {score.name} {_amount(difference, score)}; {numbers}).{unseen}"
    )


def _beside(pair: Pair) -> list[str]:
    """Says which seeds were lost, and what differs or is not known."""
    told = []
    if pair.ranked:
        for group, seeds in zip((pair.first, pair.second), pair.fairness.lost, strict=True):
            if seeds:
                why = (
                    "without its failures a recipe looks better than it is"
                    if group is pair.held_back
                    else "this is not in these numbers, and speaks against it"
                )
                told.append(f"{lost_words(group, seeds)}: {why}.")
    return told + [f"Note: {note}." for note in pair.fairness.notes]


def told_pairs(comparison: Comparison) -> tuple[Pair, ...]:
    """Chooses the pairs worth a sentence: all of few; of many those with the best of each comparable set."""
    if len(comparison.pairs) <= MOST_PAIRS:
        return comparison.pairs
    best = {_best(comparison, own).name for own in comparable_sets(comparison)}
    chosen = [pair for pair in comparison.ranked if best & {pair.first.name, pair.second.name}]
    return tuple(chosen[:MOST_PAIRS])


def comparable_sets(comparison: Comparison) -> list[list[Group]]:
    """Gathers groups of which every two are ranked, the largest set first.

    A group can be in several: one with 50,000 non-zero weights is comparable with one of 49,200 and with one
    of 50,800, and those two are not comparable with each other.
    """
    ranked = {(pair.first.name, pair.second.name) for pair in comparison.ranked}
    ranked |= {(second, first) for first, second in ranked}
    sets: list[list[Group]] = []
    for index, group in enumerate(comparison.groups):
        joined = [own for own in sets if all((group.name, one.name) in ranked for one in own)]
        for own in joined:
            own.append(group)
        if not joined:
            own = [group]
            for earlier in comparison.groups[:index]:
                if all((earlier.name, one.name) in ranked for one in own):
                    own.insert(-1, earlier)
            sets.append(own)
    return sorted((own for own in sets if len(own) > 1), key=len, reverse=True)


def p_words(p: float) -> str:
    """Writes a p-value: two digits that count, and no more zeros than anyone reads."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def _of_set(comparison: Comparison, groups: Sequence[Group]) -> str:
    """Says of groups of which every two are ranked which is best, and how sure that is."""
    best = _best(comparison, groups)
    score, winners, held = best.score, {}, set()
    for pair in comparison.ranked:
        if best.name in (pair.first.name, pair.second.name):
            winner = pair.better
            other = pair.second if pair.first.name == best.name else pair.first
            held |= {other.name} if pair.held_back else set()
            winners[other.name] = None if winner is None else winner.name
    others = [group.name for group in groups if group.name != best.name]
    beaten = [name for name in others if winners[name] == best.name]
    # A mean over all seeds and a difference over the shared ones may disagree.
    losing = [name for name in others if winners[name] == name]
    open_ = [name for name in others if winners[name] is None and name not in held]
    parts = []
    if beaten:
        all_beaten = len(beaten) == len(others) > 1
        than = "each of the others" if all_beaten else _listed(beaten)
        parts.append(f"beyond noise it is better than {than}")
    if open_:
        parts.append(f"no difference is shown between it and {_listed(open_)}")
    if held:
        failed = _listed([name for name in others if name in held])
        parts.append(f"failed runs leave open whether it is better than {failed}")
    if losing:
        parts.append(f"over the seeds that both have, {_listed(losing)} is better beyond noise")
    mean = comparison.mean(best)
    value = "" if mean is None else f", {score.number(mean.value)}"
    which = "highest" if score.higher_is_better else "lowest"
    everyone = _listed([group.name for group in groups])
    return f"Of {everyone}, {best.name} has the {which} mean {score.name}{value}: {'; '.join(parts)}."


def _best(comparison: Comparison, groups: Sequence[Group]) -> Group:
    sign = 1.0 if groups[0].score.higher_is_better else -1.0
    means = [(sign * mean.value, group) for group in groups if (mean := comparison.mean(group)) is not None]
    return max(means, key=lambda pair: pair[0])[1]


def _amount(difference: Difference, score: Score, *, turned: bool = False) -> str:
    mean, low, high = difference.mean, difference.low, difference.high
    if turned:
        mean, low, high = -mean, -high, -low
    shown = [score.number(value, signed=True) for value in (mean, low, high)]
    each = " at every seed" if difference.equal else ""
    return f"{shown[0]}{each} (95% interval {shown[1]} to {shown[2]}"


def _numbers(pair: Pair, tests: int) -> str:
    if pair.difference is None or pair.p is None:
        raise ValueError("a pair that is not ranked has no test")
    corrected = f" after Holm's correction for {tests} pairs" if tests > 1 else ""
    return f"{p_words(pair.p)}{corrected}; {_seeds(pair)}; {pair.fairness.basis}"


def _seeds(pair: Pair) -> str:
    return f"{len(pair.fairness.seeds)} shared seeds"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[: _MOST_NAMES - 1])} and {len(names) - _MOST_NAMES + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _kinds(pairs: Iterable[Pair]) -> list[Kind]:
    return list(dict.fromkeys(refusal.kind for pair in pairs for refusal in pair.fairness.refusals))
