"""Training: seeds, the task's loss and metrics, the optimizer, and the fit itself."""

from runner.training.fitting import History, Progress, train
from runner.training.learning_rates import LEARNING_RATES
from runner.training.optimizers import OPTIMIZERS, build_optimizer
from runner.training.seeding import make_deterministic, reseed
from runner.training.task import Task, predicted, task_for

__all__ = [
    "LEARNING_RATES",
    "OPTIMIZERS",
    "History",
    "Progress",
    "Task",
    "build_optimizer",
    "make_deterministic",
    "predicted",
    "reseed",
    "task_for",
    "train",
]
