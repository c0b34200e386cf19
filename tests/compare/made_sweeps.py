"""Sweeps compared, with numbers chosen by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from runner.compare.comparison import Comparison, compare
from runner.compare.groups import make_groups
from runner.compare.result import Result
from tests.compare.made_results import result

NAME, SPARSITY = "layers.all.schedule.name", "layers.all.schedule.sparsity"


def run(asked: Mapping[str, object], seed: int, accuracy: float | None, **changes: Any) -> Result:
    """A run whose recipe says this; its name in MLflow is the same in words."""
    recipe = changes.pop("recipe", "mnist")
    words = " ".join([recipe, *(f"{key}={value}" for key, value in asked.items())])
    same = f"{words} {changes.get('data_source', '')}"
    return result(
        words,
        seed,
        accuracy,
        recipe=recipe,
        recipe_hash=words,
        asked={key: str(value) for key, value in asked.items()},
        group_fingerprint=same,
        **changes,
    )


def compared(runs: Sequence[Result]) -> Comparison:
    """All runs compared."""
    return compare(make_groups(runs))


def schedules(
    means: Mapping[str, Mapping[float, float]],
    noise: Sequence[float] = (-0.001, 0.0, 0.001),
    **changes: Any,
) -> list[Result]:
    """Runs of every schedule at every sparsity; each mean with the noise of each seed, which runs share."""
    metrics = changes.pop("metrics", {})
    return [
        run(
            {NAME: name, SPARSITY: sparsity},
            seed,
            # A little of its own, so that differences are not the same at all seeds.
            mean + shift * (1.2 if name == "polynomial" else 1.0),
            metrics={
                "sparsity/_model": sparsity,
                "model/nonzero_weights": 400_000 * (1 - sparsity),
                "test/dense_accuracy": 0.99 + shift,
                **metrics,
            },
            **changes,
        )
        for name, own in means.items()
        for sparsity, mean in own.items()
        for seed, shift in enumerate(noise, 1)
    ]


MEANS = {
    "constant": {0.5: 0.985, 0.75: 0.980, 0.875: 0.950, 0.95: 0.80},
    "polynomial": {0.5: 0.985, 0.75: 0.980, 0.875: 0.970, 0.95: 0.93},
}
