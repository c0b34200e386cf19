"""The description of a sweep in MLflow."""

from runner.records.sweep_records import JobRecord
from runner.sweep.jobs_table import jobs_frame
from runner.sweep.parent_note import sweep_note
from runner.tracking import LoggedRun

RECORDS = [
    JobRecord(0, "a|b seed=1", "finished", run_id="x"),
    JobRecord(1, "seed=2", "failed", "NaN", run_id="y"),
    JobRecord(2, "seed=3", "interrupted", "it was not begun"),
]
RUNS = {"x": LoggedRun("x", "FINISHED", {"test/accuracy": 0.98765, "sparsity/_pruned_layers": 0.875})}


def test_it_links_the_comparison_and_every_run() -> None:
    note = sweep_note(jobs_frame(RECORDS, RUNS), "#/runs/{}".format, "#/page", most=8000)

    assert note.splitlines() == [
        "3 jobs: 1 finished, 1 failed, 1 interrupted. **[The comparison](#/page)**",
        "",
        "| job | run | test/accuracy | sparsity/_pruned_layers |",
        "| --- | --- | --- | --- |",
        "| 0 | [a\\|b seed=1](#/runs/x) | 0.9877 | 87.50% |",
        "| 1 | [seed=2](#/runs/y) failed |  |  |",
        "| 2 | seed=3 interrupted |  |  |",
    ]


def test_it_has_no_link_where_there_is_no_comparison() -> None:
    note = sweep_note(jobs_frame(RECORDS, {}), str, None, most=8000)
    assert note.splitlines()[0] == "3 jobs: 1 finished, 1 failed, 1 interrupted."


def test_it_fits() -> None:
    records = [JobRecord(n, f"seed={n}", "finished", run_id="f" * 32) for n in range(200)]
    note = sweep_note(jobs_frame(records, {}), "#/experiments/1/runs/{}".format, "#/page", most=8000)
    assert 7800 < len(note) <= 8000
    *_, row, blank, last = note.splitlines()
    shown = int(row.split()[1]) + 1
    assert (blank, last) == ("", f"and {200 - shown} more: see tables/jobs.csv among the artifacts")
