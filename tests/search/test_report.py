"""The report of a search."""

import io
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from runner.recipe.objective import Objective
from runner.records.sweep_records import JobRecord, Sweep
from runner.search.report import answer, plot_trials, question, report_search, search_page, warning
from runner.search.trials import Trial, Trials
from runner.tracking import Tracker
from tests.search.made_trials import SPARSITY, one_objective, two_objectives

SWEEP = Sweep(("runner", "-m", "x=interval(0,1)"), (), "sqlite:////mlflow.db", "study", "0")


def test_the_page_says_what_was_found_and_what_it_is_worth(tmp_path: Path) -> None:
    found = one_objective()
    assert question(found) == "Which sparsity gives the highest val/accuracy?"
    assert answer(found) == (
        "val/accuracy 0.9000 with sparsity=0.75: trial 2, the best of 4 trials (1 failed)."
    )
    assert warning(found).startswith("The best of many trials is partly the luckiest.")

    pictures = plot_trials(found, tmp_path)
    page = search_page(found, SWEEP, "2026-01-01", pictures)

    assert [picture.path.name for picture in pictures] == ["history.png"]
    assert answer(found) in page
    assert "it &lt;broke&gt;" in page
    assert page.count("data:image/png;base64,") == 1
    assert "The Pareto front" not in page
    assert "python -m runner -m &#39;x=interval(0,1)&#39;" in page


def test_the_page_of_two_objectives_shows_the_front_first(tmp_path: Path) -> None:
    found = two_objectives()
    assert (
        question(found) == "Which sparsity gives the highest val/accuracy and the lowest tflite_int8/bytes?"
    )
    assert answer(found) == (
        "The highest val/accuracy is 0.9000 (tflite_int8/bytes 200) with sparsity=0.5: trial 2. The lowest"
        " tflite_int8/bytes is 50 (val/accuracy 0.5000) with sparsity=0.9: trial 3. 3 of 4 trials are on the"
        " Pareto front: no other is as good in both objectives and better in one."
    )

    pictures = plot_trials(found, tmp_path)
    page = search_page(found, SWEEP, "2026-01-01", pictures)

    assert [picture.path.name for picture in pictures] == ["front.png", "history.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "front.pdf",
        "front.png",
        "history.pdf",
        "history.png",
    ]
    assert "<h2>The Pareto front</h2>" in page


def test_a_trial_that_is_the_best_in_both_objectives_is_named_once() -> None:
    found = two_objectives()
    best = replace(found, trials=(*found.trials, Trial(4, {SPARSITY: "0.99"}, (0.95, 40.0))))
    assert answer(best) == (
        "val/accuracy 0.9500 and tflite_int8/bytes 40 with sparsity=0.99: trial 4, the best of 5 trials in"
        " both objectives."
    )


def test_a_search_on_the_test_set_is_called_one() -> None:
    found = Trials((Objective("test/accuracy"),), one_objective().trials)
    assert warning(found).startswith(
        "This was searched on the test set, so that its test scores are no estimate for new data."
    )


class Logged:
    """Stands in for a sweep's run in MLflow: what is logged to it is kept."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.metrics: dict[str, float] = {}
        self.params: dict[str, object] = {}

    def log_artifact(self, path: Path, folder: str) -> None:
        self.files.append(f"{folder}/{path.name}")

    def log_metrics(self, metrics: dict[str, float]) -> None:
        self.metrics |= metrics

    def log_params(self, params: dict[str, object]) -> None:
        self.params |= params


@pytest.mark.parametrize(
    ("trials", "metrics", "params"),
    [
        (one_objective(), {"best/val/accuracy": 0.9, "best/trial": 2}, {"best": {"sparsity": "0.75"}}),
        (two_objectives(), {"search/front": 3.0}, {}),
    ],
)
def test_a_search_is_shown_written_and_logged(
    tmp_path: Path, trials: Trials, metrics: dict[str, float], params: dict[str, object]
) -> None:
    sweep = replace(SWEEP, objective=tuple(map(str, trials.objectives)))
    records = [
        JobRecord(
            trial.number,
            "",
            "finished" if trial.values else "failed",
            trial.reason,
            sampled=trial.sampled,
            values=trial.values,
        )
        for trial in trials.trials
    ]
    logged, console = Logged(), Console(file=io.StringIO(), width=80)

    report_search(tmp_path, sweep, records, cast(Tracker, logged), console, artifacts=["tables", "plots"])

    assert isinstance(console.file, io.StringIO)
    assert answer(trials) in console.file.getvalue().splitlines()
    assert (logged.metrics, logged.params) == (metrics, params)
    plots = [f"search/plots/{path.name}" for path in (tmp_path / "plots").iterdir()]
    assert sorted(logged.files) == sorted(["search/search.html", "search/trials.csv", *plots])
    assert len(plots) == 2 * len(trials.objectives)
