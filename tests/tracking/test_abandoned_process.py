import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.tracking import abandoned_runs
from runner.tracking.abandoned_runs import has_died, own_process


def test_this_process_lives() -> None:
    host, number, began, numbering = own_process().split()
    assert (host, int(number)) == (socket.gethostname(), os.getpid())
    assert began.isdigit()
    assert numbering.startswith("pid:[")
    assert not has_died(own_process())


def test_a_process_that_has_ended_is_known_by_its_name() -> None:
    died = subprocess.run(
        [
            sys.executable,
            "-c",
            "from runner.tracking.abandoned_runs import own_process; print(own_process())",
        ],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    ).stdout.strip()
    assert has_died(died)


def test_a_number_that_was_given_again_is_another_process() -> None:
    host, number, began, numbering = own_process().split()
    assert has_died(f"{host} {number} {int(began) - 1} {numbering}")


@pytest.mark.parametrize("unknown", ["", "host", "not-{host} 1 1", "{host} x 1", "{host} 1 0 pid:[1]"])
def test_what_cannot_be_known_is_taken_for_alive(unknown: str) -> None:
    assert not has_died(unknown.replace("{host}", socket.gethostname()))


def test_a_system_that_tells_no_more_than_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abandoned_runs, "_began", lambda number: "")
    monkeypatch.setattr(abandoned_runs, "_numbering", lambda: "")
    assert not has_died(own_process())
