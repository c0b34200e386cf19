"""Whether two groups may be ranked at all: what must be equal for a difference to mean something.

Two groups are ranked only where all of this holds; where it does not, it is said why:

- They have the same score, and share two seeds or more.
- They had the same data, and trained on the same part of it.
- They trained for as many steps in all, dense training included, in batches of one size; and both began from
  scratch or both with weights of files.
- They were computed alike. What two groups of one recipe were computed with is said: it may be the question.
- Their models have as many non-zero weights. A share of zeros is no basis: 99 % and 99.5 % are half a point
  apart, and one model has twice the weights of the other.

**Runs that failed.** To leave out what failed favours the recipe that fails, since the runs that are left are
its better ones. A run that missed its budget has its score, and counts. A run that began and has none (NaN, a
crash, a sparsity check that did not pass, a file on which the ranked score could not be measured) is lost,
and what it would have scored is not known. The seeds at which both have results are compared, and the group
that is ahead there is called better only if it has lost no seed at which the other has a result: then its
failures cannot have made it look better, and those of the other speak for it. Where both have lost such seeds
nothing is ranked. Seeds at which both failed, or that only one of them has tried, favour neither. So failures
add no false verdicts to those of the test itself, at the price of pairs that are left open;
`tests/benchmarks/false_verdicts.py` has the numbers.

Over several settings of other factors a level is called better over all only if it lost no such run at any of
them, those that could not be compared for want of runs among them; and better at one setting only if it lost
none there. So that this holds, what is said of one setting rests on its own seeds, whatever others have lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runner.compare.groups import FailedGroup, Group, data_words
from runner.compare.result import ACCURACY, SQUARED_ERROR, Result
from runner.process.wording import counted

NONZERO_TOLERANCE = 0.02
"""How far the numbers of non-zero weights of two models may lie apart, as a share of the larger."""

RefusalKind = Literal[
    "score", "failed", "seeds", "shared", "lost", "data", "start", "environment", "steps", "weights"
]

_OF_RUNS: frozenset[RefusalKind] = frozenset({"failed", "seeds", "shared", "lost"})
"""What forbids to compare two groups for want of runs, though they may be compared else."""

_MOST_SEEDS = 6
_LONGEST_REASON = 100


@dataclass(frozen=True)
class Refusal:
    """A reason not to rank.

    Args:
        kind: What is missing or unequal.
        words: The same with its numbers, to be read after "not ranked: ".
    """

    kind: RefusalKind
    words: str


@dataclass(frozen=True)
class Fairness:
    """What speaks for and against ranking two groups.

    Args:
        seeds: The seeds that both have a score for.
        refusals: Why they are not ranked; empty where they are.
        lost: Of the first and of the second, the seeds that it has lost and the other has a score for. Groups
            that may not be compared whatever their seeds have lost nothing to each other.
        notes: What does not forbid to rank them, but has to be said: what differs, what is not known.
    """

    seeds: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    lost: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    notes: tuple[str, ...] = ()


def judge(first: Group, second: Group) -> Fairness:
    """Decides whether two groups may be ranked.

    Args:
        first: One group.
        second: The other.
    """
    lost = _lost(first, second), _lost(second, first)
    unscored = [group.name for group in (first, second) if not group.scores]
    if unscored:
        usual = f"neither {ACCURACY} nor {SQUARED_ERROR}"
        metric = first.score.metric
        which = f"{usual} is" if metric in (ACCURACY, SQUARED_ERROR) else f"no {metric} is"
        words = f"{which} logged for {' and '.join(unscored)}"
        unequal = _data(first, second)
        return Fairness((), (Refusal("score", words), *unequal), lost=((), ()) if unequal else lost)
    if first.score != second.score:
        words = f"{first.name} is scored by {first.score.name}, {second.name} by {second.score.name}"
        return Fairness((), (Refusal("score", words), *_data(first, second)))
    seeds = tuple(sorted(first.scores.keys() & second.scores.keys()))
    refusals = [*_seeds(first, second, seeds)]
    if all(lost):
        told = (lost_words(group, own) for group, own in zip((first, second), lost, strict=True))
        refusals.append(Refusal("lost", f"{' and '.join(told)}, so what is left shows neither as it is"))
    refusals += _data(first, second)
    found = [_start(first, second), _environment(first, second)]
    if seeds:
        pairs = [(first.by_seed[seed], second.by_seed[seed]) for seed in seeds]
        refusals += _steps(first, second, pairs)
        refusals += _weights(first, second, pairs)
    refusals += [each for each in found if isinstance(each, Refusal)]
    notes = [each for each in found if isinstance(each, str)]
    unknown = _unknown(first.results[0], second.results[0])
    if unknown:
        notes.append(f"not logged, so perhaps unequal: {', '.join(unknown)}")
    if {refusal.kind for refusal in refusals} - _OF_RUNS:
        lost = (), ()
    return Fairness(seeds, tuple(refusals), lost, tuple(notes))


def judge_failed(first: Group | FailedGroup, second: Group | FailedGroup) -> Fairness:
    """States that two groups are not ranked, as all runs of one of them failed, or of both.

    Args:
        first: One group.
        second: The other.
    """
    failed = [group for group in (first, second) if isinstance(group, FailedGroup)]
    words = " and ".join(failed_words(group) for group in failed)

    def lost(own: Group | FailedGroup, other: Group | FailedGroup) -> tuple[int, ...]:
        if isinstance(own, Group) or isinstance(other, FailedGroup):
            return ()
        return tuple(seed for seed in own.seeds if seed in other.scores)

    return Fairness((), (Refusal("failed", words),), lost=(lost(first, second), lost(second, first)))


def failed_words(group: FailedGroup) -> str:
    """States that a group has no result, and why."""
    return f"{group.name} has no result ({_shortened(group.reason)})"


def lost_words(group: Group, seeds: Sequence[int]) -> str:
    """States which seeds a group has lost, and to what.

    Args:
        group: Whose runs failed.
        seeds: Which of its lost seeds are meant, at least one.
    """
    reasons = list(dict.fromkeys(group.lost_reasons[seed] for seed in seeds))
    reason = _shortened(reasons[0])
    more = len(reasons) - 1
    others = f", and {counted(more, 'other reason')}" if more else ""
    listed = ", ".join(map(str, seeds[:_MOST_SEEDS])) + (", ..." if len(seeds) > _MOST_SEEDS else "")
    which = f"seed {listed}" if len(seeds) == 1 else f"{len(seeds)} seeds ({listed})"
    return f"{group.name} has no result at {which} ({reason}{others})"


def _shortened(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."


def _lost(group: Group, other: Group) -> tuple[int, ...]:
    return tuple(sorted(seed for seed in group.lost_reasons if seed in other.scores))


def _seeds(first: Group, second: Group, shared: tuple[int, ...]) -> list[Refusal]:
    few = [group.name for group in (first, second) if len(group.scores) < 2]
    if few:
        return [Refusal("seeds", f"one seed of {' and '.join(few)}, and one run tells nothing of noise")]
    if len(shared) < 2:
        listed = f"only seed {shared[0]}" if shared else "no seed"
        return [Refusal("shared", f"they share {listed}, and paired differences need two or more")]
    return []


def _data(first: Group, second: Group) -> list[Refusal]:
    one, other = first.results[0], second.results[0]
    if one.data_sha256 is None or other.data_sha256 is None:
        missing = [group.name for group in (first, second) if group.results[0].data_sha256 is None]
        return [Refusal("data", f"what data {' and '.join(missing)} ran on is not logged")]
    if one.data_sha256 != other.data_sha256:
        words = [data_words(result, (one, other)) for result in (one, other)]
        return [Refusal("data", f"different data, {words[0]} and {words[1]}")]
    shares = one.validation_split, other.validation_split
    if shares[0] != shares[1] and None not in shares:
        told = f"validation_split {shares[0]:g} and {shares[1]:g}"
        return [Refusal("data", f"trained on different parts of the data, {told}")]
    return []


def _start(first: Group, second: Group) -> Refusal | str | None:
    """Compares what the models began with: what was trained in a file is not among the steps."""
    one, other = first.results[0].files, second.results[0].files
    if one is None or other is None or sorted(one.values()) == sorted(other.values()):
        return None
    if one and other:
        return "they began with the weights of different files, and how long those were trained is not known"
    brought, scratch = (first, second) if one else (second, first)
    keys = " and ".join(f"model.{key}" for key in one or other)
    return Refusal(
        "start",
        f"{brought.name} began with the weights of a file ({keys}), whose training is not counted, and"
        f" {scratch.name} from scratch",
    )


def _environment(first: Group, second: Group) -> Refusal | str | None:
    """Compares what the runs were computed with, as far as both have logged it."""
    one, other = first.results[0], second.results[0]
    if one.environment is None or other.environment is None:
        return None
    names = sorted(name for name in one.environment.keys() | other.environment.keys())
    pairs = {name: (one.environment.get(name), other.environment.get(name)) for name in names}
    unequal = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    # A plugin that one recipe needs and the other does not is part of what is compared.
    both = {name: pair for name, pair in unequal.items() if None not in pair}
    alone = [
        f"{name} in {(second if pair[0] is None else first).name} only"
        for name, pair in unequal.items()
        if None in pair
    ]
    told = [f"{name} {pair[0]} and {pair[1]}" for name, pair in both.items()]
    same_recipe = one.recipe_hash is not None and one.recipe_hash == other.recipe_hash
    if both and not same_recipe:
        return Refusal("environment", f"computed with {', '.join(told)}, which may be what differs")
    return f"computed with {', '.join([*told, *alone])}" if unequal else None


def _unknown(one: Result, other: Result) -> list[str]:
    """Names what at least one of two runs has not logged, and does not forbid to rank them."""
    known = {
        "validation split": (one.validation_split, other.validation_split),
        "batch size": (one.batch_size, other.batch_size),
        "trained weights to begin with": (one.files, other.files),
        "versions": (one.environment, other.environment),
    }
    unknown = [name for name, pair in known.items() if None in pair]
    if any("" in (run.files or {}).values() for run in (one, other)):
        unknown.append("content of the model files")
    return unknown


def _steps(first: Group, second: Group, pairs: Sequence[tuple[Result, Result]]) -> list[Refusal]:
    missing = _not_logged(first, second, pairs, lambda result: result.total_steps)
    if missing:
        return [Refusal("steps", f"the training steps of {missing} are not logged")]
    for one, other in pairs:
        sizes = one.batch_size, other.batch_size
        unequal_batches = sizes[0] != sizes[1] and None not in sizes
        if one.total_steps != other.total_steps or unequal_batches:
            batches = f", in batches of {sizes[0]} and {sizes[1]} samples" if unequal_batches else ""
            return [
                Refusal(
                    "steps",
                    f"unequal training, {one.total_steps:,.0f} and {other.total_steps:,.0f} steps"
                    f" in all{batches} (seed {one.seed})",
                )
            ]
    return []


def _weights(first: Group, second: Group, pairs: Sequence[tuple[Result, Result]]) -> list[Refusal]:
    missing = _not_logged(first, second, pairs, lambda result: result.nonzero_weights)
    if missing:
        return [Refusal("weights", f"the number of non-zero weights of {missing} is not logged")]
    one, other = max(pairs, key=lambda pair: _apart(*pair))
    if _apart(one, other) <= NONZERO_TOLERANCE:
        return []
    counts = f"{one.nonzero_weights:,.0f} and {other.nonzero_weights:,.0f}"
    zeros = ""
    if one.sparsity is not None and other.sparsity is not None:
        shares = dict.fromkeys(f"{run.sparsity:.1%}" for run in (one, other))
        zeros = f", at {' and '.join(shares)} zeros"
    return [Refusal("weights", f"unequal numbers of non-zero weights, {counts}{zeros}")]


def _apart(one: Result, other: Result) -> float:
    """Returns how far two numbers of non-zero weights lie apart, as a share of the larger."""
    counts = one.nonzero_weights or 0.0, other.nonzero_weights or 0.0
    return abs(counts[0] - counts[1]) / max(*counts, 1.0)


def _not_logged(
    first: Group,
    second: Group,
    pairs: Sequence[tuple[Result, Result]],
    value: Callable[[Result], float | None],
) -> str:
    """Names the groups of which a value is missing."""
    lacking = [
        group.name
        for group, place in ((first, 0), (second, 1))
        if any(value(pair[place]) is None for pair in pairs)
    ]
    return " and ".join(lacking)
