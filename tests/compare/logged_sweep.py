"""A sweep in a real MLflow store, with a folder as a sweep writes it; nothing was trained."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.process.errors import RunFailed
from runner.records.sweep_records import JobRecord, Sweep, write_record, write_sweep
from runner.settings import Tracking
from runner.tracking import Store, open_run, open_store

EXPERIMENT = "schedules"
ACCURACIES = {"mnist_constant": (0.980, 0.981, 0.982), "mnist_polynomial": (0.983, 0.985, 0.985)}


@dataclass(frozen=True)
class LoggedSweep:
    """What was made.

    Args:
        outputs: With `mlflow.db` and `sweeps/`.
        folder: The sweep's.
        store: The open store.
        parent: The sweep's own run.
        runs: The jobs' runs, by job number.
    """

    outputs: Path
    folder: Path
    store: Store
    parent: str
    runs: tuple[str, ...]


def log_failed(
    store: Store, recipe: str, seed: int, why: str, *, accuracy: float | None = None, **tags: Any
) -> str:
    """Logs a run that fails, having a score if it missed its budget; returns its id."""
    check = (
        {"sparsity_check": "not made"}
        if accuracy is None
        else {"sparsity_check": "passed", "budget": "missed"}
    )
    tags = {**_tags(recipe, seed), **check, "failure": why, **tags}
    runs = []
    with (
        suppress(RunFailed),
        open_run(store, run_name=f"{recipe} seed={seed}", params={"seed": seed}, tags=tags) as run,
    ):
        runs.append(run.run_id)
        if accuracy is not None:
            run.log_metrics(_final(seed, accuracy), 30)
        raise RunFailed(why)
    return runs[0]


def log_run(store: Store, recipe: str, seed: int, accuracy: float, **tags: Any) -> str:
    """Logs a finished run as the runner does, and returns its id."""
    given = {name: value for name, value in {**_tags(recipe, seed), **tags}.items() if value is not None}
    with open_run(store, run_name=f"{recipe} seed={seed}", params={"seed": seed}, tags=given) as run:
        for step in (10, 20, 30):
            along = {"val/accuracy": accuracy - 1 / step, "train/accuracy": accuracy}
            run.log_metrics(
                {**along, "sparsity/_pruned_layers": step / 40, "sparsity/_model": step / 40}, step
            )
        run.log_metrics(_final(seed, accuracy), 30)
        return run.run_id


def _tags(recipe: str, seed: int) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "variation": recipe,
        "recipe_hash": f"hash of {recipe}",
        "fingerprint": f"{recipe} {seed}",
        "runner_kind": "run",
        "data_source": "digits",
        "data_sha256": "ab" * 32,
        "data_fallback_for": "mnist",
    }


def _final(seed: int, accuracy: float) -> dict[str, float]:
    return {
        "test/accuracy": accuracy,
        "test/loss": 1 - accuracy,
        "test/dense_accuracy": 0.99,
        "model/weights": 4000,
        "model/nonzero_weights": 1000,
        "model/keras_gzip_bytes": 3000 + seed,
        "training/steps": 30,
        "training/dense_steps": 30,
        "tflite_float32/accuracy": accuracy,
        "tflite_float32/bytes": 16_000,
        "tflite_float32/gzip_bytes": 2500 + seed,
        "tflite_float32/latency_ms": 0.125,
    }


def log_sweep(outputs: Path) -> LoggedSweep:
    """Makes a store and a sweep of two recipes and three seeds in it."""
    store = open_store(Tracking(experiment=EXPERIMENT), outputs)
    folder = outputs / "sweeps" / "2025-01-31_12-00-00-000000"
    with open_run(store, run_name="sweep", params={}, tags={"runner_kind": "sweep"}) as parent:
        jobs = [(recipe, seed) for recipe in ACCURACIES for seed in (1, 2, 3)]
        runs = tuple(log_run(store, recipe, seed, ACCURACIES[recipe][seed - 1]) for recipe, seed in jobs)
    names = tuple(f"recipe={recipe} seed={seed}" for recipe, seed in jobs)
    write_sweep(folder, Sweep(("runner",), names, store.uri, EXPERIMENT, parent.run_id))
    for number, (name, run_id) in enumerate(zip(names, runs, strict=True)):
        (folder / str(number)).mkdir()
        status = "reused" if number == 0 else "finished"
        write_record(folder, JobRecord(number, name, status, run_id=run_id, folder=str(folder / str(number))))  # type: ignore[arg-type]
    return LoggedSweep(outputs, folder, store, parent.run_id, runs)
