"""The command as a user runs it, in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Says at exit which of the large libraries were imported.
SITE = """
import atexit, os, sys
heavy = {"tensorflow", "tf_keras", "mlflow", "pandas", "scipy", "hydra"}
atexit.register(lambda: open(os.environ["IMPORTED"], "w").write(" ".join(heavy & set(sys.modules))))
"""
SECONDS = 2.0


class Command:
    """Runs `python -m runner.check` in an empty folder."""

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
            "COLUMNS": "80",
        }

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "runner.check", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert list(self.folder.iterdir()) == []
        return done.returncode, done.stdout, done.stderr

    def imported(self) -> list[str]:
        return self._imported.read_text().split()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_it_answers_within_two_seconds_without_tensorflow(
    command: Command, files: Mapping[str, Path]
) -> None:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        status, out, err = command(files["int8_sparse"], "--m-by-n", "2x4", "--layer", "conv_2")
        seconds.append(time.perf_counter() - began)
        assert (status, err) == (0, "")
        assert out.endswith("1 of 1 weight tensors pass.\n")
    assert command.imported() == []
    # Other work on the machine may slow one of them down.
    assert min(seconds) < SECONDS


def test_what_fails_is_status_1_and_json_is_all_there_is(command: Command, files: Mapping[str, Path]) -> None:
    status, out, err = command(files["float32"], "--m-by-n", "2x4", "--json")
    assert (status, err) == (1, "")
    assert [tensor["passed"] for tensor in json.loads(out)["tensors"]] == [True, True, False, False]
    assert command.imported() == []


def test_asked_for_nothing_it_shows_and_is_status_0(command: Command, files: Mapping[str, Path]) -> None:
    status, out, err = command(files["float32"])
    assert (status, err) == (0, "")
    assert "logits" in out
    assert out.endswith("7,208 of 9,616 weights in 4 tensors are zero: 74.96%.\n")


def test_what_is_no_tflite_file_is_status_2_and_one_line(command: Command, tmp_path: Path) -> None:
    other = tmp_path / "m.tflite"
    other.write_bytes(b"\x00" * 100)
    status, out, err = command(other, "--json")
    assert (status, out) == (2, "")
    assert err == f"{other}: is no TFLite file: its bytes 4 to 8 are {bytes(4)!r}, not b'TFL3'\n"


def test_help_has_an_example_and_is_at_once(command: Command) -> None:
    status, out, err = command("--help")
    assert (status, err) == (0, "")
    assert "python -m runner.check model.tflite --m-by-n 2x4" in out
    assert max(map(len, out.splitlines())) <= 110


def test_debug_shows_the_traceback(command: Command) -> None:
    status, _, err = command("none.tflite", "--debug")
    assert status == 2
    assert err.startswith("Traceback")
    assert err.endswith("\nnone.tflite: there is no such file.\n")


def test_a_reader_that_leaves_gets_no_traceback(command: Command, files: Mapping[str, Path]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.check", str(files["lstm"])],
        env=command.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == ("", 1)
