"""How often the verdicts on a factor are wrong, over made sweeps whose truth is known.

    python tests/benchmarks/factor_verdicts.py [SWEEPS]

Two schedules at five sparsities, with 3, 5 and 10 seeds. Scores are accuracies on 360 images, so multiples of
1/360. A seed shifts all of its runs, favours one schedule at random, more so at high sparsity, and noise
grows with sparsity from 0.4 to 3 points. Printed are, in percent of sweeps: false "better" (any difference
shown, overall or at a level, that does not exist), coverage (all intervals hold what is true), and power
(overall, at the highest sparsity, and that the difference depends on sparsity).
"""

import sys

import numpy as np

from runner.compare.contrasts import Cell, contrasts
from runner.compare.factors import Factor

IMAGES = 360
SPARSITIES = ("0.5", "0.75", "0.875", "0.9", "0.95")
FACTORS = (
    Factor("layers.all.schedule.name", "schedule.name", ("constant", "polynomial"), numeric=False),
    Factor("layers.all.schedule.sparsity", "schedule.sparsity", SPARSITIES, numeric=True),
)
TRUTHS = {
    "no difference": np.zeros(5),
    "one point everywhere": np.full(5, 0.01),
    "0.2 to 11.6 points": np.array([0.002, 0.005, 0.01, 0.03, 0.116]),
}


def made_sweep(rng: np.random.Generator, seeds: int, truth: np.ndarray) -> dict[Cell, dict[int, float]]:
    """Draws the scores of one sweep."""
    means, noise = np.linspace(0.97, 0.80, 5), np.linspace(0.004, 0.03, 5)
    seed = rng.normal(0, 0.01, (seeds, 1, 1))
    favour = rng.normal(0, 0.004, (seeds, 1, 2)) * np.linspace(0.5, 2, 5)[:, None]
    scores = means[:, None] + seed + favour + rng.normal(0, 1, (seeds, 5, 2)) * noise[:, None]
    scores[..., 1] += truth
    scores = np.round(scores * IMAGES) / IMAGES
    return {
        (schedule, sparsity): {number: float(scores[number, row, column]) for number in range(seeds)}
        for column, schedule in enumerate(FACTORS[0].levels)
        for row, sparsity in enumerate(SPARSITIES)
    }


def judged(scores: dict[Cell, dict[int, float]], truth: np.ndarray) -> tuple[bool, bool, bool, bool, bool]:
    """Returns for one sweep: a false difference, coverage, power overall and at the top, dependence shown."""
    [contrast, *_] = contrasts(FACTORS, scores, lambda one, other: one[1] == other[1])
    [dependence], overall = contrast.dependences, contrast.overall
    assert overall is not None
    effects = [(overall, float(truth.mean()))]
    effects += [(at, float(true)) for (_, at), true in zip(dependence.effects, truth, strict=True)]
    false = any(at.shown and (true == 0 or (at.mean > 0) != (true > 0)) for at, true in effects)
    covered = all(at.low <= true <= at.high for at, true in effects)
    return false, covered, overall.shown, dependence.effects[-1][1].shown, dependence.shown


def main(sweeps: int = 2000) -> None:
    rng = np.random.default_rng(11)
    print(f"{sweeps} sweeps each; percent of sweeps")
    print(
        f"{'truth':<22} {'seeds':>5} {'false':>6} {'covered':>8} {'overall':>8} {'at .95':>7} {'depends':>8}"
    )
    for name, truth in TRUTHS.items():
        for seeds in (3, 5, 10):
            found = np.mean([judged(made_sweep(rng, seeds, truth), truth) for _ in range(sweeps)], axis=0)
            false, covered, overall, top, depends = 100 * found
            print(
                f"{name:<22} {seeds:>5} {false:6.1f} {covered:8.1f} {overall:8.1f} {top:7.1f} {depends:8.1f}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
