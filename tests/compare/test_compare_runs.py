import html
import io
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from runner.compare import compare_runs
from runner.compare.compare_runs import compare_asked, compare_finished_sweep
from runner.compare.gather import gather_sweep
from runner.compare.options import CompareOptions
from runner.compare.where import read_condition
from runner.process.errors import UserError
from runner.records.sweep_records import read_records, write_record
from tests.compare.logged_sweep import EXPERIMENT, LoggedSweep, log_failed

WRITTEN = {
    "comparison.csv",
    "comparison.html",
    "comparison.sha256",
    "comparison_differences.csv",
    "comparison_means.csv",
    "plots/accuracy.pdf",
    "plots/accuracy.png",
    "plots/along_training.pdf",
    "plots/along_training.png",
}


@pytest.fixture
def folder(logged: LoggedSweep, tmp_path: Path) -> Path:
    """A copy of the sweep's folder, to be written to."""
    copy = tmp_path / logged.folder.name
    shutil.copytree(logged.folder, copy)
    return copy


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100, color_system=None)


def of_sweep(folder: Path) -> CompareOptions:
    return CompareOptions((folder,), None, (), None, None, folder.parent, None)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def files(folder: Path) -> set[str]:
    records = {f"records/{number}.json" for number in range(6)} | {"sweep.json"}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - records


def artifacts(logged: LoggedSweep, folder: str) -> set[str]:
    return {
        item.path for item in logged.store.client.list_artifacts(logged.parent, folder) if not item.is_dir
    }


def test_a_sweep_is_compared_written_and_logged(logged: LoggedSweep, folder: Path, console: Console) -> None:
    comparison = compare_finished_sweep(folder, console)
    assert comparison is not None
    (finding,) = comparison.ranked
    assert finding.better == "mnist_polynomial"
    assert files(folder) == WRITTEN
    frame = pd.read_csv(folder / "comparison.csv")
    means = pd.read_csv(folder / "comparison_means.csv").set_index("recipe")
    assert means.loc["mnist_constant", "test/accuracy"] == pytest.approx(0.981)
    assert means.loc["mnist_polynomial", "test/drop"] == pytest.approx(0.99 - 2.953 / 3)
    assert means.loc["mnist_polynomial", "tflite_float32/gzip_bytes"] == 2502
    assert means.loc["mnist_polynomial", "training/total_steps"] == 60
    assert list(frame["run_id"]) == list(logged.runs)
    assert list(pd.read_csv(folder / "comparison_differences.csv")["better"]) == ["mnist_polynomial"]
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "mnist was not at hand, digits stands in: a demonstration, not evidence" in page
    for path in (folder / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")
    told = printed(console)
    assert "mnist_polynomial is better than mnist_constant: test accuracy" in told
    assert "files:" not in told
    tables = {f"comparison/{name}" for name in WRITTEN - {"comparison.sha256"} if "/" not in name}
    assert artifacts(logged, "comparison") == tables
    assert len(artifacts(logged, "comparison/plots")) == 4


def test_what_is_logged_can_be_chosen(logged: LoggedSweep, folder: Path, console: Console) -> None:
    for path in (logged.outputs / "mlartifacts").glob("*/artifacts/comparison"):
        shutil.rmtree(path)
    compare_finished_sweep(folder, console, artifacts=("plots",))
    assert artifacts(logged, "comparison") == set()
    plots = {f"comparison/{name}" for name in WRITTEN if name.startswith("plots/")}
    assert artifacts(logged, "comparison/plots") == plots
    assert len(plots) == 4


def test_comparing_again_replaces_our_files_and_keeps_what_was_edited(folder: Path, console: Console) -> None:
    compare_asked(of_sweep(folder), console)
    (folder / "comparison.html").write_text("my notes")
    compare_asked(of_sweep(folder), console)
    assert f"\nfiles:  {folder}\n" in printed(console)
    assert files(folder) == WRITTEN | {"comparison_kept_1.html"}
    assert (folder / "comparison_kept_1.html").read_text() == "my notes"


def test_one_seed_is_no_error_and_has_its_table(folder: Path, console: Console) -> None:
    for record in read_records(folder):
        if record.number not in (0, 3):
            write_record(folder, replace(record, status="failed", reason="NaN", run_id=None))
    comparison = compare_finished_sweep(folder, console)
    assert comparison is not None
    assert comparison.ranked == ()
    assert "Nothing is ranked: one seed tells nothing of noise" in printed(console)
    assert len(pd.read_csv(folder / "comparison.csv")) == 2


def test_a_part_of_a_sweep_is_compared_in_a_folder_of_its_own(folder: Path, console: Console) -> None:
    conditions = (read_condition("recipe == mnist_c*"),)
    comparison = compare_asked(replace(of_sweep(folder), where=conditions), console)
    assert comparison.ranked == ()
    assert "Nothing is ranked: there is only one recipe, mnist_constant." in printed(console)
    assert files(folder) == set()
    (made,) = (folder.parent / "comparisons").iterdir()
    assert len(pd.read_csv(made / "comparison_differences.csv")) == 0
    assert len(pd.read_csv(made / "comparison.csv")) == 3


def test_two_sweeps_are_compared_as_one_and_each_run_once(folder: Path, console: Console) -> None:
    again = folder.with_name("again")
    shutil.copytree(folder, again)
    comparison = compare_asked(replace(of_sweep(folder), sweeps=(folder, again)), console)
    assert [group.seeds for group in comparison.groups] == [(1, 2, 3), (1, 2, 3)]
    assert comparison.ranked[0].better == "mnist_polynomial"


def test_another_metric_ranks_and_one_factor_is_compared(folder: Path, console: Console) -> None:
    asked = replace(of_sweep(folder), metric="tflite_float32/gzip_bytes", by="recipe")
    comparison = compare_asked(asked, console)
    # Both have files of the same sizes.
    assert [score.metric for score in comparison.scores] == ["tflite_float32/gzip_bytes"]
    assert comparison.ranked[0].better is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": "test/acuracy"}, "--metric test/acuracy: no run has it. Did you mean 'test/accuracy'?"),
        ({"by": "schedule.name"}, "--by schedule.name: no run has such a key"),
        ({"by": "seed"}, "--by seed: seed only repeats an experiment. Factors are recipe"),
        ({"by": "data"}, "--by data: data is digits in all runs. Factors are recipe"),
        (
            {"where": (read_condition("recipe == x"),)},
            "--where 'recipe == x': no run with a result fulfils it; recipe is mnist_constant, mnist_p",
        ),
    ],
)
def test_what_no_run_has_is_told(folder: Path, console: Console, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        compare_asked(replace(of_sweep(folder), **changes), console)
    assert str(caught.value).startswith(told)
    assert not (folder.parent / "comparisons").exists()


def test_a_narrowed_comparison_says_so(folder: Path, console: Console) -> None:
    conditions = (read_condition("seed <= 2"), read_condition("recipe == mnist_*"))
    write_record(folder, replace(read_records(folder)[5], status="failed", reason="NaN", run_id=None))
    asked = replace(of_sweep(folder), where=conditions, by="recipe", metric="val/accuracy")
    compare_asked(asked, console)
    (made,) = (folder.parent / "comparisons").iterdir()
    page = html.unescape((made / "comparison.html").read_text(encoding="utf-8"))
    for note in (
        "only runs with seed <= 2 and recipe == mnist_*: 4 of 5",
        "only the levels of recipe are compared (--by)",
        "ranked by val/accuracy (--metric)",
        "of all runs, --where aside: job 5",
        "--where 'seed <= 2' --where 'recipe == mnist_*' --by recipe --metric val/accuracy",
    ):
        assert note in page
    assert "note: ranked by val/accuracy (--metric)" in printed(console)


def test_runs_without_the_key_of_a_condition_are_counted(folder: Path, console: Console) -> None:
    gathered = gather_sweep(folder)
    results = [replace(one, asked={"schedule.power": str(n)}) for n, one in enumerate(gathered.results[:4])]
    narrowed = compare_runs._narrowed(
        replace(gathered, results=(*results, *gathered.results[4:])), [read_condition("power != 2")]
    )
    assert len(narrowed.results) == 3
    assert narrowed.notes[:2] == (
        "only runs with schedule.power != 2: 3 of 6",
        "left out: 2 runs without schedule.power",
    )


def test_comparisons_of_one_second_have_folders_of_their_own(
    folder: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noon(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Noon":
            return cls(2025, 1, 31, 12)

    monkeypatch.setattr(compare_runs, "datetime", Noon)
    asked = replace(of_sweep(folder), experiment="e/" + "ü" * 300)
    made = [compare_runs._new_folder(asked) for _ in range(2)]
    assert all(path.is_dir() for path in made)
    assert made[1].name == f"{made[0].name}_2"
    (folder.parent / "file").touch()
    with pytest.raises(
        UserError, match=r"--outputs .*file: cannot write there .* Choose another: --outputs DIR"
    ):
        compare_runs._new_folder(replace(asked, outputs=folder.parent / "file"))


def test_a_missed_budget_counts_and_a_lost_seed_leaves_the_winner_open(
    logged: LoggedSweep, folder: Path, console: Console
) -> None:
    missed = log_failed(logged.store, "mnist_polynomial", 2, "The budget was not kept", accuracy=0.985)
    lost = log_failed(logged.store, "mnist_polynomial", 3, "the loss became nan at step 4")
    records = read_records(folder)
    for number, run_id in ((4, missed), (5, lost)):
        write_record(folder, replace(records[number], status="failed", reason="it failed", run_id=run_id))
    try:
        comparison = compare_finished_sweep(folder, console)
    finally:
        for run_id in (missed, lost):
            logged.store.client.delete_run(run_id)
    assert comparison is not None
    (finding,) = comparison.ranked
    assert finding.contrast.seeds == (1, 2)
    assert [lost.seeds for lost in finding.lost_by("mnist_polynomial")] == [(3,)]
    told = " ".join(printed(console).split())
    assert "note: job 5 (recipe=mnist_polynomial seed=3) failed: it failed" in told
    assert "note: 1 run missed the budget and counts like any (mnist_polynomial seed=2)" in told
    assert "note: mnist_polynomial has no result at seed 3 (the loss became nan at step 4); its means" in told
    assert "job 4 " not in told


def test_a_sweep_without_results_says_so(folder: Path, console: Console) -> None:
    for record in read_records(folder):
        write_record(folder, replace(record, status="failed", reason="NaN", run_id=None))
    assert compare_finished_sweep(folder, console) is None
    # The table of the sweep has told the reasons.
    assert printed(console) == f"{folder}: no job of the sweep has a result to compare.\n"
    assert files(folder) == set()


def test_an_experiment_gets_a_folder_of_its_own_each_time(
    logged: LoggedSweep, tmp_path: Path, console: Console
) -> None:
    for _ in range(2):
        compare_asked(CompareOptions((), EXPERIMENT, (), None, None, tmp_path, logged.store.uri), console)
    made = sorted((tmp_path / "comparisons").iterdir())
    assert len(made) == 2
    for folder in made:
        assert folder.name.startswith("20")
        assert "_schedules" in folder.name
        assert files(folder) == WRITTEN
    assert "experiment schedules" in (made[0] / "comparison.html").read_text(encoding="utf-8")


def test_groups_of_which_all_runs_failed_are_named(
    logged: LoggedSweep, tmp_path: Path, console: Console
) -> None:
    # As after an edit of the runner's code: the same words, and another fingerprint.
    newer = log_failed(
        logged.store,
        "mnist_constant",
        1,
        "the loss became nan",
        group_fingerprint="newer",
        fingerprint="newer 1",
    )
    try:
        compare_asked(CompareOptions((), EXPERIMENT, (), None, None, tmp_path, logged.store.uri), console)
    finally:
        logged.store.client.delete_run(newer)
    told = " ".join(printed(console).split())
    assert "none of its 1 run has a result (the loss became nan)" in told


def test_a_plot_that_fails_costs_no_table(
    folder: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise ValueError("no such font")

    monkeypatch.setattr("runner.compare.charts.training.plot_along_training", broken)
    compare_finished_sweep(folder, console)
    assert files(folder) == {name for name in WRITTEN if "along_training" not in name}
    told = "along_training.png could not be drawn (ValueError: no such font)."
    assert f"note: {told}\n" in printed(console)
    assert told in (folder / "comparison.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("-", "-"),
        ("-1e-3", "-1e-3"),
        ("a=b", "a=b"),
        (-0.5, -0.5),
        (None, None),
    ],
)
def test_no_cell_is_a_formula(cell: object, written: object) -> None:
    assert compare_runs._no_formula(cell) == written


def test_levels_in_csv_files_are_no_formulas(folder: Path, console: Console) -> None:
    gathered = gather_sweep(folder)
    results = [
        replace(one, recipe="m", asked={"model.x": f"={one.recipe}"}, group_fingerprint=one.recipe)
        for one in gathered.results
    ]
    comparison = compare_runs._compare(replace(gathered, results=tuple(results)))
    compare_runs._publish(comparison, replace(gathered, parent_run_id=None), folder, console, (), "")
    lines = (folder / "comparison_means.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["model.x", "'=mnist_constant", "'=mnist_polynomial"]
    assert pd.read_csv(folder / "comparison_differences.csv")["seeds"].tolist() == [3]
