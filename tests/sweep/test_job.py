"""A job that is started again by itself."""

from pathlib import Path
from typing import cast

import pytest

from runner.recipe.schema import Recipe
from runner.settings import RunSettings
from runner.sweep.job import recorded
from runner.sweep.records import JobRecord, Sweep, read_records, write_record, write_sweep

FINISHED = JobRecord(0, "seed=1", "finished", run_id="abc", folder="/sweep/0")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    write_sweep(tmp_path / "sweep", Sweep((), ("seed=1",), f"sqlite:///{tmp_path}/mlflow.db", "x", "0"))
    return tmp_path / "sweep"


def test_what_had_finished_is_left_alone(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(sweep, FINISHED)

    with recorded(sweep, 0) as job:
        assert read_records(sweep) == [FINISHED]
        job.run(cast(Recipe, None), RunSettings())

    assert capsys.readouterr().out == "had finished when it was started again\n"
    assert read_records(sweep) == [FINISHED]
