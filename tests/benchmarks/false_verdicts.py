"""How often the comparison says something false, over simulated sweeps whose runs fail by their outcome.

    python -m tests.benchmarks.false_verdicts [--sweeps 2000] [--seeds 2 3 5 10]

Two schedules are trained with the same seeds, at five sparsities or at one of them. Scores are accuracies on
360 images, so multiples of 1/360. A seed shifts all of its runs, and favours one schedule at random, more so
at high sparsity; noise grows with sparsity from 0.4 to 3 points. A run that does badly is lost with a chance
that depends on how badly. What is left goes through groups, comparison and verdict, as the runs of a real
sweep do; nothing is trained, and MLflow is not asked.

Printed are, in percent of sweeps, claims that are false of the scores before any was lost: `false`, that a
schedule is better (over all, or at one sparsity); `first`, the same in the first sentence; `depends`, that
the difference depends on the sparsity. `covers`: all intervals hold what is true. Then claims that are true:
`over all` and `single`, that a schedule is better over all, and at one sparsity or more. Last `open`: the
difference over all is beyond noise, but not told, as the schedule that is ahead has lost runs.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from runner.compare.answer import answer, details
from runner.compare.comparison import Comparison, compare
from runner.compare.groups import make_groups
from runner.compare.result import Result
from runner.compare.tables import difference_rows
from tests.compare.made_sweeps import NAME, SPARSITY, run

Values = NDArray[np.float64]

IMAGES = 360
SCHEDULES = "constant", "polynomial"
SPARSITIES = "0.5", "0.75", "0.875", "0.9", "0.95"
_MEANS, _NOISE = np.linspace(0.97, 0.80, 5), np.linspace(0.004, 0.03, 5)
_SHIFT, _FAVOUR = 0.01, 0.004 * np.linspace(0.5, 2, 5)
_BAD = 0.2
"""How often a schedule fails to work that works well else."""


@dataclass(frozen=True)
class World:
    """Two schedules as they truly are.

    Args:
        name: In the table.
        truth: By how much the second is better at each sparsity, in accuracy.
        spread: Of the second one's noise, in units of the first one's.
        sometimes_bad: Whether the second works well four times in five and badly else; its mean is the same.
    """

    name: str
    truth: Values
    spread: float = 1.0
    sometimes_bad: bool = False


@dataclass(frozen=True)
class Failure:
    """Which runs are lost: those that score low, but for the last tenth of a standard deviation.

    Args:
        name: In the table.
        below: So many standard deviations under the mean.
        second_only: Whether the first schedule loses none.
        one_threshold: Whether runs of both are lost below the same score, in the first one's terms, so that a
            worse or less steady schedule loses more of them. Else each loses as many.
    """

    name: str
    below: float
    second_only: bool = False
    one_threshold: bool = False


EQUAL = World("equal", np.zeros(5))
UNSTEADY = World("equal means, one unsteady", np.zeros(5), 3.0)
WORSE = World("worse and unsteady", -0.5 * _NOISE, 3.0)
MIXED = World("1 better, at the top 12 worse", np.array([0.01] * 4 + [-0.12]))
SOMETIMES_BAD = World("equal means, one sometimes bad", np.zeros(5), 2.0, sometimes_bad=True)
BETTER = World("1 better", np.full(5, 0.01))
GROWING = World("0.2 to 11.6 better", np.array([0.002, 0.005, 0.01, 0.03, 0.116]))

NEVER = Failure("none", -np.inf)
BOTH = Failure("worst tenth of both", -1.28)
ONE = Failure("its worst tenth", -1.28, second_only=True)
RARE = Failure("its worst 2 %", -2.05, second_only=True)
LOW = Failure("below a threshold", -1.0, one_threshold=True)
FAR = Failure("far below a threshold", -4.0, one_threshold=True)

CASES = (
    *((EQUAL, failure) for failure in (NEVER, BOTH, ONE, LOW)),
    *((world, failure) for world in (UNSTEADY, WORSE) for failure in (NEVER, RARE, ONE, LOW)),
    *((MIXED, failure) for failure in (NEVER, BOTH, ONE, LOW, FAR)),
    *((SOMETIMES_BAD, failure) for failure in (NEVER, RARE, ONE)),
    *((world, failure) for world in (BETTER, GROWING) for failure in (NEVER, BOTH, ONE)),
)


def made_sweep(
    rng: np.random.Generator, world: World, failure: Failure, seeds: int, places: Sequence[int]
) -> Comparison | None:
    """Makes a sweep and compares what it has not lost.

    Args:
        rng: Of all that is random.
        world: The two schedules.
        failure: Which runs are lost.
        seeds: Of each setting.
        places: Of the sparsities.

    Returns:
        None where nothing is left.
    """
    noise = rng.standard_normal((seeds, 5, 2))
    if world.sometimes_bad:
        jumps = np.where(rng.random((seeds, 5)) < _BAD, -2.0, 0.5)
        noise[..., 1] = 0.25 * noise[..., 1] + jumps * np.sqrt(1 - 0.25**2)
    noise *= np.stack([_NOISE, world.spread * _NOISE], axis=1)
    shift = rng.normal(0, _SHIFT, (seeds, 1, 1))
    apart = shift + rng.normal(0, 1, (seeds, 1, 2)) * _FAVOUR[:, None] + noise
    spreads = [np.sqrt(_SHIFT**2 + _FAVOUR**2 + (own * _NOISE) ** 2) for own in (1.0, world.spread)]
    scale = np.stack([spreads[0], spreads[not failure.one_threshold]], axis=1)
    better = np.stack([np.zeros(5), world.truth], axis=1)
    badly = (apart + better * failure.one_threshold) / scale
    lost = rng.random(apart.shape) < expit((failure.below - badly) / 0.1)
    lost[..., 0] &= not failure.second_only
    scores = np.round((_MEANS[:, None] + apart + better) * IMAGES) / IMAGES
    runs = [
        _run(schedule, SPARSITIES[row], seed, None if lost[seed, row, column] else scores[seed, row, column])
        for column, schedule in enumerate(SCHEDULES)
        for row in places
        for seed in range(seeds)
    ]
    grouped = make_groups(runs)
    # Sparsities are of unequal size, so that none is ranked: to compare them too would tell the same.
    names = next(factor for factor in grouped.factors if factor.key == NAME)
    return compare(grouped, by=names) if grouped.groups else None


def _run(schedule: str, sparsity: str, seed: int, score: float | None) -> Result:
    """A run of the sweep; one without a score is lost."""
    zeros = float(sparsity)
    metrics: dict[str, float | None] = {
        "sparsity/_model": zeros,
        "model/nonzero_weights": 400_000 * (1 - zeros),
    }
    failure = None
    if score is None:
        metrics, failure = dict.fromkeys((*metrics, "test/loss", "training/steps")), "the loss became nan"
    asked = {NAME: schedule, SPARSITY: sparsity}
    return run(asked, seed, score, metrics=metrics, failure=failure)


@dataclass(frozen=True)
class Claims:
    """What is said of one sweep, or in what share of sweeps; see the top of the file."""

    false: float = 0
    first: float = 0
    depends: float = 0
    covers: float = 1
    over_all: float = 0
    single: float = 0
    open: float = 0


def claims(comparison: Comparison | None, truth: Values, places: Sequence[int]) -> Claims:
    """Sets what is said of the two schedules against what is true.

    Args:
        comparison: None where nothing was left to compare.
        truth: Of the world.
        places: Of the sparsities that were swept.
    """
    if comparison is None or not comparison.ranked:
        return Claims()
    [finding] = comparison.findings
    true = {SPARSITIES[place]: float(truth[place]) for place in places}
    over_all = float(np.mean(list(true.values())))
    effects = [(over_all, finding.contrast.overall)] + [
        (true[at.level], at.effect) for one in finding.contrast.dependences for at in one.effects
    ]
    told = [row[-1] for row in difference_rows(comparison)]
    right = [better == _better(size) for better, (size, _) in zip(told, effects, strict=True)]
    return Claims(
        false=any(better in SCHEDULES and not good for better, good in zip(told, right, strict=True)),
        first=_is_false(answer(comparison), true),
        depends=len(set(true.values())) == 1 and _says_it_depends(comparison),
        covers=all(effect is not None and effect.low <= size <= effect.high for size, effect in effects),
        over_all=right[0],
        single=any(right[1:]),
        open=finding.ahead != finding.better,
    )


def _better(size: float) -> str | None:
    """Returns the schedule that is truly better by so much."""
    return SCHEDULES[int(size > 0)] if size else None


def _is_false(sentence: str, true: dict[str, float]) -> bool:
    """Tells whether a sentence calls a schedule better that is not: over all, or else at any sparsity."""
    found = re.findall(r"(?<! or )\b(\w+) is better( than \w+:| over all)?", sentence)
    found += [(who, "") for who in re.findall(rf"[,;] ({'|'.join(SCHEDULES)}) ", sentence)]
    over_all = _better(float(np.mean(list(true.values()))))
    somewhere = {_better(size) for size in true.values()}
    return any(who != over_all if of_all else who not in somewhere for who, of_all in found)


def _says_it_depends(comparison: Comparison) -> bool:
    return any("It depends on" in sentence for sentence in details(comparison))


def shares(
    world: World,
    failure: Failure,
    *,
    seeds: int,
    sweeps: int,
    places: Sequence[int] = range(5),
    entropy: int = 0,
) -> Claims:
    """Makes sweeps and returns what share of them says what.

    Args:
        world: The two schedules.
        failure: Which runs are lost.
        seeds: Of each setting.
        sweeps: How many.
        places: Of the sparsities.
        entropy: Of the random numbers.
    """
    rng = np.random.default_rng([entropy, seeds, len(places)])
    made = (made_sweep(rng, world, failure, seeds, places) for _ in range(sweeps))
    return Claims(*np.mean([astuple(claims(one, world.truth, places)) for one in made], axis=0).tolist())


def main() -> None:
    """Prints a line for each world, kind of failure, and number of sparsities and seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10])
    asked = parser.parse_args()
    heads = " ".join(f"{field.name.replace('_', ' '):>8}" for field in fields(Claims))
    print(f"{f'percent of {asked.sweeps} sweeps':<56} at seeds {heads}")
    for places in (range(5), (3,)):
        for world, failure in CASES:
            for seeds in asked.seeds:
                found = shares(world, failure, seeds=seeds, sweeps=asked.sweeps, places=places)
                told = " ".join(f"{100 * share:8.1f}" for share in astuple(found))
                print(
                    f"{f'{world.name}; lost: {failure.name}':<56} {len(places):>2} {seeds:>5} {told}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
