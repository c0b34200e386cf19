import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from runner.process.errors import UserError
from runner.settings import Tracking
from runner.tracking.store import find_store, open_store, without_password


def test_the_default_store_lies_in_the_outputs(tmp_path: Path) -> None:
    store = open_store(Tracking(), tmp_path / "out")
    assert store.uri == f"sqlite:///{tmp_path}/out/mlflow.db"
    assert (tmp_path / "out" / "mlflow.db").is_file()
    experiment = store.client.get_experiment(store.experiment_id)
    assert experiment.name == "tflite-pruning"
    assert experiment.artifact_location == (tmp_path / "out" / "mlartifacts").as_uri()
    assert store.ui_line("abc") == f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/out/mlflow.db"


def test_a_store_is_found_again(tmp_path: Path) -> None:
    first, second = (open_store(Tracking(), tmp_path) for _ in range(2))
    assert first.experiment_id == second.experiment_id


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    outputs = tmp_path / "my öutputs 50% #1"
    store = open_store(Tracking(), outputs)
    run = store.client.create_run(store.experiment_id, run_name="r")
    (tmp_path / "a.txt").write_text("hello")
    store.client.log_artifact(run.info.run_id, str(tmp_path / "a.txt"))
    assert (outputs / "mlflow.db").is_file()
    copied = outputs / "mlartifacts" / run.info.run_id / "artifacts" / "a.txt"
    assert copied.read_text() == "hello"
    assert store.ui_line("abc").endswith(f"'sqlite:///{outputs}/mlflow.db'")


def test_settings_come_before_the_environment_and_that_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///from_environment.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "named in the environment")
    from_environment = open_store(Tracking(), tmp_path / "out")
    assert from_environment.uri == f"sqlite:///{tmp_path}/from_environment.db"
    found = from_environment.client.get_experiment(from_environment.experiment_id)
    assert found.name == "named in the environment"
    written = open_store(
        Tracking(uri=f"sqlite:///{tmp_path}/written.db", experiment="mine"), tmp_path / "out"
    )
    assert written.uri == f"sqlite:///{tmp_path}/written.db"
    assert written.client.get_experiment(written.experiment_id).name == "mine"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("mlruns", r"^tracking\.uri: mlruns is a folder, and MLflow no longer .* sqlite:///FILE\.db"),
        ("file:///tmp/mlruns", r"^tracking\.uri: file:///tmp/mlruns is a folder"),
        ("sqlit:///a.db", "is no kind of store .* Did you mean 'sqlite'"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite:////", "is a folder"),
    ],
)
def test_what_is_no_store_is_refused(tmp_path: Path, uri: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_store(Tracking(uri=uri), tmp_path)


def test_the_environment_is_named_where_it_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: \./mlruns is a folder"):
        open_store(Tracking(), tmp_path)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("precious notes")
    with pytest.raises(UserError, match="is no SQLite database"):
        open_store(Tracking(), tmp_path)
    assert (tmp_path / "mlflow.db").read_text() == "precious notes"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in its place")
    with pytest.raises(UserError, match="cannot be used"):
        open_store(Tracking(), tmp_path / "out")


def test_a_database_of_something_else_gets_tables_of_its_own(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    connection.execute("create table mine (x)")
    connection.commit()
    connection.close()
    store = open_store(Tracking(), tmp_path)
    assert store.client.get_experiment(store.experiment_id).name == "tflite-pruning"
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    assert connection.execute("select count(*) from mine").fetchone() == (0,)
    connection.close()


def test_a_deleted_experiment_is_named(tmp_path: Path) -> None:
    store = open_store(Tracking(), tmp_path)
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(UserError, match=r"'tflite-pruning' is deleted .* restore --experiment-id \d+"):
        open_store(Tracking(), tmp_path)


def test_an_unreachable_server_is_told_in_seconds(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = dict(os.environ)
    started = time.monotonic()
    with pytest.raises(UserError) as caught:
        open_store(Tracking(uri=f"http://me:secret@127.0.0.1:{port}"), tmp_path)
    assert str(caught.value) == (
        f"tracking.uri: the MLflow store http://127.0.0.1:{port} cannot be used (connection refused). Start"
        " or mend it, or leave the setting out to log into the output folder."
    )
    assert time.monotonic() - started < 30
    assert dict(os.environ) == before


def test_a_database_whose_driver_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"mssql://127\.0\.0\.1/db cannot be used \(No module named 'pyodbc'\)"
    ):
        open_store(Tracking(uri="mssql://127.0.0.1/db"), tmp_path)


def test_passwords_are_not_shown() -> None:
    assert without_password("https://me:secret@host:1/") == "https://host:1"
    assert without_password("postgresql://me:secret@host/db") == "postgresql://host/db"
    assert without_password("sqlite:////a/b@c.db") == "sqlite:////a/b@c.db"


@pytest.mark.slow
def test_four_processes_make_one_store_at_once_and_say_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from runner.settings import Tracking\n"
        "from runner.tracking import open_run, open_store\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "name = sys.argv[3]\n"
        "store = open_store(Tracking(), pathlib.Path(sys.argv[1]))\n"
        "with open_run(store, run_name=name, params={'a': 1}, tags={}) as run:\n"
        "    for step in range(5):\n"
        "        run.log_metrics({'train/loss': step}, step)\n"
    )
    start = str(time.time() + 6)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), start, f"run {i}"],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(4)
    ]
    said = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert said == [""] * 4
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiments = client.search_experiments(filter_string="name = 'tflite-pruning'")
    assert len(experiments) == 1
    runs = client.search_runs([experiments[0].experiment_id])
    assert sorted(run.info.run_name for run in runs) == [f"run {i}" for i in range(4)]
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert [(entry.step, entry.value) for entry in history] == [(i, float(i)) for i in range(5)]


def test_a_folder_in_which_no_file_can_be_made_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"tracking\.uri: the MLflow store sqlite:////proc/x\.db cannot be used"
    ):
        open_store(Tracking(uri="sqlite:////proc/x.db"), tmp_path)


def test_a_store_to_read_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^outputs: there is no MLflow store .*/mlflow\.db\. tracking\.uri=URI"
    ):
        find_store(f"sqlite:///{tmp_path}/mlflow.db", "mine", where="outputs")
    (tmp_path / "mlflow.db").touch()
    with pytest.raises(UserError, match="there is no MLflow store"):
        find_store(f"sqlite:///{tmp_path}/mlflow.db", "mine", where="outputs")
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize("uri", ["", "somewhere", "file:///somewhere"])
def test_an_address_of_no_store_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^sweep\.json: .* Write sqlite:///FILE\.db for a local store"):
        find_store(uri, "mine", where="sweep.json")
    assert list(tmp_path.iterdir()) == []


def test_another_programs_database_gets_no_tables_by_reading(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "mine.db")
    connection.execute("create table mine (x)")
    connection.close()
    before = (tmp_path / "mine.db").read_bytes()
    with pytest.raises(UserError, match="there is no MLflow store"):
        find_store(f"sqlite:///{tmp_path}/mine.db", "mine", where="tracking.uri")
    assert (tmp_path / "mine.db").read_bytes() == before


def test_an_experiment_is_found_and_an_unknown_or_deleted_one_told(tmp_path: Path) -> None:
    made = open_store(Tracking(experiment="schedules"), tmp_path)
    assert find_store(made.uri, "schedules", where="outputs").experiment_id == made.experiment_id
    with pytest.raises(UserError) as caught:
        find_store(made.uri, "schedule", where="outputs")
    assert str(caught.value) == (
        f"experiment schedule: there is none of that name in {made.uri}. Did you mean 'schedules'? It has:"
        " schedules, Default"
    )
    made.client.delete_experiment(made.experiment_id)
    with pytest.raises(UserError, match=r"^experiment: 'schedules' is deleted in sqlite:.* restore"):
        find_store(made.uri, "schedules", where="outputs")
