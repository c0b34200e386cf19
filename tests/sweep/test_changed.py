"""What other jobs of a sweep, and a sweep that is given again, may take over and what not."""

from pathlib import Path

import numpy as np
import pytest

from tests.sweep.sweeping import TINY, Sweeps

pytestmark = pytest.mark.slow

OWN_DATA = ["recipe.data.name=npz", "recipe.data.path=own.npz", "recipe.data.fallback=null"]


def save_data(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = {f"x_{part}": rng.integers(0, 256, (256, 28, 28), np.uint8) for part in ("train", "test")}
    labels = {f"y_{part}": np.arange(256) % 10 for part in ("train", "test")}
    np.savez(path, **pictures, **labels)  # type: ignore[arg-type]


def test_jobs_whose_data_has_changed_are_run_again(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path)
    command = ["recipe=mnist_constant", *OWN_DATA, *TINY[4:], "threads=1", "resume=true"]
    save_data(tmp_path / "own.npz", 1)
    assert sweeps(*command, "seed=1")[0] == 0

    status, out, err = sweeps(*command, "seed=1")
    assert (status, err) == (0, "")
    assert "1 of 1 job had finished before" in out

    save_data(tmp_path / "own.npz", 2)
    status, out, err = sweeps(*command, "seed=1,2")

    assert (status, err) == (0, "")
    table = sweeps.table(sweeps.folders[-1])
    assert table["status"].tolist() == ["finished", "finished"]
    assert table["reused"].tolist() == [False, False]
    told = "finished before, on data whose content has changed since: it is run again"
    assert table["note"].fillna("").tolist() == [told, ""]
    assert f"note of job 0: {told}" in " ".join(out.partition("Sweep: 2 jobs")[2].split())
    assert len(sweeps.runs("run")) == 3


def test_a_dense_training_that_failed_is_not_tried_by_the_other_jobs(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path)
    save_data(tmp_path / "own.npz", 1)
    levels = "recipe.layers.all.schedule.sparsity=0.5,0.8"
    broken = ["training.dense_epochs=1", "training.batch_size=32", "training.optimizer.learning_rate=1e30"]
    changes = [f"recipe.{change}" for change in broken]

    status, _, _ = sweeps("recipe=mnist_constant", *OWN_DATA, *TINY[4:], *changes, levels, "threads=1")

    assert status == 1
    table = sweeps.table(sweeps.folders[-1])
    assert table["status"].tolist() == ["failed"] * 2
    assert table["reason"].nunique() == 1
    assert table["reason"][0].startswith("dense training: ")
    logs = [(sweeps.folders[-1] / str(job) / "log.txt").read_text() for job in (0, 1)]
    assert "".join(logs).count("dense training\n") == 1
