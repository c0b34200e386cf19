"""Sweeps whose jobs run in parallel: each engine for real, with failing jobs, lost machines and Ctrl-C."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from runner.records.sweep_records import JobRecord, read_records
from tests.sweep import slurm_stand_in
from tests.sweep.sweeping import COMPARED, TINY, Sweeps, wait_until

pytestmark = pytest.mark.slow

# A plugin is imported in each job's process, once TensorFlow is there.
PROBE = """
import json, os
from pathlib import Path
import tensorflow as tf

threads = tf.config.threading
Path(f"probe-{os.getpid()}.json").write_text(json.dumps({
    "threads": [
        threads.get_intra_op_parallelism_threads(),
        threads.get_inter_op_parallelism_threads(),
        int(os.environ["OMP_NUM_THREADS"]),
    ],
    "command": Path(f"/proc/{os.getpid()}/cmdline").read_text(),
}))
"""
ENGINES = {
    "joblib": ["launch=joblib", "hydra.launcher.n_jobs=2"],
    "submitit": ["hydra/launcher=submitit_local"],
    "ray": ["launch=ray", "hydra.launcher.ray.init.num_cpus=2"],
}
# What takes a machine away from a job that then begins anew; joblib has nothing of the kind.
LOSSES = {"submitit": signal.SIGUSR2, "ray": signal.SIGKILL}

# Job 0 finishes, job 2 does so only when it is too late; jobs 1 and 3 fail.
GRID = [
    "recipe=mnist_constant",
    *(setting for setting in TINY[1:] if "epochs" not in setting),
    "recipe.training.epochs=1,5000",
    "recipe.training.optimizer.learning_rate=0.001,1e30",
    "seed=1",
    "threads=1",
]


class Watched:
    """A sweep that runs, seen from outside."""

    def __init__(self, sweeps: Sweeps, *arguments: str, **variables: str) -> None:
        self.sweeps = sweeps
        self.process = sweeps.start(*arguments, **variables)
        sweep = sweeps.folder / "outputs" / "sweeps"
        wait_until(lambda: self.process.poll() is not None or list(sweep.glob("*/sweep.json")))
        assert self.process.poll() is None, self.process.communicate()
        [self.folder] = sweep.iterdir()

    def record(self, job: int) -> JobRecord | None:
        if not (self.folder / "records").is_dir():
            return None
        return {record.number: record for record in read_records(self.folder)}.get(job)

    def run_of(self, job: int) -> str | None:
        record = self.record(job)
        return record.run_id if record else None

    def status(self, job: int) -> str | None:
        record = self.record(job)
        return record.status if record else None

    def process_of(self, run_id: str) -> int:
        tags = self.sweeps.client.get_run(run_id).data.tags
        return int(tags["process"].split()[1])

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=200)
        return self.process.returncode, out, err


def statuses(sweeps: Sweeps) -> list[str]:
    return sorted(run.info.status for run in sweeps.runs("run"))


def all_are(watched: Watched, expected: dict[int, str]) -> Callable[[], bool]:
    return lambda: all(watched.status(job) == status for job, status in expected.items())


@pytest.mark.parametrize("engine", list(ENGINES))
def test_jobs_finish_fail_are_lost_and_interrupted(
    engine: str, tmp_path: Path, undisturbed: tuple[Sweeps, str]
) -> None:
    sweeps = Sweeps(tmp_path / "work")
    (sweeps.folder / "probe.py").write_text(PROBE)
    watched = Watched(sweeps, *ENGINES[engine], *GRID, "plugins=[probe]", HOME=str(tmp_path))

    lost: list[str] = []
    if engine in LOSSES:
        wait_until(lambda: watched.run_of(0))
        lost = [str(watched.run_of(0))]
        before = {path: path.read_bytes() for path in (watched.folder / "0").glob("*.yaml")}
        os.kill(watched.process_of(lost[0]), LOSSES[engine])
    wait_until(all_are(watched, {0: "finished", 1: "failed", 3: "failed"}))
    wait_until(lambda: watched.run_of(2))
    watched.process.send_signal(signal.SIGINT)
    status, out, err = watched.ended()

    assert (status, err.splitlines()[-1]) == (130, "Interrupted.")
    assert "Traceback" not in err
    wait_until(lambda: not sweeps.alive(), 10)
    table = sweeps.table(watched.folder)
    assert table["status"].tolist() == ["finished", "failed", "interrupted", "failed"]
    assert all(" at training step " in table["reason"][job] for job in (1, 3))
    # What finished is what it would have been without company, to the last bit.
    alone = undisturbed[0].table(undisturbed[0].folders[0])
    measured = [name for name in COMPARED if name not in ("name", "status")]
    pd.testing.assert_frame_equal(table[measured].head(1), alone[measured].head(1), check_exact=True)

    [parent] = sweeps.runs("sweep")
    assert parent.info.status == "KILLED"
    assert statuses(sweeps) == sorted(
        ["FINISHED", "FAILED", "KILLED", "FAILED", *(["KILLED"] if lost else [])]
    )
    assert {run.data.tags["mlflow.parentRunId"] for run in sweeps.runs("run")} == {parent.info.run_id}
    assert "to continue: python -m runner --multirun" in out
    # The job that was started again has left alone what its first attempt wrote.
    if lost:
        assert sweeps.client.get_run(lost[0]).info.status == "KILLED"
        assert Path(table["folder"][0]) == watched.folder / "0_2"
        assert before
        assert {path: path.read_bytes() for path in before} == before
    else:
        assert Path(table["folder"][0]) == watched.folder / "0"
    # Every process that had a job computed with one thread, the command's own too.
    probes = [json.loads(path.read_text()) for path in sweeps.folder.glob("probe-*.json")]
    assert len(probes) >= 3
    assert [probe["threads"] for probe in probes if "--multirun" not in probe["command"]] == [[1, 1, 1]] * (
        len(probes) - 1
    )
    log = (Path(table["folder"][0]) / "log.txt").read_text()
    assert "\ntraining: epoch 1/1, step 5/5" in log
    told = re.findall(r"^job (\d) .*: (accuracy|failed)", out, re.MULTILINE)
    assert sorted(told) == [("0", "accuracy"), ("1", "failed"), ("3", "failed")]


def test_a_process_that_is_killed_ends_a_joblib_sweep(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path)
    watched = Watched(sweeps, *ENGINES["joblib"], *GRID)
    wait_until(all_are(watched, {0: "finished", 1: "failed", 3: "failed"}))
    wait_until(lambda: watched.run_of(2))

    os.kill(watched.process_of(str(watched.run_of(2))), signal.SIGKILL)
    status, _, err = watched.ended()

    assert status == 1
    assert "Traceback" not in err
    assert "joblib gave up: TerminatedWorkerError: A worker process managed by the executor" in err
    table = sweeps.table(watched.folder)
    assert table["status"].tolist() == ["finished", "failed", "killed", "failed"]
    assert table["reason"][2] == "its process ended before it did"
    assert [run.info.status for run in sweeps.runs("sweep")] == ["FAILED"]
    assert statuses(sweeps) == ["FAILED", "FAILED", "FINISHED", "KILLED"]
    wait_until(lambda: not sweeps.alive(), 10)


def test_slurm_gets_what_the_preset_says_and_requeues_a_preempted_job(
    tmp_path: Path, undisturbed: tuple[Sweeps, str]
) -> None:
    sweeps = Sweeps(tmp_path / "work")
    slurm_stand_in.install(tmp_path / "bin")
    state = tmp_path / "slurm"
    state.mkdir()
    asked = ["partition=gpus", "gpus_per_node=1", "timeout_min=90", "cpus_per_task=1", "mem_gb=8"]
    watched = Watched(
        sweeps,
        "launch=submitit",
        *(f"hydra.launcher.{setting}" for setting in asked),
        *(setting.replace("=1,5000", "=1") for setting in GRID),
        PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        SLURM_STAND_IN=str(state),
    )
    wait_until(lambda: watched.run_of(0))
    first = str(watched.run_of(0))
    # SLURM sends both when it takes a machine away.
    os.kill(watched.process_of(first), signal.SIGTERM)
    os.kill(watched.process_of(first), signal.SIGUSR2)
    status, _, err = watched.ended()

    assert status == 1
    assert err.splitlines()[-1] == "1 of 2 jobs failed: job 1"
    table = sweeps.table(watched.folder)
    assert table["status"].tolist() == ["finished", "failed"]
    alone = undisturbed[0].table(undisturbed[0].folders[0])
    assert table["test/loss"][0] == alone["test/loss"][0]
    assert Path(table["folder"][0]) == watched.folder / "0_2"
    assert json.loads((watched.folder / "0" / "summary.json").read_text())["status"] == "killed"
    assert sweeps.client.get_run(first).info.status == "KILLED"
    assert statuses(sweeps) == ["FAILED", "FINISHED", "KILLED"]
    assert [run.info.status for run in sweeps.runs("sweep")] == ["FAILED"]
    told = set(re.findall(r"^#SBATCH --(.*)$", (state / "script").read_text(), re.MULTILINE))
    assert told >= {
        "array=0-1%2",
        "partition=gpus",
        "gpus-per-node=1",
        "time=90",
        "cpus-per-task=1",
        "mem=8GB",
        "job-name=runner",
        "requeue",
        "signal=USR2@120",
        "open-mode=append",
    }
    wait_until(lambda: not sweeps.alive(), 10)
