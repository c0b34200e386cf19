"""Logging of runs to MLflow, and reading them back; no other package imports MLflow."""

from runner.tracking.runs import LoggedRun, metric_history, runs_by_id, runs_where
from runner.tracking.store import Store, find_store, open_store, store_address
from runner.tracking.tracker import Tracker, open_run

__all__ = [
    "LoggedRun",
    "Store",
    "Tracker",
    "find_store",
    "metric_history",
    "open_run",
    "open_store",
    "runs_by_id",
    "runs_where",
    "store_address",
]
