"""`python -m runner --multirun` as a user runs it: tiny sweeps in a store of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from runner.settings import Tracking
from runner.sweep.job_log import LOG
from runner.tracking import open_store

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "recipe=mnist_constant,mnist_polynomial",
    "recipe.data.name=digits",
    "recipe.data.fallback=null",
    "recipe.data.copies=1",
    "recipe.training.epochs=1",
    "recipe.model.filters=[2,4]",
    "recipe.model.dense_units=8",
]
# A variable by which the processes of a sweep are found, wherever they hang in the tree.
_MARK = "SWEEP_OF_FOLDER"
COMPARED = ["name", "status", "test/accuracy", "test/loss", "sparsity/_pruned_layers"]


class Sweeps:
    """`python -m runner --multirun` in a folder.

    Args:
        folder: Where the commands are given.
        store: Whether the store in it is made beforehand.
    """

    def __init__(self, folder: Path, *, store: bool = True) -> None:
        self.folder = folder
        if store:
            open_store(Tracking(), folder / "outputs")

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client for the store in the folder."""
        return MlflowClient(f"sqlite:///{self.folder}/outputs/mlflow.db")

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        ours = ("HYDRA", "TF_", "MLFLOW", "RAY_", "SUBMITIT", "SLURM")
        environment = {n: v for n, v in os.environ.items() if not n.startswith(ours)}
        environment |= {"PYTHONPATH": str(ROOT), _MARK: str(self.folder), **variables}
        return subprocess.Popen(
            [sys.executable, "-m", "runner", "--multirun", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=200)
        return process.returncode, out, err

    def stop_in(self, job: int, how: signal.Signals, *arguments: str) -> tuple[int, str, str]:
        """Sends a signal while a job trains."""
        before = set(self.folders)
        process = self.start(*arguments)

        def training() -> bool:
            logs = [folder / str(job) / LOG for folder in set(self.folders) - before]
            return any("\ntraining\n" in log.read_text() for log in logs if log.is_file())

        wait_until(lambda: process.poll() is not None or training())
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def alive(self) -> list[str]:
        """Lists the processes that stem from sweeps started here, by their commands."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self.folder}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    @property
    def folders(self) -> list[Path]:
        sweeps = self.folder / "outputs" / "sweeps"
        return sorted(sweeps.iterdir()) if sweeps.is_dir() else []

    def table(self, folder: Path) -> pd.DataFrame:
        return pd.read_csv(folder / "jobs.csv")

    def runs(self, kind: str) -> list[Run]:
        [experiment] = [e for e in self.client.search_experiments() if e.name == "tflite-pruning"]
        return list(self.client.search_runs([experiment.experiment_id], f"tags.runner_kind = '{kind}'"))


def wait_until(true: Callable[[], object], seconds: float = 200) -> None:
    """Waits, in short steps, for what another process brings about."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited {seconds:g} s in vain"
        time.sleep(0.02)
