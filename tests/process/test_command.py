"""What every command does around its work, in processes of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = """
import sys, time
from runner.process.command import run_command, tell
from runner.process.errors import RunFailed, UserError

def answer(arguments):
    kind, *options = arguments
    if kind == "good":
        return 0
    if kind == "import":
        print("waiting", flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            raise ImportError("cannot import name 'x' from partially initialized module 'y'")
    if kind == "finalizer":
        class Owner:
            def __del__(self):
                print("waiting", flush=True)
                time.sleep(60)
        Owner()
        return 0
    try:
        if kind == "wait":
            print("waiting", flush=True)
            time.sleep(60)
        if kind == "swallow":
            print("waiting", flush=True)
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                raise AttributeError("raised while cleaning up")
        raise {"user": UserError, "failed": RunFailed, "crash": KeyError, "own": ValueError}[kind]("told")
    except BaseException as error:
        explained = (lambda error: "explained") if kind == "own" else (lambda error: None)
        return tell(error, debug="debug" in options, explain=explained)

run_command(answer)
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("good", 0, ""),
        ("user", 2, "told\n"),
        ("failed", 1, "told\n"),
        ("own", 2, "explained\n"),
    ],
)
def test_statuses_and_messages(kind: str, status: int, told: str) -> None:
    process = started(kind)
    assert process.communicate(timeout=60) == ("", told)
    assert process.returncode == status


def test_a_fault_shows_where_it_is() -> None:
    process = started("crash")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("Traceback")
    assert err.endswith("This is a fault in the runner or in a plugin, not in the input.\n")


def test_debug_shows_the_traceback_of_a_users_error() -> None:
    process = started("user", "debug")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith("Traceback")
    assert err.endswith("\ntold\n")


@pytest.mark.parametrize("kind", ["wait", "swallow", "import", "finalizer"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_status_130_even_where_it_was_swallowed(kind: str, number: signal.Signals) -> None:
    process = started(kind)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "\nInterrupted.\n")
