"""`python -m runner --multirun hydra/sweeper=optuna`, run to its end."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from runner.recipe.recipe import Recipe
from runner.records.sweep_records import read_records
from runner.search.search import metric_names
from tests.sweep.sweeping import TINY, Sweeps

pytestmark = pytest.mark.slow

OPTUNA = ["hydra/sweeper=optuna", "recipe=mnist_constant", *TINY[1:], "threads=1"]
SPARSITY = "recipe.layers.all.schedule.sparsity"
RATE = "recipe.training.optimizer.learning_rate"


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweeps, int, str, str]:
    """Four trials, of which those with an endless learning rate fail."""
    own = Sweeps(tmp_path_factory.mktemp("search"))
    space = [f"{SPARSITY}=interval(0.5,0.95)", f"{RATE}=0.001,1e30"]
    return (own, *own(*OPTUNA, *space, "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2"))


def test_failed_jobs_are_failed_trials_and_the_search_goes_on(search: tuple[Sweeps, int, str, str]) -> None:
    own, status, out, err = search
    [folder] = own.folders

    records = read_records(folder)
    failed = [record for record in records if record.status == "failed"]
    assert status == 1
    assert len(records) == 4
    assert 0 < len(failed) < 4
    assert {record.sampled["training.optimizer.learning_rate"] for record in failed} == {"1e+30"}
    assert all(0.5 <= float(record.sampled["layers.all.schedule.sparsity"]) <= 0.95 for record in records)
    assert err.splitlines()[-1].startswith(f"{len(failed)} of 4 jobs failed: ")
    assert "Traceback" not in err
    first = "search of schedule.sparsity, optimizer.learning_rate for the highest val/accuracy: 4 trials"
    assert out.splitlines()[0] == first


def test_the_best_trial_is_optunas(search: tuple[Sweeps, int, str, str]) -> None:
    own, _, out, _ = search
    [folder] = own.folders

    results = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    trials = pd.read_csv(folder / "trials.csv")
    [best] = trials[trials["best"]].to_dict("records")
    assert best["val/accuracy"] == results["best_value"] == trials["val/accuracy"].max()
    assert best["schedule.sparsity"] == results["best_params"][SPARSITY]
    assert f"trial {best['trial']}, the best of 4 trials" in " ".join(out.split())
    assert f"trial {best['trial']}, the best of" in (folder / "search.html").read_text()
    assert (folder / "plots" / "history.png").is_file()


def test_the_search_and_its_trials_are_in_mlflow(search: tuple[Sweeps, int, str, str]) -> None:
    own, *_ = search
    [folder] = own.folders
    [parent] = own.runs("sweep")
    trials = pd.read_csv(folder / "trials.csv")

    assert parent.info.run_name == "search of schedule.sparsity, optimizer.learning_rate"
    assert parent.data.params["objective"] == "val/accuracy"
    assert parent.data.metrics["best/val/accuracy"] == trials["val/accuracy"].max()
    assert parent.data.params["best.learning_rate"] == "0.001"
    logged = {file.path for file in own.client.list_artifacts(parent.info.run_id, "search")}
    assert {"search/search.html", "search/trials.csv", "search/optimization_results.yaml"} <= logged
    names = {run.info.run_name for run in own.runs("run")}
    assert names == {record.name for record in read_records(folder)}
    assert all(len(name) < 50 for name in names)


def test_a_run_logs_what_was_told_of_its_metrics(search: tuple[Sweeps, int, str, str]) -> None:
    own, *_ = search
    run = next(run for run in own.runs("run") if run.info.status == "FINISHED")
    written = Path(run.data.tags["folder"]) / "recipe.yaml"
    recipe = Recipe.from_mapping(yaml.safe_load(written.read_text()), name="x", source="x")

    assert set(metric_names(recipe, classifies=True)) <= set(run.data.metrics)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([f"{SPARSITY}=interval(0.5,1.5)"], f"the search's {SPARSITY}=1.5:"),
        (
            [f"{SPARSITY}=interval(0.5,0.9)", "objective=val/acuracy"],
            "objective: recipe mnist_constant will log no val/acuracy. Did you mean 'val/accuracy'?",
        ),
    ],
)
def test_what_is_wrong_is_told_before_the_first_trial(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    sweeps = Sweeps(tmp_path, store=False)

    status, out, err = sweeps(*OPTUNA, *arguments)

    assert (status, err.startswith(told)) == (2, True), err
    assert "job 0" not in out
    assert not (tmp_path / "outputs" / "sweeps").exists()
