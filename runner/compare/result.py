"""What the comparison knows of one finished run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.tracking import LoggedRun

ACCURACY, LOSS = "test/accuracy", "test/loss"
_VARIANT = "tflite_"


@dataclass(frozen=True)
class Result:
    """One finished run.

    Args:
        run_id: MLflow's id.
        variation: The recipe and what the command line changed in it, `mnist_constant training.epochs=3`.
        seed: Of everything random.
        recipe: The recipe's name.
        recipe_hash: Of all that the recipe says; None in runs that did not log it.
        data_source: Where its data came from, such as `mnist`; None in runs that did not log it.
        data_sha256: Of its data's content; None in runs that did not log it.
        data_fallback_for: The data that was wanted, where other data stood in for it.
        fingerprint: Of all that decides its outcome; None in runs that did not log it.
        started: Milliseconds since 1970.
        metrics: The last value of each metric, by MLflow's name.
    """

    run_id: str
    variation: str
    seed: int
    recipe: str
    recipe_hash: str | None
    data_source: str | None
    data_sha256: str | None
    data_fallback_for: str | None
    fingerprint: str | None
    started: int
    metrics: Mapping[str, float]

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

    def of_variant(self, variant: str, name: str) -> float | None:
        """Returns what is known of a TFLite file, such as its `gzip_bytes`."""
        return self.metrics.get(f"{_VARIANT}{variant}/{name}")


def read_result(run: "LoggedRun") -> Result | None:
    """Reads a finished run.

    Args:
        run: As logged. What older runs did not log is None; they are told apart by their recipe's name.

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
        fingerprint=run.tags.get("fingerprint"),
        started=run.started,
        metrics=run.metrics,
    )


def variants(metrics: Iterable[str]) -> list[str]:
    """Returns the TFLite files that metrics tell of, sorted."""
    sections = {name.partition("/")[0] for name in metrics if name.startswith(_VARIANT)}
    return sorted(section.removeprefix(_VARIANT) for section in sections)


def latest_of_each(results: Iterable[Result]) -> list[Result]:
    """Keeps of runs with one fingerprint the latest, in the order they started; runs without one all stay."""
    ordered = sorted(results, key=lambda result: (result.started, result.run_id))
    last = {result.fingerprint or result.run_id: result for result in ordered}
    return [result for result in ordered if last[result.fingerprint or result.run_id] is result]
