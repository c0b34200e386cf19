"""The saved view of an experiment in MLflow's UI, with the columns that it hides by default.

The tag that holds the view is MLflow's own and not documented; versions that do not know it ignore it.
"""

import json
import time
from collections.abc import Mapping

VIEW_NAME = "Pruning runs"
VIEW_KEY = "pruning-runs"
"""Its name in an address: `#/experiments/<id>/runs?viewStateShareKey=pruning-runs`."""

_VIEW_TAG = f"mlflow.sharedViewState.{VIEW_KEY}"
# The default address of `mlflow ui`.
_LOCAL_UI = "http://127.0.0.1:5000"

_COLUMNS = (
    "tags.`recipe`",
    "params.`seed`",
    "metrics.`test/accuracy`",
    "metrics.`sparsity/_pruned_layers`",
    "metrics.`tflite_float32/bytes`",
    "metrics.`tflite_float32/gzip_bytes`",
)

# In pixels; the page's own 100 cut these.
_WIDTHS = {
    "tags.`recipe`": 200,
    "params.`seed`": 60,
    "metrics.`sparsity/_pruned_layers`": 150,
    "metrics.`tflite_float32/bytes`": 140,
    "metrics.`tflite_float32/gzip_bytes`": 165,
}


def experiment_tags() -> dict[str, str]:
    """Returns the tags of a new experiment: its kind, and a saved view in the form of MLflow 3's page."""
    now = int(time.time() * 1000)
    state = {
        "searchFilter": "",
        # In any order but that of time, the jobs of a sweep are listed and not folded into it.
        "orderByKey": "metrics.`test/accuracy`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(_COLUMNS),
        "columnOrder": list(_COLUMNS),
        "columnWidths": _WIDTHS,
        "hideEmptyCharts": True,
    }
    view = {"name": VIEW_NAME, "createdAt": now, "updatedAt": now, "state": json.dumps(state)}
    return {
        "mlflow.experimentKind": "custom_model_development",
        _VIEW_TAG: json.dumps(view),
    }


def view_address(server: str | None, experiment_id: str, tags: Mapping[str, str]) -> str | None:
    """Returns the address of an experiment's view; None where another program has made the experiment.

    Args:
        server: The address of an MLflow server; None for the one that `mlflow ui` starts.
        experiment_id: MLflow's id of the experiment.
        tags: The tags of the experiment.
    """
    if _VIEW_TAG not in tags:
        return None
    return f"{server or _LOCAL_UI}/#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW_KEY}"
