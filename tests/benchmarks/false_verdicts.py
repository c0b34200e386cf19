"""How often the comparison says something false about recipes whose runs fail by their outcome.

python tests/benchmarks/false_verdicts.py [--sweeps 1000]

Two recipes are trained with the same seeds. A run has a latent score: what it would have reached. The lower
it is, the more likely the run fails: it misses its budget, which leaves the score, or its loss becomes NaN,
which leaves nothing. The sweep goes straight through groups, comparison and verdict; nothing is trained and
MLflow is not asked. A verdict is false where it names a recipe better whose mean latent score is not higher.

Beside the rule that the comparison follows stands what it did before, which was to leave out what failed.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.compare.comparison import Pair, compare
from runner.compare.groups import make_groups
from runner.compare.result import Result

Scores = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Scores]
Fail = Callable[[np.random.Generator, Scores], list[str | None]]

_BASE, _SCALE = 0.95, 0.01
_THRESHOLD = -1.0
"""Of a score in units of its noise: one in six runs of a steady recipe is below."""


@dataclass(frozen=True)
class World:
    """Two recipes as they truly are.

    Args:
        name: In the table.
        first: Draws the first one's scores, in units of its noise, without the seeds' share.
        second: Draws the second one's.
        better: Which has the higher mean, 0 or 1; None where they are equal.
    """

    name: str
    first: Draw
    second: Draw
    better: int | None


def normal(mean: float, spread: float = 1.0) -> Draw:
    """Draws scores around a mean."""
    return lambda random, count: mean + spread * random.standard_normal(count)


def sometimes_bad(mean: float) -> Draw:
    """Draws scores of a recipe that works well four times in five, and badly else."""

    def draw(random: np.random.Generator, count: int) -> Scores:
        bad = random.random(count) < 0.2
        return mean + np.where(bad, -4.0, 1.0) + 0.5 * random.standard_normal(count)

    return draw


WORLDS = (
    World("equal", normal(0.0), normal(0.0), None),
    World("equal means, one unsteady", normal(0.0), normal(0.0, 3.0), None),
    World("slightly worse", normal(0.0), normal(-0.5), 0),
    World("worse and unsteady", normal(0.0), normal(-0.5, 3.0), 0),
    World("worse as it is sometimes bad", normal(0.0, 0.5), sometimes_bad(-0.5), 0),
)


def never(random: np.random.Generator, scores: Scores) -> list[str | None]:
    """No run fails."""
    return [None] * len(scores)


def by_budget(random: np.random.Generator, scores: Scores) -> list[str | None]:
    """Runs below the threshold miss their budget."""
    return ["budget" if score < _THRESHOLD else None for score in scores]


def by_nan(random: np.random.Generator, scores: Scores) -> list[str | None]:
    """Runs are the more likely to end in NaN the lower their score would be."""
    chances = 1 / (1 + np.exp((scores - _THRESHOLD) / 0.25))
    return [
        "nan" if drawn < chance else None
        for drawn, chance in zip(random.random(len(scores)), chances, strict=True)
    ]


def by_either(random: np.random.Generator, scores: Scores) -> list[str | None]:
    """Of the runs that fail one half ends in NaN, the other misses its budget."""
    halves = random.random(len(scores)) < 0.5
    pairs = zip(by_nan(random, scores), by_budget(random, scores), halves, strict=True)
    return [nan if half else budget for nan, budget, half in pairs]


FAILURES: dict[str, Fail] = {"never": never, "budget": by_budget, "NaN": by_nan, "either": by_either}


@dataclass(frozen=True)
class Tally:
    """What a number of sweeps ended in.

    Args:
        sweeps: How many.
        ranked: How many were ranked.
        false: Verdicts for a recipe that is not the better one.
        right: Verdicts for the better one.
        held_back: Left open, as the one that was ahead had lost seeds.
        qualified: Verdicts that say which seeds the worse one has lost.
    """

    sweeps: int
    ranked: int
    false: int
    right: int
    held_back: int
    qualified: int

    @property
    def false_share(self) -> float:
        """False verdicts as a share of the ranked comparisons."""
        return self.false / self.ranked if self.ranked else 0.0


def tally(
    world: World, fail: Fail, *, seeds: int, sweeps: int, leave_out: bool = False, entropy: int = 0
) -> Tally:
    """Makes sweeps, compares each, and counts what is said.

    Args:
        world: The two recipes.
        fail: Says which runs fail: "budget", "nan" or None for each.
        seeds: Of each recipe.
        sweeps: How many sweeps.
        leave_out: Leaves out all that failed, as if it had never been run.
        entropy: Of the random numbers.
    """
    random, counted = np.random.default_rng([entropy, seeds]), Counter[str]()
    for _ in range(sweeps):
        pair = _compared(random, world, fail, seeds, leave_out=leave_out)
        counted.update(["none"] if pair is None or not pair.ranked else _said(pair, world))
    names = ("ranked", "false", "right", "held_back", "qualified")
    return Tally(sweeps, *(counted[name] for name in names))


def _compared(
    random: np.random.Generator, world: World, fail: Fail, seeds: int, *, leave_out: bool
) -> Pair | None:
    shared = random.standard_normal(seeds)  # A seed is lucky, or not, for both.
    runs: list[Result] = []
    for name, draw in (("first", world.first), ("second", world.second)):
        scores = draw(random, seeds)
        fates = fail(random, scores)
        values = _BASE + _SCALE * (scores + shared)
        runs += [
            _result(name, seed, value, fate)
            for seed, (value, fate) in enumerate(zip(values, fates, strict=True))
            if not (leave_out and fate)
        ]
    groups, _ = make_groups(runs)
    pairs = compare(groups).pairs
    return pairs[0] if pairs else None


def _said(pair: Pair, world: World) -> Iterator[str]:
    yield "ranked"
    if pair.held_back is not None:
        yield "held_back"
    if pair.better is not None:
        better = 0 if pair.better.name == "first" else 1
        yield "right" if better == world.better else "false"
        if any(pair.fairness.lost):
            yield "qualified"


def _result(name: str, seed: int, score: float, fate: str | None) -> Result:
    known: dict[str, Any] = {"test/accuracy": score, "test/loss": 1.0, "model/nonzero_weights": 1000.0}
    return Result(
        run_id=f"{name} {seed}",
        variation=name,
        seed=seed,
        recipe=name,
        recipe_hash=name,
        data_source="mnist",
        data_sha256="ab",
        data_fallback_for=None,
        validation_split=0.0,
        batch_size=32,
        files={},
        environment={},
        fingerprint=None,
        group_fingerprint=name,
        started=seed,
        metrics={} if fate == "nan" else {**known, "training/steps": 100.0},
        missed_budget=fate == "budget",
        failure="the loss became nan" if fate == "nan" else None,
    )


def main() -> None:
    """Prints a line for each world, kind of failure and number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10])
    asked = parser.parse_args()
    heads = (
        "false",
        "right",
        "left open",
        "qualified",
        "not ranked",
        "| before: false",
        "right",
        "not ranked",
    )
    print(
        f"{'of ' + str(asked.sweeps) + ' sweeps each':44}seeds  " + "  ".join(f"{head:>9}" for head in heads)
    )
    for world in WORLDS:
        for name, fail in FAILURES.items():
            for seeds in asked.seeds:
                now = tally(world, fail, seeds=seeds, sweeps=asked.sweeps)
                before = tally(world, fail, seeds=seeds, sweeps=asked.sweeps, leave_out=True)
                cells = [*_cells(now), f"| {_cells(before)[0]:>13}", _cells(before)[1], _cells(before)[4]]
                told = "  ".join(f"{cell:>9}" for cell in cells)
                print(f"{world.name + ', fails ' + name:44}{seeds:5}  {told}", flush=True)


def _cells(one: Tally) -> list[str]:
    """False and right verdicts and those left open as shares of what was ranked; the rest of all sweeps."""
    ranked = one.ranked or 1
    shares = [one.false / ranked, one.right / ranked, one.held_back / ranked]
    shares += [one.qualified / one.sweeps, 1 - one.ranked / one.sweeps]
    return [f"{share:.1%}" for share in shares]


if __name__ == "__main__":
    main()
