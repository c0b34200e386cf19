"""Whole sweeps, as the command runs them: real runs in a real store, killed and continued."""

import re
import shlex
import signal
from pathlib import Path

import pandas as pd
import pytest

from runner.records.sweep_records import read_records, read_sweep
from tests.sweep.sweeping import COMPARED, TINY, Sweeps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(tmp_path_factory.mktemp("sweeps"))


def test_an_undisturbed_sweep(undisturbed: tuple[Sweeps, str]) -> None:
    sweeps, out = undisturbed

    [folder] = sweeps.folders
    names = [f"{recipe} seed={seed}" for recipe in ("mnist_constant", "mnist_polynomial") for seed in (1, 2)]
    assert read_sweep(folder).jobs == tuple(names)
    assert [(record.name, record.status) for record in read_records(folder)] == [
        (n, "finished") for n in names
    ]
    table = sweeps.table(folder)
    assert table["job"].tolist() == [0, 1, 2, 3]
    assert table["name"].tolist() == names
    assert table["recipe"].tolist() == ["mnist_constant"] * 2 + ["mnist_polynomial"] * 2
    assert table["seed"].tolist() == [1, 2, 1, 2]
    assert (table["seconds"] > 0).all()
    assert table["status"].tolist() == ["finished"] * 4
    assert not table["reused"].any()
    # 18 and 72 weights keep 2 and 9, 800 keep 100, 80 keep 10: of 970 weights 849 are zero.
    assert table["sparsity/_pruned_layers"].round(6).unique().tolist() == [round(849 / 970, 6)]
    for number, path in enumerate(table["folder"]):
        assert Path(path) == folder / str(number)
        assert (Path(path) / "model_float32.tflite").is_file()
        assert "\ntraining: epoch 1/1, step 5/5, " in (Path(path) / "log.txt").read_text()
    # A line for each job, and nothing of what it says of itself.
    first = out.partition("Sweep: 4 jobs")[0].splitlines()
    assert first[0] == "sweep of 4 jobs: recipe (mnist_constant, mnist_polynomial), seed (1, 2)"
    assert [line.partition(": ")[0] for line in first[3:]] == [
        f"job {n} {own}" for n, own in enumerate(names)
    ]
    assert [line.split(", ")[1] for line in first[3:]] == ["sparsity 87.53%"] * 4
    assert "Sweep: 4 jobs" in out
    assert "to continue" not in out


def test_the_parent_has_the_jobs_under_it(undisturbed: tuple[Sweeps, str]) -> None:
    sweeps, _ = undisturbed

    [parent] = sweeps.runs("sweep")
    assert parent.info.status == "FINISHED"
    assert parent.info.run_id == read_sweep(sweeps.folders[0]).parent_run_id
    assert parent.data.metrics == {"jobs/finished": 4.0}
    assert [artifact.path for artifact in sweeps.client.list_artifacts(parent.info.run_id, "tables")] == [
        "tables/jobs.csv"
    ]
    children = sweeps.runs("run")
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.info.run_name for child in children} == set(sweeps.table(sweeps.folders[0])["name"])
    assert parent.info.run_name == "sweep of recipe, seed"
    note = parent.data.tags["mlflow.note.content"]
    assert f"(#/experiments/1/runs/{parent.info.run_id}/artifacts/comparison/comparison.html)" in note
    assert all(f"(#/experiments/1/runs/{child.info.run_id})" in note for child in children)
    inputs = [run.inputs.dataset_inputs if run.inputs else [] for run in children]
    digest = children[0].data.tags["data_sha256"][:8]
    assert [(data.dataset.name, data.dataset.digest[:8]) for [data] in inputs] == [("digits", digest)] * 4
    assert {child.info.status for child in children} == {"FINISHED"}
    assert len({child.data.tags["fingerprint"] for child in children}) == 4
    changed = " ".join(sorted(each.removeprefix("recipe.") for each in TINY[1:]))
    assert {child.data.tags["variation"] for child in children} == {
        f"mnist_constant {changed}",
        f"mnist_polynomial {changed}",
    }


def test_a_killed_sweep_is_continued_and_ends_as_if_undisturbed(
    sweeps: Sweeps, undisturbed: tuple[Sweeps, str]
) -> None:
    status, _, _ = sweeps.stop_in(2, signal.SIGKILL, *TINY, "seed=1,2", "threads=1")
    assert status == -signal.SIGKILL
    [killed] = sweeps.folders
    assert [record.status for record in read_records(killed)] == ["finished", "finished", "running"]
    assert sorted(run.info.status for run in sweeps.runs("run")) == ["FINISHED", "FINISHED", "RUNNING"]
    before = {path: path.stat().st_mtime_ns for path in killed.rglob("*") if path.is_file()}

    status, out, err = sweeps(*TINY, "seed=1,2", "threads=1", "resume=true")

    assert (status, err) == (0, "")
    assert "2 of 4 jobs had finished before" in out
    [_, continued] = sweeps.folders
    table, expected = sweeps.table(continued), undisturbed[0].table(undisturbed[0].folders[0])
    pd.testing.assert_frame_equal(table[COMPARED], expected[COMPARED])
    assert table["reused"].tolist() == [True, True, False, False]
    assert [Path(path) for path in table["folder"]] == [
        killed / "0",
        killed / "1",
        continued / "2",
        continued / "3",
    ]
    # No process was given a job that had finished.
    assert read_sweep(continued).started == (2, 3)
    assert sorted(path.name for path in continued.iterdir() if path.name.isdigit()) == ["2", "3"]
    assert re.findall(r"^job (\d)", out, re.MULTILINE) == ["2", "3"]
    # Nothing was run twice, nothing overwritten, and what had died is no longer said to run.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    statuses = sorted(run.info.status for run in sweeps.runs("run"))
    assert statuses == ["FINISHED"] * 4 + ["KILLED"]
    assert sorted(run.info.status for run in sweeps.runs("sweep")) == ["FINISHED", "KILLED"]


def test_ctrl_c_says_what_continues_and_that_continues(sweeps: Sweeps) -> None:
    before = set(sweeps.folders)
    parents = {run.info.run_id for run in sweeps.runs("sweep")}
    status, out, err = sweeps.stop_in(1, signal.SIGINT, *TINY, "seed=5,6")

    assert (status, err) == (130, "\nInterrupted.\n")
    [folder] = set(sweeps.folders) - before
    assert sweeps.table(folder)["status"].tolist() == [
        "finished",
        "interrupted",
        "not_begun",
        "not_begun",
    ]
    assert sweeps.table(folder)["reason"].isna().all()
    assert "2 jobs (2, 3): not begun" in out
    assert out.count("begun") == 1
    [parent] = [run for run in sweeps.runs("sweep") if run.info.run_id not in parents]
    assert parent.info.status == "KILLED"
    told = re.search(r"^to continue: (.*)$", out, re.MULTILINE)
    assert told is not None
    words = shlex.split(told[1])
    assert words[:4] == ["python", "-m", "runner", "--multirun"]
    assert words[-1] == "resume=true"
    # A job directory that somebody deleted takes nothing away.
    deleted = folder / "0"
    for path in sorted(deleted.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    deleted.rmdir()

    status, out, err = sweeps(*words[4:], "on_failure=stop")

    assert (status, err) == (0, "")
    assert "the files of job 0 (mnist_constant seed=5) are gone" in " ".join(out.split())
    assert "1 of 4 jobs had finished before" in out


def test_failures_are_in_the_table_with_their_reason(sweeps: Sweeps) -> None:
    before = set(sweeps.folders)
    rates = "recipe.training.optimizer.learning_rate=1e30,0.001"
    fixed = ["recipe=mnist_constant", *TINY[1:], rates]

    status, out, err = sweeps(*fixed, "seed=7")

    assert status == 1
    assert err.splitlines()[-1] == "1 of 2 jobs failed: job 0"
    [folder] = set(sweeps.folders) - before
    table = sweeps.table(folder)
    assert table["status"].tolist() == ["failed", "finished"]
    assert "NaN or infinite weights at training step" in table["reason"][0]
    during, _, after = out.partition("Sweep: 2 jobs")
    assert "job 0 learning_rate=1e+30: failed after " in during
    assert "NaN or infinite weights at training step" in during
    # The table does not say it again; the comparison does.
    assert "job 0: failed: " not in after
    assert "NaN or infinite weights" in (folder / "0" / "log.txt").read_text()

    # A failed job is run again, a finished one is not, even behind a failed one.
    status, out, _ = sweeps(*fixed, "seed=7,8", "on_failure=stop", "resume=true")

    assert status == 1
    [again] = set(sweeps.folders) - before - {folder}
    table = sweeps.table(again)
    assert table["status"].tolist() == ["failed", "skipped", "finished", "skipped"]
    assert table["reason"].tolist()[1] == "job 0 failed"
    assert table["reused"].tolist() == [False, False, True, False]
