"""Results with numbers chosen by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from runner.compare.groups import Group, make_groups
from runner.compare.result import Result

SHA = {"mnist": "aa" * 32, "digits": "bb" * 32}
ENVIRONMENT = {"runner": "1.0", "tensorflow": "2.20"}


def result(
    variation: str,
    seed: int,
    accuracy: float | None = None,
    *,
    metrics: Mapping[str, float | None] = {},
    **changes: Any,
) -> Result:
    """A run of 87.5 % sparsity and 100 steps on MNIST; `metrics` override, and None takes one out."""
    all_metrics: dict[str, float | None] = {
        "test/accuracy": accuracy,
        "test/loss": 0.05,
        "sparsity/_model": 0.875,
        "model/weights": 400_000,
        "model/nonzero_weights": 50_000,
        "training/steps": 100,
        **metrics,
    }
    values: dict[str, Any] = {
        "run_id": f"{variation} {seed}",
        "recipe": variation.split()[0],
        "recipe_hash": f"hash of {variation}",
        "data_source": "mnist",
        "data_sha256": SHA["mnist"],
        "data_fallback_for": None,
        "validation_split": 0.1,
        "batch_size": 32,
        "files": {},
        "environment": ENVIRONMENT,
        "fingerprint": None,
        "group_fingerprint": None,
        "started": 1_700_000_000_000 + seed,
        **changes,
    }
    given = {name: value for name, value in all_metrics.items() if value is not None}
    return Result(variation=variation, seed=seed, metrics=given, **values)


def results(variation: str, accuracies: Sequence[float], **changes: Any) -> list[Result]:
    """Runs of one variation with seeds 1, 2, 3, ..."""
    return [result(variation, seed, accuracy, **changes) for seed, accuracy in enumerate(accuracies, 1)]


def failed(variation: str, seed: int, why: str = "the loss became nan", **changes: Any) -> Result:
    """A run that ended without a result."""
    without = {"test/loss": None, "model/nonzero_weights": None, "training/steps": None}
    return result(variation, seed, metrics=without, failure=why, **changes)


def errors(variation: str, values: Sequence[float], **changes: Any) -> list[Result]:
    """Runs of a regression with seeds 1, 2, 3, ... and these mean squared errors."""
    metrics = changes.pop("metrics", {})
    return [
        result(variation, seed, metrics={"test/mean_squared_error": value, **metrics}, **changes)
        for seed, value in enumerate(values, 1)
    ]


def groups(*members: Sequence[Result]) -> tuple[Group, ...]:
    """Groups of results, which must all differ in their seeds."""
    made, superseded = make_groups([one for own in members for one in own])
    assert not superseded
    return made
