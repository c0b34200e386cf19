"""The table of the jobs of a sweep."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from runner.records.sweep_records import KILLED, JobRecord, Sweep
from runner.sweep.jobs_table import JobsTable
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


def table(
    records: Sequence[JobRecord],
    factors: Mapping[str, Sequence[str]] = FACTORS,
    runs: Mapping[str, LoggedRun] = RUNS,
) -> JobsTable:
    own = {name: tuple(levels) for name, levels in factors.items()}
    return JobsTable(Sweep((), ("",) * len(records), "", "", "", factors=own), records, runs)


def drawn(
    records: Sequence[JobRecord], factors: Mapping[str, Sequence[str]] = FACTORS, width: int = 80
) -> list[str]:
    return printed(table(records, factors), width)


def printed(table: JobsTable, width: int = 80) -> list[str]:
    """The lines of the table that say anything, blanks made one."""
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return [" ".join(line.split()) for line in lines if line.strip(" ─")]


def test_a_row_for_every_job_and_a_column_for_every_factor() -> None:
    frame = table(RECORDS).frame

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
        frame = table([missed], {}, runs).frame
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
        *(JobRecord(number, "", "not_begun") for number in (4, 5, 6)),
        JobRecord(7, "", "interrupted", began=0.0, seconds=1.0),
    ]
    factors = {"seed": tuple("01234567")}
    assert drawn(records, factors)[7:] == [
        "3 jobs (0, 1, 3): failed: the loss became nan at training step 7",
        "3 jobs (4 to 6): not begun",
        "note of 4 jobs (0 to 3): few groups",
        "note of job 2: its data has changed",
    ]
    assert table(records, factors).frame["note"][3] == "few groups; its data has changed"


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
    lost = [JobRecord(0, "seed=1", "killed", KILLED, began=0.0), JobRecord(1, "seed=2", "not_begun")]
    frame = table(lost, {"seed": ("1", "2")}, {}).frame
    assert frame["status"].tolist() == ["killed", "not_begun"]
    assert frame["reason"].fillna("").tolist() == [KILLED, ""]
    assert drawn(lost, {"seed": ("1", "2")}) == [
        "Sweep: 2 jobs",
        "job seed result",
        "0 1 killed",
        "job 0: killed: its process ended before it did",
        "job 1: not begun",
    ]
    assert drawn(lost[1:], {"seed": ("1", "2")}) == ["Sweep: 1 job", "job 1: not begun"]


def test_a_reason_that_is_shown_already_is_not_repeated() -> None:
    shown = replace(table(RECORDS), shown={str(RECORDS[2].reason)})
    assert printed(shown)[-1] == "job 3: skipped: job 2 failed"
    assert not any("nan" in line for line in printed(shown))


def test_a_regression_shows_its_error() -> None:
    metrics = {"test/mean_squared_error": 1.0969976, "test/loss": 1.1, "sparsity/_pruned_layers": 0.5}
    regression = table(RECORDS[:1], FACTORS, {"x": LoggedRun("x", "FINISHED", metrics)})

    assert regression.frame["test/mean_squared_error"].tolist() == [1.0969976]
    assert printed(regression)[1:] == [
        "mean squared",
        "job recipe seed result error loss sparsity",
        "0 study/a 1 finished 1.097 1.1000 50.00%",
    ]


def test_the_seed_is_never_cut() -> None:
    levels = {f"factor_{number}": ("x" * 15,) for number in range(6)} | {"seed": ("123456",)}
    assert " 123456 finished" in drawn(RECORDS[:1], levels)[-1]


SEARCH = JobsTable(
    Sweep((), (), "", "", "", objective=("val/accuracy", "-tflite_int8/bytes"), trials=3),
    [
        JobRecord(
            n, "", "finished", run_id=f"{n}", sampled={"layers.all.schedule.sparsity": f"0.{n}123456789"}
        )
        for n in (0, 1)
    ],
    {
        "0": LoggedRun(
            "0", "FINISHED", {"val/accuracy": 0.91234, "tflite_int8/bytes": 20000, "test/accuracy": 0.5}
        ),
        "1": LoggedRun("1", "FINISHED", {"val/accuracy": 0.81234, "tflite_int8/bytes": 10000}),
    },
)


def test_a_search_shows_its_objectives_and_the_sampled_values() -> None:
    assert printed(SEARCH, 60)[-4:] == [
        "schedule. val/ tflite_int8/",
        "job sparsity result accuracy bytes",
        "0 0.01235 finished 0.9123 20,000",
        "1 0.1123 finished 0.8123 10,000",
    ]
    assert SEARCH.frame["schedule.sparsity"].tolist() == ["0.0123456789", "0.1123456789"]
    assert SEARCH.frame["val/accuracy"].tolist() == [0.91234, 0.81234]
    assert SEARCH.frame["test/accuracy"].fillna(-1).tolist() == [0.5, -1]
    assert (
        SEARCH.description(str, None, most=8000).splitlines()[2]
        == "| job | run | val/accuracy | tflite_int8/bytes |"
    )


DESCRIBED = table(
    [
        JobRecord(0, "a|b seed=1", "finished", run_id="x"),
        JobRecord(1, "seed=2", "failed", "NaN", run_id="y"),
        JobRecord(2, "seed=3", "not_begun"),
    ],
    {},
    {"x": LoggedRun("x", "FINISHED", {"test/accuracy": 0.98765, "sparsity/_pruned_layers": 0.875})},
)


def test_the_description_links_the_comparison_and_every_run() -> None:
    note = DESCRIBED.description("#/runs/{}".format, "#/page", most=8000)

    assert note.splitlines() == [
        "3 jobs: 1 finished, 1 failed, 1 not begun. **[The comparison](#/page)**",
        "",
        "| job | run | test/accuracy | sparsity/_pruned_layers |",
        "| --- | --- | --- | --- |",
        "| 0 | [a\\|b seed=1](#/runs/x) | 0.9877 | 87.50% |",
        "| 1 | [seed=2](#/runs/y) failed |  |  |",
        "| 2 | seed=3 not begun |  |  |",
    ]


def test_the_description_has_no_link_where_there_is_no_comparison() -> None:
    note = replace(DESCRIBED, runs={}).description(str, None, most=8000)
    assert note.splitlines()[0] == "3 jobs: 1 finished, 1 failed, 1 not begun."


def test_the_description_fits() -> None:
    records = [JobRecord(n, f"seed={n}", "finished", run_id="f" * 32) for n in range(200)]
    note = table(records, {}).description("#/experiments/1/runs/{}".format, "#/page", most=8000)
    assert 7800 < len(note) <= 8000
    *_, row, blank, last = note.splitlines()
    shown = int(row.split()[1]) + 1
    assert (blank, last) == ("", f"and {200 - shown} more: see tables/jobs.csv among the artifacts")
