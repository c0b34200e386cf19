"""What people see of a finished sweep in MLflow's own pages, by a real browser.

    python -m tests.ui.test_mlflow_pages STORE PICTURE

takes the picture of the README: the view of an experiment in a store that has one, e.g.
`sqlite:////home/me/outputs/mlflow.db`.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from selenium.webdriver.common.keys import Keys

from runner.tracking.store import DEFAULT_EXPERIMENT
from runner.tracking.view import VIEW_KEY, VIEW_NAME
from tests.mlflow_server import mlflow_server
from tests.sweep.sweeping import TINY, Sweeps
from tests.ui.browser import CHROMIUM, DRIVER, Browser, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="needs Debian's packages chromium and chromium-driver",
    ),
]

LAYERS = ("conv_1", "conv_2", "dense", "probabilities")


@dataclass(frozen=True)
class Shown:
    """A finished sweep of two jobs and a page to look at it.

    Args:
        browser: The page.
        address: Of the experiment's page.
        runs: The jobs.
        parent: The sweep's own run.
    """

    browser: Browser
    address: str
    runs: list[Run]
    parent: Run


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("swept")
    status, _, err = Sweeps(folder)(*TINY, "seed=3", "recipe.training.epochs=2", "threads=1")
    assert status == 0, err
    store = f"sqlite:///{folder}/outputs/mlflow.db"
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(DEFAULT_EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if run.data.tags["runner_kind"] == "sweep"]
    with mlflow_server(folder, store) as server, chromium(1900, 1000) as browser:
        address = f"{server}/#/experiments/{experiment.experiment_id}/runs"
        yield Shown(browser, address, [run for run in runs if run is not parent], parent)


def four_digits(value: float) -> str:
    """The beginning of a number as the table shows it, rounded or cut."""
    return str(value)[:6]


def test_the_view_shows_recipe_seed_accuracy_sparsity_and_bytes(shown: Shown) -> None:
    shown.browser.open(f"{shown.address}?viewStateShareKey={VIEW_KEY}")

    page = shown.browser.wait_for(VIEW_NAME, "mnist_constant", "mnist_polynomial")

    for column in ("recipe", "seed", "test/accuracy", "sparsity/_pruned", "tflite_float32"):
        assert column in page
    assert len(shown.runs) == 2
    for run in shown.runs:
        row = page[page.index(run.info.run_name) :]
        assert "\n3\n" in row
        assert four_digits(run.data.metrics["test/accuracy"]) in row
        assert four_digits(run.data.metrics["sparsity/_pruned_layers"]) in row
        assert str(int(run.data.metrics["tflite_float32/bytes"])) in row


def test_the_view_is_offered_by_name_on_the_page_that_people_open(shown: Shown) -> None:
    shown.browser.open(shown.address)
    shown.browser.find("Views").click()

    shown.browser.find(VIEW_NAME).click()

    shown.browser.wait_for("mnist_constant", "mnist_polynomial", "test/accuracy")


def test_a_run_has_a_section_of_sparsity_with_a_chart_for_each_layer(shown: Shown) -> None:
    [run, _] = shown.runs
    shown.browser.open(f"{shown.address}/{run.info.run_id}/model-metrics")

    # Four layers, all pruned layers together, the whole model.
    shown.browser.wait_for("sparsity\n(6)")
    search = shown.browser.driver.find_element("css selector", "input[placeholder='Search metric charts']")
    for chart in (*LAYERS, "_pruned_layers", "_model"):
        search.send_keys(Keys.CONTROL, "a")
        search.send_keys(f"sparsity/{chart}")
        shown.browser.wait_for("sparsity\n(1)", f"\n{chart}\n", "Step")


def test_the_artifacts_of_a_sweep_show_the_comparison(shown: Shown) -> None:
    shown.browser.open(f"{shown.address}/{shown.parent.info.run_id}/artifacts")

    shown.browser.wait_for("comparison")


def test_the_page_of_a_sweep_links_its_jobs_and_its_comparison(shown: Shown) -> None:
    shown.browser.open(f"{shown.address}/{shown.parent.info.run_id}")
    page = shown.browser.wait_for(
        "sweep of recipe", "mnist_constant", "mnist_polynomial", "2 jobs: 2 finished."
    )
    assert all(four_digits(run.data.metrics["test/accuracy"])[:5] in page for run in shown.runs)

    shown.browser.find("The comparison").click()

    driver = shown.browser.driver
    [first, opened] = driver.window_handles
    driver.switch_to.window(opened)
    try:
        shown.browser.text_of_frame("Which is better in test accuracy")
    finally:
        driver.close()
        driver.switch_to.window(first)


def test_a_run_names_its_data(shown: Shown) -> None:
    [run, _] = shown.runs
    shown.browser.open(f"{shown.address}/{run.info.run_id}")
    shown.browser.wait_for("Datasets", f"digits ({run.data.tags['data_sha256'][:8]}-")


def test_the_artifacts_of_a_run_show_its_report(shown: Shown) -> None:
    [run, _] = shown.runs
    shown.browser.open(f"{shown.address}/{run.info.run_id}/artifacts/reports/report.html")
    shown.browser.wait_for("plots", "recipe", "tables", "tflite", "report.html")

    report = shown.browser.text_of_frame("What was planned")

    assert f"{run.data.tags['recipe']}, seed 3" in report
    assert "Masks in the TFLite file" in report


def test_a_run_names_its_model(shown: Shown) -> None:
    [run, _] = shown.runs

    shown.browser.open(f"{shown.address}/{run.info.run_id}")

    shown.browser.wait_for("test/accuracy", "Logged models")


def take_picture(store: str, picture: Path) -> None:
    """Takes the picture of the view."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(DEFAULT_EXPERIMENT)
    assert experiment is not None
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow_server(Path(folder), store) as server,
        chromium(1750, 800) as browser,
    ):
        page = f"{server}/#/experiments/{experiment.experiment_id}/runs?viewStateShareKey={VIEW_KEY}"
        browser.open(page)
        browser.wait_for(VIEW_NAME, "recipe", "seed")
        browser.screenshot(picture, "[role=treegrid], [role=grid]")


if __name__ == "__main__":
    take_picture(sys.argv[1], Path(sys.argv[2]))
