"""Whether two groups may be ranked at all: what must be equal for a difference to mean something."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runner.compare.groups import Group, data_words
from runner.compare.result import Result

SPARSITY_TOLERANCE = 0.005
"""How far the shares of zeros of two models may lie apart: half a percentage point."""

NONZERO_TOLERANCE = 0.02
"""How far the numbers of non-zero weights of two models may lie apart, as a share of the larger."""

Kind = Literal["score", "seeds", "shared", "data", "steps", "sparsity"]


@dataclass(frozen=True)
class Refusal:
    """A reason not to rank.

    Args:
        kind: What is missing or unequal.
        words: The same with its numbers, to be read after "not ranked: ".
    """

    kind: Kind
    words: str


@dataclass(frozen=True)
class Fairness:
    """What speaks for and against ranking two groups.

    Args:
        seeds: The seeds that both have a score for.
        refusals: Why they are not ranked; empty where they are.
        basis: What they have in common, where they are ranked.
    """

    seeds: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    basis: str = ""


def judge(first: Group, second: Group, metric: str) -> Fairness:
    """Decides whether two groups may be ranked.

    Args:
        first: One group.
        second: The other.
        metric: The score that ranks them.
    """
    scored = [
        {result.seed for result in group.results if metric in result.metrics} for group in (first, second)
    ]
    seeds = tuple(sorted(scored[0] & scored[1]))
    refusals = [*_seeds(first, second, scored, seeds, metric), *_data(first, second)]
    basis = ""
    if seeds:
        pairs = [(first.by_seed[seed], second.by_seed[seed]) for seed in seeds]
        refusals += _steps(first, second, pairs)
        unequal, basis = _sparsity(first, second, pairs)
        refusals += unequal
    return Fairness(seeds, tuple(refusals), "" if refusals else basis)


def _seeds(
    first: Group, second: Group, scored: Sequence[set[int]], shared: tuple[int, ...], metric: str
) -> list[Refusal]:
    few = [(group.name, own) for group, own in zip((first, second), scored, strict=True) if len(own) < 2]
    if any(not own for _, own in few):
        names = " and ".join(name for name, own in few if not own)
        return [Refusal("score", f"no {metric} is logged for {names}")]
    if few:
        names = " and ".join(name for name, _ in few)
        return [Refusal("seeds", f"one seed of {names}, and one run tells nothing of noise")]
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
    return []


def _steps(first: Group, second: Group, pairs: Sequence[tuple[Result, Result]]) -> list[Refusal]:
    missing = _not_logged(first, second, pairs, lambda result: result.total_steps)
    if missing:
        return [Refusal("steps", f"the training steps of {missing} are not logged")]
    for one, other in pairs:
        if one.total_steps != other.total_steps:
            return [
                Refusal(
                    "steps",
                    f"unequal training, {one.total_steps:,.0f} and {other.total_steps:,.0f} steps"
                    f" in all (seed {one.seed})",
                )
            ]
    return []


def _sparsity(
    first: Group, second: Group, pairs: Sequence[tuple[Result, Result]]
) -> tuple[list[Refusal], str]:
    """Returns why their sparsity forbids to rank them, or what is equal enough to allow it."""
    missing = _not_logged(first, second, pairs, lambda result: result.sparsity)
    if missing:
        return [Refusal("sparsity", f"the sparsity of {missing} is not logged")], ""
    sparsities = [(one.sparsity or 0.0, other.sparsity or 0.0) for one, other in pairs]
    counts = [(one.nonzero_weights, other.nonzero_weights) for one, other in pairs]
    known = [(one, other) for one, other in counts if one is not None and other is not None]
    equal_counts = len(known) == len(counts) and all(
        abs(one - other) <= NONZERO_TOLERANCE * max(one, other) for one, other in known
    )
    share = max(sparsities, key=lambda pair: abs(pair[0] - pair[1]))
    zeros = f"{share[0]:.1%} and {share[1]:.1%} zeros"
    nonzero = f"{known[0][0]:,.0f} and {known[0][1]:,.0f}" if known else ""
    # Decimal tolerances on binary numbers: 0.875 and 0.870 are half a point apart and allowed.
    if abs(share[0] - share[1]) <= SPARSITY_TOLERANCE + 1e-12:
        same = f"{share[0]:.1%}" == f"{share[1]:.1%}"
        sizes = f", but {nonzero} non-zero weights" if known and not equal_counts else ""
        return [], f"equal sparsity, {f'{share[0]:.1%}' if same else zeros}{sizes}"
    if equal_counts:
        return [], f"equal numbers of non-zero weights, {nonzero}, at {zeros}"
    left = f", {nonzero} non-zero weights" if nonzero else ""
    return [Refusal("sparsity", f"unequal sparsity, {zeros}{left}")], ""


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
