"""`recipe=mnist_2x4` on real MNIST against the same training in a plain TFMOT script, process by process.

    python tests/benchmarks/tutorial_run.py MNIST.npz [--seeds 1,2,3]

For each seed the two run one after the other. Printed: seconds in `fit` of both and their ratio, the
runner's seconds around it (imports, plan, store, evaluation, export, checks, tables), and the accuracies.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEER = Path(__file__).parent / "peers" / "tfmot_tutorial.py"
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def run_peer(mnist: Path, seed: int) -> dict[str, Any]:
    """Runs the TFMOT script in a process of its own."""
    command = [sys.executable, str(PEER), str(mnist), str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_recipe(mnist: Path, seed: int, outputs: Path) -> dict[str, Any]:
    """Runs the recipe as a user does; the database is new for every run, which is the slow case."""
    command = [sys.executable, "-m", "runner", "recipe=mnist_2x4", f"recipe.data.path={mnist}"]
    began = time.perf_counter()
    subprocess.run(
        [*command, f"seed={seed}", f"outputs={outputs}"], check=True, capture_output=True, env=ENVIRONMENT
    )
    seconds = time.perf_counter() - began
    [path] = outputs.glob("runs/*/summary.json")
    summary: dict[str, Any] = json.loads(path.read_text())
    return {**summary, "around_seconds": seconds - summary["seconds"]["train"]}


def main(mnist: Path, seeds: list[int]) -> None:
    """Measures and prints."""
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            own = run_recipe(mnist, seed, Path(folder) / "outputs")
        peer = run_peer(mnist, seed)
        row = {
            "runner_train": own["seconds"]["train"],
            "tfmot_train": peer["train_seconds"],
            "ratio": own["seconds"]["train"] / peer["train_seconds"],
            "around": own["around_seconds"],
            "runner_accuracy": own["test_accuracy"],
            "tfmot_accuracy": peer["accuracy"],
        }
        rows.append(row)
        levels = ", ".join(f"{name} {value}" for name, value in own["sparsity"]["layers"].items())
        shown = ", ".join(f"{name} {value:.4f}" for name, value in row.items())
        print(f"seed {seed}: {shown}; check passed: {own['sparsity_check']['passed']}; {levels}", flush=True)
    for name in ("runner_train", "tfmot_train", "ratio", "around"):
        print(f"median {name}: {statistics.median(row[name] for row in rows):.3f}")
    for name in ("runner_accuracy", "tfmot_accuracy"):
        print(f"mean {name}: {statistics.mean(row[name] for row in rows):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=lambda path: Path(path).absolute())
    parser.add_argument(
        "--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[1, 2, 3]
    )
    options = parser.parse_args()
    main(options.mnist, options.seeds)
