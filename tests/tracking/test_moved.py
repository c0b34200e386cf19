"""Stores that were moved or copied since their experiment was made."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from mlflow import MlflowClient

from runner.settings import Tracking
from runner.tracking import open_store


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "out 1%"
    open_store(Tracking(), folder)
    return folder


@pytest.fixture
def outputs(empty: Path, tmp_path: Path) -> Path:
    """An output folder with one run, which has one artifact; made by copying, and its addresses with it."""
    folder = tmp_path / "out 1%"
    shutil.copytree(empty, folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)",
            (empty.as_uri(), folder.as_uri()),
        )
    logged(folder, "old")
    return folder


def logged(folder: Path, name: str) -> str:
    """Logs a run with the artifact `<name>.txt` and returns its id."""
    store = open_store(Tracking(), folder)
    run = store.client.create_run(store.experiment_id, run_name=name)
    store.client.log_text(run.info.run_id, name, f"{name}.txt")
    store.client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def artifacts(folder: Path) -> dict[str, Path]:
    """What MLflow finds of each run in the folder's store, by the run's name."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("tflite-pruning")
    assert experiment is not None
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        [file] = client.list_artifacts(run.info.run_id)
        place = Path(unquote(urlsplit(run.info.artifact_uri).path)) / file.path
        assert place.read_text() == run.info.run_name
        found[str(run.info.run_name)] = place
    return found


def test_a_moved_folder_has_its_old_artifacts_and_takes_new_ones(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = outputs.rename(tmp_path / "moved ö")

    logged(moved, "new")

    assert not outputs.exists()
    found = artifacts(moved)
    assert found.keys() == {"old", "new"}
    assert all(file.is_relative_to(moved / "mlartifacts") for file in found.values())
    told = (
        f"note: {moved}/mlflow.db was moved: its artifacts were in {outputs}/mlartifacts, and are now looked"
    )
    assert capsys.readouterr().err == f"{told} for and written in {moved}/mlartifacts\n"
    open_store(Tracking(), moved)
    assert capsys.readouterr().err == ""


def test_a_copied_folder_is_a_store_of_its_own(outputs: Path, tmp_path: Path) -> None:
    before = sorted(outputs.rglob("*.txt"))
    copy = shutil.copytree(outputs, tmp_path / "copy")

    logged(copy, "new")

    assert {file.is_relative_to(copy) for file in artifacts(copy).values()} == {True}
    assert sorted(outputs.rglob("*.txt")) == before
    assert artifacts(outputs).keys() == {"old"}
    assert artifacts(outputs)["old"].is_relative_to(outputs)


def test_a_moved_folder_without_runs(empty: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(empty, tmp_path / "copy")
    logged(copy, "new")
    assert artifacts(copy)["new"].is_relative_to(copy)


def test_a_folder_under_two_names_stays_as_it_is(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(outputs)
    store = open_store(Tracking(), link)
    experiment = store.client.get_experiment(store.experiment_id)
    assert experiment.artifact_location == (outputs / "mlartifacts").as_uri()
    assert capsys.readouterr().err == ""


def test_a_database_moved_alone_goes_on_and_says_where_its_artifacts_are(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (outputs / "mlflow.db").rename(alone / "mlflow.db")

    logged(alone, "new")

    told = (
        f"note: the artifacts of {alone}/mlflow.db are in {outputs}/mlartifacts, and new ones go there too."
    )
    assert capsys.readouterr().err.startswith(told)
    assert {file.is_relative_to(outputs) for file in artifacts(alone).values()} == {True}


def test_nothing_is_written_to_a_place_that_is_gone(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (outputs / "mlflow.db").rename(alone / "mlflow.db")
    rescued = (outputs / "mlartifacts").rename(tmp_path / "rescued")
    shutil.rmtree(outputs)

    new = logged(alone, "new")

    assert not outputs.exists()
    assert (alone / "mlartifacts" / new / "artifacts" / "new.txt").is_file()
    assert capsys.readouterr().err == (
        f"note: {alone}/mlflow.db was moved: its artifacts were in {outputs}/mlartifacts, and are now looked"
        f" for and written in {alone}/mlartifacts\n"
    )
    # The old run's follow when they come.
    shutil.copytree(rescued, alone / "mlartifacts", dirs_exist_ok=True)
    open_store(Tracking(), alone)
    assert artifacts(alone).keys() == {"old", "new"}


@pytest.mark.parametrize("location", ["s3://bucket/mlartifacts", "file:///own"])
def test_a_place_that_the_user_chose_is_kept(empty: Path, tmp_path: Path, location: str) -> None:
    copy = shutil.copytree(empty, tmp_path / "copy")
    MlflowClient(f"sqlite:///{copy}/mlflow.db").create_experiment("mine", artifact_location=location)
    store = open_store(Tracking(experiment="mine"), copy)
    assert store.client.get_experiment(store.experiment_id).artifact_location == location
