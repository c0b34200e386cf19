"""How long `python -m runner.compare --experiment NAME` takes over many runs: whole processes, a real store.

python tests/benchmarks/compare.py [--runs 1000] [--seeds 25] [--times 3]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import create_engine, insert

from runner.settings import Tracking
from runner.tracking import open_store

EPOCHS, UPDATES, LAYERS, STEPS = 30, 50, 8, 12_000


def fill_store(outputs: Path, experiment: str, *, runs: int, seeds: int) -> None:
    """Writes finished runs into MLflow's own tables, as many numbers as a real run logs.

    Logging them through MLflow would take minutes; what is read back is the same.

    Args:
        outputs: Where `mlflow.db` is made.
        experiment: MLflow's experiment.
        runs: How many.
        seeds: How many of them share a recipe.
    """
    from mlflow.store.tracking.dbmodels import models

    store = open_store(Tracking(experiment=experiment), outputs)
    rows: dict[Any, list[dict[str, Any]]] = {
        model: []
        for model in (models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric)
    }
    for number in range(runs):
        _add_run(rows, models, store.experiment_id, *divmod(number, seeds), number)
    engine = create_engine(store.uri)
    with engine.begin() as connection:
        for model, content in rows.items():
            connection.execute(insert(model.__table__), content)
    engine.dispose()


def _add_run(
    rows: dict[Any, list[dict[str, Any]]],
    models: Any,
    experiment_id: str,
    recipe: int,
    seed: int,
    number: int,
) -> None:
    random = np.random.default_rng(number)
    run_id, now = uuid.uuid5(uuid.NAMESPACE_OID, f"run {number}").hex, 1_700_000_000_000 + number * 1000
    label = f"mnist_constant recipe.layers.all.schedule.power={recipe}"
    rows[models.SqlRun].append(
        {
            "run_uuid": run_id,
            "name": f"{label} seed={seed}",
            "source_type": "LOCAL",
            "source_name": "runner",
            "entry_point_name": "",
            "user_id": "bench",
            "status": "FINISHED",
            "start_time": now,
            "end_time": now + 900,
            "source_version": "",
            "lifecycle_stage": "active",
            "artifact_uri": f"file:///nowhere/{run_id}/artifacts",
            "experiment_id": int(experiment_id),
        }
    )
    tags = {
        "recipe": "mnist_constant",
        "variation": label,
        "recipe_hash": f"{recipe:012x}",
        "fingerprint": f"{recipe}-{seed}",
        "runner_kind": "run",
        "data_source": "mnist",
        "data_sha256": "ab" * 32,
        "git_sha": "cd" * 20,
        "sparsity_check": "passed",
        "mlflow.user": "bench",
        "mlflow.source.name": "runner",
        "mlflow.runName": f"{label} seed={seed}",
    }
    rows[models.SqlTag] += [{"key": key, "value": value, "run_uuid": run_id} for key, value in tags.items()]
    params = {"seed": str(seed), "layers.all.schedule.power": str(recipe)} | {
        f"layers.rule_{i}.schedule.sparsity": "0.875" for i in range(50)
    }
    rows[models.SqlParam] += [
        {"key": key, "value": value, "run_uuid": run_id} for key, value in params.items()
    ]

    accuracy = 0.98 + 0.0002 * recipe + 0.001 * random.standard_normal()
    final = {
        "test/accuracy": accuracy,
        "test/loss": 0.05,
        "test/dense_accuracy": accuracy + 0.003,
        "model/weights": 400_000,
        "model/nonzero_weights": 50_000,
        "model/keras_gzip_bytes": 380_000 + int(random.integers(5000)),
        "training/steps": STEPS,
        "training/dense_steps": STEPS,
    }
    for variant in ("float32", "float16", "int8"):
        final |= {
            f"tflite_{variant}/accuracy": accuracy,
            f"tflite_{variant}/loss": 0.05,
            f"tflite_{variant}/bytes": 1_600_000,
            f"tflite_{variant}/gzip_bytes": 370_000 + int(random.integers(5000)),
            f"tflite_{variant}/latency_ms": 0.2 + 0.01 * random.random(),
        }
    series = {name: [(STEPS, value)] for name, value in final.items()}
    for name in [f"sparsity/layer_{i}" for i in range(LAYERS)] + [
        "sparsity/_pruned_layers",
        "sparsity/_model",
    ]:
        series[name] = [
            (1 + i * STEPS // UPDATES, 0.875 * (1 - (1 - i / UPDATES) ** 3)) for i in range(UPDATES)
        ] + [(STEPS, 0.875)]
    for name in ("train/loss", "train/accuracy", "val/loss", "val/accuracy"):
        series[name] = [
            ((i + 1) * STEPS // EPOCHS, 1 - 0.3 / (i + 1) + 0.002 * random.standard_normal())
            for i in range(EPOCHS)
        ]
    for name, points in series.items():
        metric = {"key": name, "timestamp": now, "is_nan": False, "run_uuid": run_id}
        rows[models.SqlMetric] += [{**metric, "step": step, "value": float(value)} for step, value in points]
        step, value = points[-1]
        rows[models.SqlLatestMetric].append({**metric, "step": step, "value": float(value)})


def _worked() -> float:
    """Returns the processor time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fill_store(Path(folder), "many", runs=asked.runs, seeds=asked.seeds)
        print(f"a store of {asked.runs} runs made in {time.perf_counter() - began:.1f} s")
        for _ in range(asked.times):
            began, worked = time.perf_counter(), _worked()
            command = [sys.executable, "-m", "runner.compare", "--experiment=many", f"--outputs={folder}"]
            done = subprocess.run(command, capture_output=True, text=True)
            seconds = time.perf_counter() - began
            print(f"compared in {seconds:.2f} s, {_worked() - worked:.2f} s of one core")
            if done.returncode:
                sys.exit(done.stderr)
