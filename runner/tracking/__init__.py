"""MLflow: the only place that imports it."""

from runner.tracking.store import Store, open_store
from runner.tracking.tracker import Tracker, open_run

__all__ = ["Store", "Tracker", "open_run", "open_store"]
