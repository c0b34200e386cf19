"""The command as a user runs it, in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner.records.sweep_records import read_records, write_record
from tests.compare.logged_sweep import EXPERIMENT, LoggedSweep

ROOT = Path(__file__).resolve().parents[2]

# Says at exit which of the large libraries were imported.
SITE = """
import atexit, os, sys
heavy = {"tensorflow", "tf_keras", "mlflow", "pandas", "scipy", "matplotlib", "hydra"}
atexit.register(lambda: open(os.environ["IMPORTED"], "w").write(" ".join(heavy & set(sys.modules))))
"""


class Command:
    """Runs `python -m runner.compare` in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(SITE)
        self._imported = folder / "imported"
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}",
            "IMPORTED": str(self._imported),
        }

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "runner.compare", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    def imported(self) -> list[str]:
        return self._imported.read_text().split()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_help_imports_nothing_large(command: Command) -> None:
    status, out, err = command("--help")
    assert (status, err) == (0, "")
    assert "usage: python -m runner.compare" in out
    assert command.imported() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name a sweep's folder or --experiment NAME; see --help.\n"),
        (["--experimnt=a"], "unrecognized arguments: --experimnt=a. Did you mean '--experiment'?"),
        (["outputs/sweeps/nowhere"], "outputs/sweeps/nowhere: there is no such folder.\n"),
    ],
)
def test_wrong_input_is_status_2_at_once(command: Command, arguments: list[str], told: str) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(told)
    assert err.count("\n") == 1
    assert command.imported() == []
    assert list(command.folder.iterdir()) == []


def test_a_sweep_is_compared_without_tensorflow(command: Command, logged: LoggedSweep) -> None:
    shutil.copytree(logged.folder, command.folder / "sweep")
    status, out, err = command("sweep")
    assert (status, err) == (0, "")
    assert "mnist_polynomial is better than mnist_constant: test accuracy" in " ".join(out.split())
    assert out.endswith("files:  sweep\n")
    assert "mlflow" in command.imported()
    assert not {"tensorflow", "tf_keras", "hydra"} & set(command.imported())


def test_a_sweep_whose_jobs_all_failed_is_status_1_and_tells_the_reason_once(
    command: Command, logged: LoggedSweep
) -> None:
    shutil.copytree(logged.folder, command.folder / "sweep")
    for record in read_records(command.folder / "sweep"):
        failed = replace(record, status="failed", reason="NaN in step 3", run_id=None)
        write_record(command.folder / "sweep", failed)
    why = "6 jobs (0, 1, 2, 3, 4, ...) failed: NaN in step 3"
    told = f"sweep: no job of the sweep has a result to compare.\n{why}\n"
    assert command("sweep") == (1, "", told)


def test_an_unknown_experiment_is_one_line(command: Command, logged: LoggedSweep) -> None:
    status, out, err = command("--experiment=schedule", f"--tracking-uri={logged.store.uri}")
    assert (status, out) == (2, "")
    assert err.startswith("experiment schedule: there is none of that name in sqlite:")
    assert f"Did you mean '{EXPERIMENT}'?" in err
    assert err.count("\n") == 1
    assert list(command.folder.iterdir()) == []


def test_a_missing_store_is_not_made(command: Command) -> None:
    status, _, err = command("--experiment=a")
    assert status == 2
    assert err.startswith(f"outputs: there is no MLflow store {command.folder}/outputs/mlflow.db.")
    assert list(command.folder.iterdir()) == []


def test_debug_shows_the_traceback(command: Command) -> None:
    status, _, err = command("outputs/sweeps/nowhere", "--debug")
    assert status == 2
    assert err.startswith("Traceback")
    assert err.endswith("\noutputs/sweeps/nowhere: there is no such folder.\n")


def test_ctrl_c_is_status_130(command: Command, logged: LoggedSweep) -> None:
    asked = ["--experiment=schedules", f"--tracking-uri={logged.store.uri}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.compare", *asked],
        cwd=command.folder,
        env={**command.environment, "PYTHONPROFILEIMPORTTIME": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "numpy" in line:  # The command has begun its work, and MLflow is still to be imported.
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert rest.endswith("\nInterrupted.\n")
