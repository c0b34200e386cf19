"""How often the comparison says something false of several factors at once, where none makes a difference.

    python -m tests.benchmarks.factor_verdicts [--sweeps 2000] [--seeds 3 5 10]

Each design is a full grid. A seed shifts all of its runs, and favours some levels at random; scores are
accuracies on 360 images. Printed are, in percent of sweeps: `false`, a difference is shown, over all or at a
level of another factor; `depends`, that one depends on another factor. Beside it, false_verdicts.py has two
schedules with true differences, and runs that fail.
"""

import argparse
from dataclasses import dataclass
from itertools import product

import numpy as np

from runner.compare.contrasts import Cell, contrasts
from runner.compare.factors import Factor
from runner.compare.intervals import ERROR_RATE

IMAGES = 360


def _factor(name: str, *levels: str, numeric: bool = False) -> Factor:
    return Factor(f"layers.all.{name}", name, levels, numeric=numeric)


_SPARSITY = _factor("schedule.sparsity", "0.5", "0.75", "0.875", "0.9", "0.95", numeric=True)
_MODEL = _factor("model.name", "small", "large")
_DECAY = _factor("training.weight_decay", "1", "2", "3", numeric=True)


def _schedules(count: int) -> Factor:
    return _factor("schedule.name", *"abcde"[:count])


DESIGNS: dict[str, tuple[Factor, ...]] = {
    "2 schedules, 5 sparsities": (_schedules(2), _SPARSITY),
    "3 schedules, 5 sparsities": (_schedules(3), _SPARSITY),
    "5 schedules, 5 sparsities": (_schedules(5), _SPARSITY),
    "2 schedules, 2 models, 3 decays": (_schedules(2), _MODEL, _DECAY),
    "3 schedules, 2 models, 5 sparsities": (_schedules(3), _MODEL, _SPARSITY),
}


@dataclass(frozen=True)
class Shares:
    """In what share of sweeps something false is said; see the top of the file."""

    false: float
    depends: float


def shares(factors: tuple[Factor, ...], *, seeds: int, sweeps: int, entropy: int = 0) -> Shares:
    """Makes sweeps without any true difference, and counts what is said of them.

    Args:
        factors: Of a full grid; sparsities are not compared with each other.
        seeds: Of each cell.
        sweeps: How many.
        entropy: Of the random numbers.
    """
    rng = np.random.default_rng([entropy, seeds, len(factors)])
    cells: list[Cell] = list(product(*(factor.levels for factor in factors)))
    false = depends = 0
    for _ in range(sweeps):
        values = 0.9 + rng.normal(0, 0.01, seeds) + rng.normal(0, 0.006, (len(cells), seeds))
        for place, factor in enumerate(factors):
            favour = rng.normal(0, 0.004, (len(factor.levels), seeds))
            values += favour[[factor.levels.index(cell[place]) for cell in cells]]
        values = np.round(values * IMAGES) / IMAGES
        scores = {cell: dict(enumerate(own)) for cell, own in zip(cells, values.tolist(), strict=True)}
        found = contrasts(
            factors, scores, lambda one, other: _SPARSITY not in factors or one[-1] == other[-1]
        )
        effects = [one.overall for one in found if one.overall is not None]
        others = [dependence for one in found for dependence in one.dependences]
        effects += [at.effect for dependence in others for at in dependence.effects]
        false += any(effect.shown for effect in effects)
        depends += any(other.p is not None and other.p < ERROR_RATE for other in others)
    return Shares(false / sweeps, depends / sweeps)


def main() -> None:
    """Prints a line for each design and number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5, 10])
    asked = parser.parse_args()
    print(f"{f'percent of {asked.sweeps} sweeps':<36} seeds  false depends")
    for name, factors in DESIGNS.items():
        for seeds in asked.seeds:
            found = shares(factors, seeds=seeds, sweeps=asked.sweeps)
            print(f"{name:<36} {seeds:>5} {100 * found.false:6.1f} {100 * found.depends:7.1f}", flush=True)


if __name__ == "__main__":
    main()
