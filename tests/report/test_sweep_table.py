"""The table at the end of a sweep."""

import io
from dataclasses import replace

import pandas as pd
from rich.console import Console

from runner.report.sweep_table import jobs_frame, jobs_table
from runner.sweep.records import JobRecord
from runner.tracking import LoggedRun

RECORDS = [
    JobRecord(0, "recipe=a seed=1", "finished", run_id="x", folder="/somewhere/0"),
    JobRecord(1, "recipe=a seed=2", "reused", run_id="y", folder="/before/0"),
    JobRecord(2, "recipe=b seed=1", "failed", "the loss became nan at training step 7", run_id="z"),
    JobRecord(3, "recipe=b seed=2", "skipped", "job 2 failed"),
]
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


def test_a_row_for_every_job() -> None:
    frame = jobs_frame(RECORDS, RUNS)

    assert frame["status"].tolist() == ["finished", "finished", "failed", "skipped"]
    assert frame["reused"].tolist() == [False, True, False, False]
    assert frame["accuracy"].fillna(-1).tolist() == [0.98765, -1, -1, -1]
    assert frame["loss"].fillna(-1).tolist() == [0.0625, 0.5, -1, -1]
    assert frame["gzip_bytes"].fillna(-1).tolist() == [1000, -1, -1, -1]
    assert frame["reason"].tolist()[2:] == ["the loss became nan at training step 7", "job 2 failed"]


def test_a_job_that_missed_its_budget_shows_its_scores() -> None:
    missed = replace(RECORDS[2], reason="The budget was not kept")
    for check, loss in (("passed", 9.0), ("failed", None)):
        runs = {"z": replace(RUNS["z"], tags={"sparsity_check": check})}
        frame = jobs_frame([missed], runs)
        assert (frame["status"][0], frame["loss"][0]) == ("failed", loss)


def test_the_terminal_shows_reasons_within_80_columns() -> None:
    console = Console(width=80, file=io.StringIO())
    console.print(jobs_table(jobs_frame(RECORDS, RUNS)))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]

    assert lines[0] == "Sweep: 4 jobs"
    rows = [" ".join(line.split()) for line in lines[4:]]
    assert rows[0] == "0 recipe=a seed=1 finished 0.9877 0.0625 87.50%"
    assert rows[1] == "1 recipe=a seed=2 finished - 0.5000 -"
    assert rows[2] == "2 recipe=b seed=1 failed - - -"
    assert rows[3].startswith("the loss became nan")
    assert max(map(len, lines)) <= 80


def test_a_note_stands_under_its_job() -> None:
    records = [replace(RECORDS[0], note="its data has changed"), RECORDS[1]]
    console = Console(width=80, file=io.StringIO())
    console.print(jobs_table(jobs_frame(records, RUNS)))
    assert isinstance(console.file, io.StringIO)
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    assert lines[5] == "its data has changed"
    assert lines[6].startswith("1   recipe=a seed=2")


def test_long_names_are_broken_where_they_can_be_read() -> None:
    key = "recipe.layers.structural.schedule"
    name = f"recipe=study_schedules/small_dense_model {key}.sparsity=0.5 {key}.name=constant seed=1"
    reason = "the weights are NaN; the usual remedy is a smaller recipe.training.optimizer.learning_rate"
    console = Console(width=80, file=io.StringIO())
    console.print(jobs_table(jobs_frame([JobRecord(0, name, "failed", reason)], {})))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert [line.partition("  failed")[0].strip() for line in lines[4:10]] == [
        "0   recipe=study_schedules/",
        "small_dense_model",
        "recipe.layers.structural.schedule.",
        "sparsity=0.5",
        "recipe.layers.structural.schedule.",
        "name=constant seed=1",
    ]
    assert [line.strip() for line in lines[10:]] == [
        "the weights are NaN; the usual remedy is a smaller",
        "recipe.training.optimizer.learning_rate",
        "",
    ]


def test_no_result_at_all() -> None:
    frame = jobs_frame([JobRecord(0, "seed=1", "interrupted", "interrupted")], {})
    assert isinstance(frame, pd.DataFrame)
    assert frame["status"].tolist() == ["interrupted"]
