"""What a sweep's folder says of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.records.sweep_records import (
    JobRecord,
    Sweep,
    is_sweep,
    read_all_records,
    read_record,
    read_records,
    read_sweep,
    write_record,
    write_sweep,
)

SWEEP = Sweep(
    argv=("runner", "--multirun", "seed=1,2"),
    jobs=("seed=1", "seed=2"),
    tracking_uri="sqlite:////somewhere/mlflow.db",
    experiment="tflite-pruning",
    parent_run_id="abc",
    data={"digits": "0123"},
)


def test_a_sweep_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert not is_sweep(tmp_path / "sweep")
    write_sweep(tmp_path / "sweep", SWEEP)
    assert is_sweep(tmp_path / "sweep")
    assert read_sweep(tmp_path / "sweep") == SWEEP
    resumed = replace(SWEEP, factors={"seed": ("1", "2")}, started=(1,))
    write_sweep(tmp_path / "resumed", resumed)
    assert read_sweep(tmp_path / "resumed") == resumed


def test_records_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    records = [JobRecord(number, f"seed={number}", "finished", run_id=str(number)) for number in (10, 2, 0)]
    for record in records:
        write_record(tmp_path, record)
    assert [record.number for record in read_records(tmp_path)] == [0, 2, 10]
    assert read_records(tmp_path)[2] == records[0]


def test_a_later_record_of_a_job_replaces_the_earlier(tmp_path: Path) -> None:
    write_record(tmp_path, JobRecord(0, "seed=1", "interrupted", "Ctrl-C"))
    write_record(tmp_path, JobRecord(0, "seed=1", "failed", "NaN"))
    assert [(record.status, record.reason) for record in read_records(tmp_path)] == [("failed", "NaN")]
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == ["0.json"]


def test_every_job_of_a_sweep_has_a_state(tmp_path: Path) -> None:
    write_record(tmp_path, JobRecord(1, "seed=2", "running", began=5.0))

    records = read_all_records(tmp_path, SWEEP)

    assert [(record.number, record.name, record.state) for record in records] == [
        (0, "seed=1", "not begun"),
        (1, "seed=2", "running"),
    ]
    # The jobs of a search are known by their records alone.
    search = replace(SWEEP, jobs=(), objective=("val/accuracy",), trials=20)
    assert [record.number for record in read_all_records(tmp_path, search)] == [1]
    assert (SWEEP.count, search.count) == (2, 20)
    assert replace(search, objective=("val/auc", "-val/loss")).metrics == ["val/auc", "val/loss"]


@pytest.mark.parametrize("name", ["notes.json", "1 (copy).json", "-1.json", "².json"])
def test_files_of_others_beside_the_records_are_ignored(tmp_path: Path, name: str) -> None:
    write_record(tmp_path, JobRecord(0, "seed=1", "finished"))
    (tmp_path / "records" / name).write_text("{}")
    assert [record.number for record in read_records(tmp_path)] == [0]


def test_some_records_are_left_out(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        write_record(tmp_path, JobRecord(number, "", "finished", notes=("few groups",)))
    assert [record.number for record in read_records(tmp_path, but={1})] == [0, 2]
    assert read_record(tmp_path, 2) == JobRecord(2, "", "finished", notes=("few groups",))
    assert read_record(tmp_path, 3) is None


def test_jobs_by_the_order_in_which_they_are_started() -> None:
    assert [SWEEP.number_of(place) for place in (0, 1)] == [0, 1]
    assert [replace(SWEEP, started=(1, 4)).number_of(place) for place in (0, 1)] == [1, 4]
    assert (SWEEP.name_of(1), SWEEP.name_of(7)) == ("seed=2", "job 7")


def test_no_records_yet(tmp_path: Path) -> None:
    assert read_records(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "succeeded"),
    [
        ("finished", True),
        ("reused", True),
        ("failed", False),
        ("interrupted", False),
        ("killed", False),
        ("running", False),
        ("skipped", False),
        ("not_begun", False),
    ],
)
def test_success(status: str, succeeded: bool) -> None:
    assert JobRecord(0, "seed=1", status).succeeded is succeeded  # type: ignore[arg-type]


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match="status is 'done'; it must be one of running, finished"):
        JobRecord(0, "seed=1", "done")  # type: ignore[arg-type]


def test_a_folder_that_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a sweep's folder \(it has no sweep.json\)"):
        read_sweep(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "sweep.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"sweep\.json: cannot be read as the runner wrote it"):
        read_sweep(tmp_path)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("sweep.json", {"factors": [1]}),
        ("sweep.json", {"factors": None}),
        ("sweep.json", {"tracking_uri": 5}),
        ("sweep.json", {"experiment": None}),
        ("records/0.json", {"reason": {}}),
        ("records/0.json", {"run_id": ["x"]}),
        ("records/0.json", {"folder": 5}),
        ("records/0.json", {"number": 5}),
        ("records/0.json", "[" * 100_000),
    ],
)
def test_a_file_with_fields_of_other_types_is_no_sweeps(tmp_path: Path, name: str, changed: Any) -> None:
    write_sweep(tmp_path, Sweep(("runner",), ("a",), "sqlite:///x.db", "e", "p"))
    write_record(tmp_path, JobRecord(0, "a", "failed", reason="why"))
    path = tmp_path / name
    content = json.loads(path.read_text())
    path.write_text(changed if isinstance(changed, str) else json.dumps({**content, **changed}))
    with pytest.raises(UserError, match=r"cannot be read as the runner wrote it|is the record of job 5"):
        _ = read_sweep(tmp_path), read_records(tmp_path)
