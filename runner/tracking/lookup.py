"""Runs that are there already: the finished one that equals a job, and those whose process has died."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path

from runner.errors import UserError
from runner.tracking.reason import short_reason
from runner.tracking.runs import LoggedRun, runs_by_id, runs_where
from runner.tracking.store import STORE_ERRORS, Store, without_password

PROCESS_TAG = "process"
"""The tag with the host and process of a run, by which a later one can tell that it has died."""


def find_finished(store: Store, fingerprint: str) -> LoggedRun | None:
    """Finds the last FINISHED run of a fingerprint in the store's experiment.

    Raises:
        UserError: The store does not answer.
    """
    found = runs_where(
        store, f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'", most=1
    )
    return found[0] if found else None


def find_on_other_data(store: Store, recipe_hash: str, seed: int, data_sha256: str) -> LoggedRun | None:
    """Finds the last FINISHED run of a recipe and seed whose data had another content.

    Raises:
        UserError: The store does not answer.
    """
    found = runs_where(
        store,
        f"tags.recipe_hash = '{recipe_hash}' and params.seed = '{seed}' and attributes.status = 'FINISHED'"
        f" and tags.data_sha256 != '{data_sha256}'",
        most=1,
    )
    return found[0] if found else None


def close_abandoned(store: Store) -> list[str]:
    """Sets RUNNING runs to KILLED whose process on this machine has died, and returns their ids.

    Raises:
        UserError: The store does not answer.
    """
    closed = []
    for run in runs_where(store, "attributes.status = 'RUNNING'"):
        if _has_died(run.tags.get(PROCESS_TAG, "")):
            _kill(store, run.run_id)
            closed.append(run.run_id)
    return closed


def close_left_open(store: Store, run_ids: Iterable[str]) -> None:
    """Sets those of the runs to KILLED that are RUNNING, though the process of each has ended.

    Raises:
        UserError: The store does not answer.
    """
    for run in runs_by_id(store, run_ids).values():
        if run.status == "RUNNING":
            _kill(store, run.run_id)


def own_process() -> str:
    """Names this process: host, process number, and when it began, since numbers are given again."""
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())}"


def _has_died(process: str) -> bool:
    host, _, rest = process.partition(" ")
    number, _, began = rest.partition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return False  # Another machine's may well be alive.
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # Somebody else's, so alive.
    return began != _began(int(number))


def _began(process: int) -> str:
    """Returns when a process began, in the kernel's ticks; empty where the system does not tell."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _kill(store: Store, run_id: str) -> None:
    try:
        store.client.set_terminated(run_id, "KILLED")
    except STORE_ERRORS as error:
        told = f"MLflow at {without_password(store.uri)} cannot be written ({short_reason(error)})."
        raise UserError(told) from error
