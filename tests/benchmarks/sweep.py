"""What a sweep costs beside its training, and what sharing a dense checkpoint saves.

    python tests/benchmarks/sweep.py [--only CASE] [--data mnist.npz] [--plot memory.png]

`shared`: 2 recipes x 3 seeds as one sweep with `training.dense_epochs` as long as the pruning, against six
`python -m runner` processes that each train their own dense weights (each with an output folder of its own,
so that none finds another's checkpoint); `--rounds` of both, in turns; medians.
`overhead`: wall time of each job of a sweep but the first, less its training; what of it is the evaluation of
the model and the making, running and timing of its TFLite files and the dense model's, is told apart.
`memory`: resident memory at the beginning of each of 20 jobs in one process, and its growth after the third.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["recipe.model.filters=[8,16]", "recipe.model.dense_units=64"]


def data_arguments(data: Path | None) -> list[str]:
    """Names the data: an MNIST file, or the digits that come with scikit-learn."""
    return (
        ["recipe.data.name=digits", "recipe.data.fallback=null"]
        if data is None
        else [f"recipe.data.path={data.resolve()}"]
    )


class Watched:
    """One command, its seconds, and its memory when each of its jobs had ended."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        self.megabytes: list[float] = []
        for line in process.stdout:
            if re.match(r"job \d+ ", line):
                self.megabytes.append(resident(process.pid))
        if process.wait():
            raise SystemExit(f"{' '.join(arguments)} ended with status {process.returncode}")
        self.seconds = time.perf_counter() - began


def resident(process: int) -> float:
    """Returns a process's resident memory in megabytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def shared(data: Path | None, rounds: int) -> None:
    """Compares one sweep that shares dense weights with six commands that do not."""
    common = [*data_arguments(data), *SMALL, "recipe.training.epochs=3", "recipe.training.dense_epochs=3"]
    recipes, seeds = ("mnist_constant", "mnist_polynomial"), (1, 2, 3)
    sweeps, separate = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            names, numbers = ",".join(recipes), ",".join(map(str, seeds))
            sweep = Watched(Path(folder), "--multirun", f"recipe={names}", f"seed={numbers}", *common)
            sweeps.append(sweep.seconds)
        total = 0.0
        for recipe in recipes:
            for seed in seeds:
                with tempfile.TemporaryDirectory() as folder:
                    total += Watched(Path(folder), f"recipe={recipe}", f"seed={seed}", *common).seconds
        separate.append(total)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(sweeps, separate, strict=True))
    print("2 recipes x 3 seeds, dense_epochs = epochs = 3:")
    print(f"  one sweep       {statistics.median(sweeps):7.1f} s")
    print(f"  six processes   {statistics.median(separate):7.1f} s")
    print(f"  ratio           {ratio:7.2f}x", flush=True)


def overhead(data: Path | None) -> None:
    """Measures the runner's own seconds around each training after the first."""
    folder = Path(tempfile.mkdtemp())
    try:
        arguments = [*data_arguments(data), "recipe.training.epochs=1", "seed=1,2,3,4,5"]
        Watched(folder, "--multirun", "recipe=mnist_2x4", *arguments)
        [sweep] = (folder / "outputs" / "sweeps").iterdir()
        own, exporting = [], []
        for number in range(5):
            record = json.loads((sweep / "records" / f"{number}.json").read_text())
            seconds = json.loads((sweep / str(number) / "summary.json").read_text())["seconds"]
            own.append(record["seconds"] - seconds["train"])
            exporting.append(seconds["evaluate"] + seconds["export"])
        print("the runner's own seconds around training, mnist_2x4:")
        print(f"  first job  {own[0]:.1f} s; later jobs, median {statistics.median(own[1:]):.1f} s, ", end="")
        print(f"largest {max(own[1:]):.1f} s")
        exported = statistics.median(exporting[1:])
        print(f"  of which evaluating, exporting and timing, median {exported:.1f} s", flush=True)
    finally:
        shutil.rmtree(folder)


def memory(data: Path | None, plot: Path | None) -> None:
    """Measures memory over 20 jobs in one process."""
    with tempfile.TemporaryDirectory() as folder:
        seeds = ",".join(map(str, range(20)))
        small = [*data_arguments(data), *SMALL, "recipe.training.epochs=1"]
        done = Watched(Path(folder), "--multirun", "recipe=mnist_constant", f"seed={seeds}", *small)
    third, last = done.megabytes[2], done.megabytes[-1]
    print("resident memory over 20 jobs in one process:")
    print(
        f"  after the third {third:.0f} MB, after the last {last:.0f} MB: {last / third - 1:+.1%}", flush=True
    )
    if plot is not None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
        axes.plot(range(len(done.megabytes)), done.megabytes, marker="o")
        axes.set(xlabel="jobs finished", ylabel="resident memory (MB)", ylim=(0, None))
        figure.savefig(plot, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("shared", "overhead", "memory"), action="append")
    parser.add_argument("--data", type=Path, help="an MNIST file like Keras's mnist.npz; default: digits")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="where to draw memory")
    options = parser.parse_args()
    cases = options.only or ("overhead", "memory", "shared")
    if "overhead" in cases:
        overhead(options.data)
    if "memory" in cases:
        memory(options.data, options.plot)
    if "shared" in cases:
        shared(options.data, options.rounds)
