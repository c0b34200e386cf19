"""The table at the end of a sweep."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from runner.records.sweep_records import JobRecord
from runner.sweep.jobs_table import JobsTable, jobs_frame
from runner.tracking import LoggedRun

RECORDS = [
    JobRecord(0, "a seed=1", "finished", run_id="x", folder="/somewhere/0", began=0.0, seconds=12.5),
    JobRecord(1, "a seed=2", "reused", run_id="y", folder="/before/0"),
    JobRecord(2, "b seed=1", "failed", "the loss became nan at training step 7", run_id="z", began=0.0),
    JobRecord(3, "b seed=2", "skipped", "job 2 failed", began=0.0, seconds=0.1),
]
FACTORS = {"recipe": ("study/a", "study/a", "study/b", "study/b"), "seed": ("1", "2", "1", "2")}
RUNS = {
    "x": LoggedRun(
        "x",
        "FINISHED",
        {
            "test/accuracy": 0.98765,
            "test/loss": 0.0625,
            "sparsity/_pruned_layers": 0.875,
            "tflite_float32/gzip_bytes": 2000.0,
            "tflite_int8/gzip_bytes": 1000.0,
        },
    ),
    "y": LoggedRun("y", "FINISHED", {"test/loss": 0.5}),
    # What a failed run had logged before it failed is no result.
    "z": LoggedRun("z", "FAILED", {"test/loss": 9.0}),
}


def drawn(
    records: Sequence[JobRecord], factors: Mapping[str, Sequence[str]] = FACTORS, width: int = 80
) -> list[str]:
    """The lines of the table that say anything, blanks made one."""
    console = Console(width=width, file=io.StringIO())
    console.print(JobsTable(records, jobs_frame(records, RUNS, factors), factors))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return [" ".join(line.split()) for line in lines if line.strip(" ─")]


def test_a_row_for_every_job_and_a_column_for_every_factor() -> None:
    frame = jobs_frame(RECORDS, RUNS, FACTORS)

    assert frame.columns[:5].tolist() == ["job", "name", "recipe", "seed", "status"]
    assert frame["recipe"].tolist() == ["study/a", "study/a", "study/b", "study/b"]
    assert frame["seed"].tolist() == ["1", "2", "1", "2"]
    assert frame["status"].tolist() == ["finished", "finished", "failed", "skipped"]
    assert frame["reused"].tolist() == [False, True, False, False]
    assert frame["test/accuracy"].fillna(-1).tolist() == [0.98765, -1, -1, -1]
    assert frame["test/loss"].fillna(-1).tolist() == [0.0625, 0.5, -1, -1]
    assert frame["sparsity/_pruned_layers"].fillna(-1).tolist() == [0.875, -1, -1, -1]
    assert frame["tflite_float32/gzip_bytes"].fillna(-1).tolist() == [2000, -1, -1, -1]
    assert frame["tflite_int8/gzip_bytes"].fillna(-1).tolist() == [1000, -1, -1, -1]
    assert frame["seconds"].fillna(-1).tolist() == [12.5, -1, -1, 0.1]
    assert frame["reason"].tolist()[2:] == ["the loss became nan at training step 7", "job 2 failed"]


def test_a_job_that_missed_its_budget_shows_its_scores() -> None:
    missed = replace(RECORDS[2], reason="The budget was not kept")
    for check, loss in (("passed", 9.0), ("failed", None)):
        runs = {"z": replace(RUNS["z"], tags={"sparsity_check": check})}
        frame = jobs_frame([missed], runs)
        assert (frame["status"][0], frame["test/loss"][0]) == ("failed", loss)


def test_the_terminal_shows_a_job_in_a_line() -> None:
    assert drawn(RECORDS) == [
        "Sweep: 4 jobs",
        "job recipe seed result accuracy loss sparsity",
        "0 a 1 finished 0.9877 0.0625 87.50%",
        "1 a 2 finished - 0.5000 -",
        "2 b 1 failed - - -",
        "job 2: failed: the loss became nan at training step 7",
        "job 3: skipped: job 2 failed",
    ]


def test_a_reason_and_a_note_are_told_once_with_their_jobs() -> None:
    records = [
        *(replace(RECORDS[2], number=number, notes=("few groups",)) for number in (0, 1, 3)),
        replace(RECORDS[0], number=2, notes=("few groups", "its data has changed")),
        *(JobRecord(number, "", "interrupted", "it was not begun") for number in (4, 5, 6)),
    ]
    factors = {"seed": tuple("0123456")}
    assert drawn(records, factors)[6:] == [
        "3 jobs (0, 1, 3): failed: the loss became nan at training step 7",
        "3 jobs (4 to 6): not begun",
        "note of 4 jobs (0 to 3): few groups",
        "note of job 2: its data has changed",
    ]
    assert jobs_frame(records, RUNS, factors)["note"][3] == "few groups; its data has changed"


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (80, "accuracy loss sparsity"),
        (70, "accuracy sparsity"),
        (60, "accuracy"),
        (50, ""),
    ],
)
def test_what_there_is_no_room_for_is_left_out(width: int, columns: str) -> None:
    factors = {"layers.schedule.name": ("polynomial",), "schedule.sparsity": ("0.5",), "seed": ("1",)}
    lines = drawn(RECORDS[:1], factors, width)
    assert [line.replace("layers.", "") for line in lines if "seed" in line] == [
        f"job name sparsity seed result {columns}".strip()
    ]
    assert len(lines) == 5


def test_long_levels_are_cut_so_that_a_job_has_a_line() -> None:
    lines = drawn(RECORDS[:1], {"model.path": ("x" * 200,), "seed": ("1",)})
    assert lines[-1] == f"0 {'x' * 19}… 1 finished 0.9877 0.0625 87.50%"
    # More factors than there is room for.
    lines = drawn(RECORDS[:1], {f"a.f{number}": ("x" * 12,) for number in range(8)})
    assert lines[-1].startswith("0 xxx")
    assert lines[-1].endswith("… finished")


def test_without_factors_the_names_are_shown() -> None:
    assert drawn(RECORDS[:1], {})[1:] == [
        "job name result accuracy loss sparsity",
        "0 a seed=1 finished 0.9877 0.0625 87.50%",
    ]


def test_no_result_at_all() -> None:
    frame = jobs_frame([JobRecord(0, "seed=1", "interrupted", "interrupted")], {})
    assert isinstance(frame, pd.DataFrame)
    assert frame["status"].tolist() == ["interrupted"]
    assert drawn([JobRecord(0, "1", "interrupted", "it was not begun")], {"seed": ("1",)}) == [
        "Sweep: 1 job",
        "job 0: not begun",
    ]
