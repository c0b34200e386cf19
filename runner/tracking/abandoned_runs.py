"""Ends, in MLflow, the runs of processes that were killed and could not do so themselves.

Each run's tag `process` names its process, so that a later one can find out whether it has died. Opening a
store looks for such runs, with one query for this machine's runs that have not ended. Several processes
may do so at once: a dead process stays dead, and all write the same.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy.exc import SQLAlchemyError

PROCESS_TAG = "process"


def settle_dead(client: MlflowClient, experiment_id: str) -> None:
    """Sets RUNNING runs to KILLED whose process on this machine has died.

    A sweep's own run and those of its jobs are each judged by their own process: jobs that a scheduler has
    started go on when the sweep's command dies.

    Raises:
        MlflowException: The store does not answer; MLflow raises other errors too.
    """
    condition = f"attributes.status = 'RUNNING' AND tags.{PROCESS_TAG} LIKE '{socket.gethostname()} %'"
    token = None
    while True:
        page = client.search_runs([experiment_id], condition, page_token=token)
        for run in page:
            if has_died(run.data.tags[PROCESS_TAG]):
                # A user may have no right to write, and another process may have deleted the run.
                with suppress(MlflowException, RequestException, SQLAlchemyError):
                    client.set_terminated(run.info.run_id, "KILLED")
        token = page.token
        if not token:
            return


def own_process() -> str:
    """Names this process: host, process number, start time and PID namespace.

    Process numbers are reused, so the start time is part of the name; containers of one host number their
    processes separately.
    """
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())} {_numbering()}"


def has_died(process: str) -> bool:
    """Whether a process has died; False where that cannot be known from here.

    Args:
        process: What `own_process` returned in it.
    """
    host, number, began, numbering, *_ = [*process.split(" "), "", "", "", ""]
    if host != socket.gethostname() or not number.isdigit():
        return False  # Another machine's may well be alive.
    if numbering != _numbering():
        return False  # So may another container's.
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # Somebody else's, so alive.
    return began != _began(int(number))


def _began(process: int) -> str:
    """Returns the start time of a process in the kernel's ticks; empty where the system has no such file."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _numbering() -> str:
    """Returns the kernel's name of this process's PID namespace; empty as above."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
