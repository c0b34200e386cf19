"""What a job says goes to a file of its own."""

import sys
from pathlib import Path

import pytest

from runner.records.sweep_records import JobRecord
from runner.sweep.job_log import keep_log, last_line, log_of, logged

BEGUN = JobRecord(3, "seed=1", "interrupted", began=0.0)


def test_what_is_printed_is_in_the_log_and_not_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logged(tmp_path, 3):
        print("training")
        print("no zeros", file=sys.stderr)
        assert not sys.stdout.isatty()
        assert last_line(log_of(tmp_path, BEGUN)) == "no zeros"
    print("after")

    assert capsys.readouterr() == ("after\n", "")
    assert log_of(tmp_path, BEGUN).read_text() == "training\nno zeros\n"


def test_the_log_moves_to_the_jobs_files_while_it_is_written(tmp_path: Path) -> None:
    own = tmp_path / "3"
    own.mkdir()
    record = JobRecord(3, "seed=1", "interrupted", folder=str(own))
    with logged(tmp_path, 3):
        print("planning")
        assert log_of(tmp_path, record) == tmp_path / "records" / "3.log"
        keep_log(tmp_path, record)
        print("training")
        keep_log(tmp_path, record)  # A second time does no harm.

    assert log_of(tmp_path, record) == own / "log.txt"
    assert (own / "log.txt").read_text() == "planning\ntraining\n"


def test_the_last_line_that_says_anything(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert last_line(log) == ""
    log.write_text("\n")
    assert last_line(log) == ""
    log.write_text("first\n" + "é" * 5000 + "\n  epoch 1  \n\n")
    assert last_line(log) == "epoch 1"
