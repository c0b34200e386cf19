import os
from datetime import datetime
from pathlib import Path

import pytest

from runner.process.errors import UserError
from runner.records.run_directory import make_new_directory, make_run_directory

NOW = datetime(2026, 3, 9, 8, 5, 7, 123456)
NAME = "2026-03-09_08-05-07_mnist_2x4"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_named_by_time_and_recipe(tmp_path: Path) -> None:
    made = make_run_directory(tmp_path / "out", "mnist_2x4", NOW)

    assert made == tmp_path / "out" / "runs" / NAME
    assert names(made) == []


def test_a_recipe_in_a_folder_makes_no_folder_of_its_own(tmp_path: Path) -> None:
    assert make_run_directory(tmp_path, "mine/small", NOW).name == "2026-03-09_08-05-07_mine_small"


def test_a_directory_that_is_there_is_never_taken(tmp_path: Path) -> None:
    first = make_run_directory(tmp_path, "mnist_2x4", NOW)
    (first / "summary.json").write_text("{}")
    made = [make_run_directory(tmp_path, "mnist_2x4", NOW).name for _ in range(2)]

    assert made == [f"{NAME}_2", f"{NAME}_3"]
    assert (first / "summary.json").read_text() == "{}"
    # Not even an empty one: another run may be about to write to it.
    assert names(tmp_path / "runs") == [NAME, f"{NAME}_2", f"{NAME}_3"]


def test_a_jobs_own_directory_is_taken_if_it_is_empty(tmp_path: Path) -> None:
    wanted = tmp_path / "sweeps" / "day" / "0"
    wanted.mkdir(parents=True)

    assert make_run_directory(tmp_path, "r", NOW, wanted) == wanted
    (wanted / "plan.csv").touch()
    assert make_run_directory(tmp_path, "r", NOW, wanted) == wanted.with_name("0_2")
    assert not (tmp_path / "runs").exists()


def test_a_jobs_own_directory_is_made(tmp_path: Path) -> None:
    wanted = tmp_path / "sweeps" / "day" / "1"

    assert make_run_directory(tmp_path, "r", NOW, wanted) == wanted
    assert wanted.is_dir()


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    wanted = tmp_path / "job"
    wanted.write_text("mine")

    assert make_run_directory(tmp_path, "r", NOW, wanted) == tmp_path / "job_2"
    assert wanted.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(UserError) as caught:
        make_run_directory(tmp_path, "r", NOW)

    assert str(caught.value) == (
        f"outputs={tmp_path}: cannot write there ({os.strerror(20)}). Choose another: outputs=DIR"
    )


def test_two_never_share_a_new_directory(tmp_path: Path) -> None:
    wanted = tmp_path / "comparisons" / "day"

    made = [make_new_directory(wanted).name for _ in range(3)]

    assert made == ["day", "day_2", "day_3"]
    assert make_new_directory(wanted, may_be_empty=True) == wanted
