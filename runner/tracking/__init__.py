"""MLflow: the only place that imports it."""

from runner.tracking.tracker import Tracker, open_run

__all__ = ["Tracker", "open_run"]
