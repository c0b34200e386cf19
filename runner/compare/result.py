"""What the comparison knows of one run that has ended."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.tracking import LoggedRun

ACCURACY, LOSS, SQUARED_ERROR = "test/accuracy", "test/loss", "test/mean_squared_error"
_VARIANT = "tflite_"


@dataclass(frozen=True)
class Result:
    """One run that has ended, with a result or without.

    What a run did not log is None: older runners logged less, and what is unknown is not equal.

    Args:
        run_id: MLflow's id.
        variation: The recipe and what the command line changed in it, `mnist_constant training.epochs=3`.
        seed: Of everything random.
        recipe: The recipe's name.
        recipe_hash: Of all that the recipe says.
        data_source: Where its data came from, such as `mnist`.
        data_sha256: Of its data's content.
        data_fallback_for: The data that was wanted, where other data stood in for it.
        validation_split: The share of the training data that was not trained on, in [0, 1).
        batch_size: Samples in a training step.
        files: SHA-256 of the files whose weights it began with, by the recipe's key, `path` or `weights`;
            empty where it began from scratch. A file whose content was not logged has "".
        environment: What it was computed with: versions, plugins and so on, by name.
        fingerprint: Of all that decides its outcome.
        group_fingerprint: Of all that decides its outcome but the seed.
        started: Milliseconds since 1970.
        metrics: The last value of each metric, by MLflow's name.
        asked: The resolved recipe, flattened with dots, as logged.
        missed_budget: Whether it did not keep its budget. Its scores are as good as any: a budget is an
            opinion on them, and to leave out the low ones would make a recipe look better than it is.
        failure: Why it has no result that counts (its loss was NaN, it crashed, its sparsity check did not
            pass); None where it has one.
    """

    run_id: str
    variation: str
    seed: int
    recipe: str
    recipe_hash: str | None
    data_source: str | None
    data_sha256: str | None
    data_fallback_for: str | None
    validation_split: float | None
    batch_size: int | None
    files: Mapping[str, str] | None
    environment: Mapping[str, str] | None
    fingerprint: str | None
    group_fingerprint: str | None
    started: int
    metrics: Mapping[str, float]
    asked: Mapping[str, str] = field(default_factory=dict)
    missed_budget: bool = False
    failure: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """What it was asked to do, by dotted key: the resolved recipe, its name, the seed and the data."""
        data = {} if self.data_source is None else {"data": self.data_source}
        return {**data, **self.asked, "recipe": self.recipe, "seed": str(self.seed)}

    @property
    def sparsity(self) -> float | None:
        """The share of zeros in the whole model, in [0, 1]."""
        return self.metrics.get("sparsity/_model")

    @property
    def nonzero_weights(self) -> float | None:
        """How many weights of the whole model are not zero."""
        return self.metrics.get("model/nonzero_weights")

    @property
    def total_steps(self) -> float | None:
        """Training steps in all: those of the dense weights it began with, and those while pruning."""
        steps = self.metrics.get("training/steps")
        return None if steps is None else steps + self.metrics.get("training/dense_steps", 0.0)

    @property
    def drop(self) -> float | None:
        """The accuracy lost against the dense weights it began with."""
        dense, pruned = self.metrics.get("test/dense_accuracy"), self.metrics.get(ACCURACY)
        return None if dense is None or pruned is None else dense - pruned


def read_result(run: "LoggedRun") -> Result | None:
    """Reads a run that has ended.

    Args:
        run: As logged.

    Returns:
        None where the run is not of a recipe: a sweep's own, or one that something else logged.
    """
    recipe, seed = run.tags.get("recipe"), run.params.get("seed", "")
    if recipe is None or run.tags.get("runner_kind", "run") != "run" or not seed.isdecimal():
        return None
    return Result(
        run_id=run.run_id,
        variation=run.tags.get("variation", recipe),
        seed=int(seed),
        recipe=recipe,
        recipe_hash=run.tags.get("recipe_hash"),
        data_source=run.tags.get("data_source"),
        data_sha256=run.tags.get("data_sha256"),
        data_fallback_for=run.tags.get("data_fallback_for"),
        validation_split=_number(run, "data.validation_split"),
        batch_size=None if (size := _number(run, "training.batch_size")) is None else int(size),
        files=_files(run),
        environment=_environment(run),
        fingerprint=run.tags.get("fingerprint"),
        group_fingerprint=run.tags.get("group_fingerprint"),
        started=run.started,
        metrics=run.metrics,
        asked={name: value for name, value in run.params.items() if name != "seed"},
        missed_budget=run.tags.get("budget") == "missed",
        failure=_failure(run),
    )


def _failure(run: "LoggedRun") -> str | None:
    """States why a run has no result that counts.

    A run may fail and have one: when it missed its budget, or when a file of it could not be made, its model
    was scored and its zeros were proven all the same.
    """
    if run.status == "FINISHED":
        return None
    check = run.tags.get("sparsity_check")
    if check == "failed":
        return "the sparsity check did not pass"
    if check == "passed" and LOSS in run.metrics:
        return None
    return run.tags.get("failure", f"its run is {run.status} in MLflow")


def _files(run: "LoggedRun") -> dict[str, str] | None:
    named = {
        key: run.tags.get(f"model_{key}_sha256", "")
        for key in ("path", "weights")
        if run.params.get(f"model.{key}", "null") != "null" or f"model_{key}_sha256" in run.tags
    }
    known = named or "model.path" in run.params
    return named if known else None


def _environment(run: "LoggedRun") -> dict[str, str] | None:
    try:
        found = json.loads(run.tags["environment"])
    except (KeyError, ValueError):  # A run of an older runner, or a tag that somebody has edited.
        return None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else None


def _number(run: "LoggedRun", param: str) -> float | None:
    try:
        return float(run.params[param])
    except (KeyError, ValueError):
        return None


def variants(metrics: Iterable[str]) -> list[str]:
    """Returns the TFLite files that metrics tell of, sorted."""
    sections = {name.partition("/")[0] for name in metrics if name.startswith(_VARIANT)}
    return sorted(section.removeprefix(_VARIANT) for section in sections)


def latest_of_each(results: Iterable[Result]) -> list[Result]:
    """Keeps of runs with one fingerprint the latest that has a result, else the latest; others all stay.

    Returns:
        They in the order they started.
    """
    ordered = sorted(results, key=lambda result: (result.started, result.run_id))
    by_worth = sorted(ordered, key=lambda result: result.failure is None)
    last = {result.fingerprint or result.run_id: result for result in by_worth}
    return [result for result in ordered if last[result.fingerprint or result.run_id] is result]
