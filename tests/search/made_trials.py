"""Searches with made-up results."""

from runner.recipe.objective import Objective
from runner.search.trials import Trial, Trials

SPARSITY = "layers.all.schedule.sparsity"


def one_objective() -> Trials:
    """Four trials of which the second has failed and the third is best."""
    trials = (
        Trial(0, {SPARSITY: "0.512345678"}, (0.5,)),
        Trial(1, {SPARSITY: "0.95"}, (), "it <broke>"),
        Trial(2, {SPARSITY: "0.75"}, (0.9,)),
        Trial(3, {SPARSITY: "0.9"}, (0.7,)),
    )
    return Trials((Objective("val/accuracy"),), trials)


def two_objectives() -> Trials:
    """Four trials: the second is worse than the first in both; the others are on the front."""
    values = ((0.8, 100.0), (0.7, 120.0), (0.9, 200.0), (0.5, 50.0))
    levels = ("0.512345678", "0.6", "0.5", "0.9")
    trials = tuple(
        Trial(number, {SPARSITY: level}, own)
        for number, (level, own) in enumerate(zip(levels, values, strict=True))
    )
    return Trials((Objective("val/accuracy"), Objective("tflite_int8/bytes", maximized=False)), trials)
