"""Ends, in MLflow, the runs of processes that were killed and could not do so themselves.

Whatever opens a store does it. It costs one query, which only finds runs of this machine that have not ended.
Several processes may do it at once: a dead process stays dead, and all write the same.
"""

import socket
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy.exc import SQLAlchemyError

from runner.tracking.process import PROCESS_TAG, has_died


def settle_dead(client: MlflowClient, experiment_id: str) -> None:
    """Sets RUNNING runs to KILLED whose process on this machine has died.

    A sweep's own run and those of its jobs are each judged by their own process: jobs that a scheduler has
    started go on when the sweep's command dies.

    Args:
        client: Of the store.
        experiment_id: MLflow's id of the experiment to look at.

    Raises:
        MlflowException: The store does not answer; or whatever else MLflow raises then.
    """
    condition = f"attributes.status = 'RUNNING' AND tags.{PROCESS_TAG} LIKE '{socket.gethostname()} %'"
    token = None
    while True:
        page = client.search_runs([experiment_id], condition, page_token=token)
        for run in page:
            if has_died(run.data.tags[PROCESS_TAG]):
                # Who may only read leaves it as it is, and another may have deleted it by now.
                with suppress(MlflowException, RequestException, SQLAlchemyError):
                    client.set_terminated(run.info.run_id, "KILLED")
        token = page.token
        if not token:
            return
