import json
from pathlib import Path

from mlflow import MlflowClient

from runner.settings import Tracking
from runner.tracking import open_store
from runner.tracking.view import VIEW_KEY, experiment_tags

# How MLflow's page looks with it is tested in tests/ui.


def test_the_view_names_columns_as_mlflows_page_does() -> None:
    [(_, kind), (key, view)] = experiment_tags().items()

    assert (kind, key) == ("custom_model_development", f"mlflow.sharedViewState.{VIEW_KEY}")
    assert json.loads(view)["name"] == "Pruning runs"
    assert json.loads(json.loads(view)["state"])["selectedColumns"][:3] == [
        "tags.`recipe`",
        "params.`seed`",
        "metrics.`test/accuracy`",
    ]


def test_a_new_experiment_has_the_view_and_one_that_was_there_is_left_alone(tmp_path: Path) -> None:
    made = open_store(Tracking(), tmp_path)
    theirs = made.client.create_experiment("theirs", tags={"mlflow.experimentKind": "other"})

    open_store(Tracking(experiment="theirs"), tmp_path)

    client = MlflowClient(made.uri)
    assert set(client.get_experiment(made.experiment_id).tags) == set(experiment_tags())
    assert client.get_experiment(theirs).tags == {"mlflow.experimentKind": "other"}
