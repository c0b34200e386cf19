"""The dense training: the fit without any pruning, on a copy of the model."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tf_keras
from numpy.typing import NDArray

from runner.datasets import Split
from runner.plan import Plan
from runner.process.errors import RunFailed
from runner.pruning.copying import copy_model
from runner.recipe.recipe import Training
from runner.training.dense_checkpoint import DenseResult
from runner.training.fitting import Progress, train
from runner.training.optimizers import build_optimizer
from runner.training.task import Task, predicted


def train_dense(
    model: tf_keras.Model,
    split: Split,
    task: Task,
    training: Training,
    *,
    watch: Callable[[Progress], None],
    record: Callable[[int, dict[str, float]], None],
) -> tuple[list[NDArray[Any]], DenseResult]:
    """Trains a copy of a model for `dense_epochs`, with a new optimizer.

    Args:
        model: Training begins with its weights; left untouched.
        split: The samples to train on, to validate and to test with.
        task: Loss and metrics.
        training: The recipe's `training`; its `epochs` mean nothing here.
        watch: Called after every step and every epoch.
        record: Called at each epoch's end with the step and its metrics, named as Keras does.

    Returns:
        The trained weights, and what they are worth on the test set.

    Raises:
        RunFailed: The loss or a weight became NaN or infinite; the message has the step.
    """
    began = time.perf_counter()
    steps = dense_steps(training, split)
    steps_per_epoch = steps // training.dense_epochs
    copy = copy_model(model, lambda layer: None)
    copy.compile(
        optimizer=build_optimizer(training.optimizer, steps, steps_per_epoch, phase="dense training"),
        loss=task.loss,
        metrics=task.compiled_metrics(),
        jit_compile=False,
    )
    history: list[tuple[int, dict[str, float]]] = []

    def note(step: int, metrics: dict[str, float]) -> None:
        named = {_keras_name(name): value for name, value in metrics.items()}
        history.append((step, named))
        record(step, named)

    dense, plan = replace(training, epochs=training.dense_epochs), Plan((), (), steps_per_epoch, steps)
    try:
        train(copy, split, dense, plan, watch=watch, record=note)
    except RunFailed as error:
        raise RunFailed(f"dense training: {error}") from error
    loss, accuracy = _scores(copy, split, task, steps)
    seconds = round(time.perf_counter() - began, 3)
    return copy.get_weights(), DenseResult(loss, accuracy, steps, seconds, tuple(history))


def _scores(model: tf_keras.Model, split: Split, task: Task, steps: int) -> tuple[float, float | None]:
    scores = task.score(split.y_test, predicted(model, split.x_test))
    if not math.isfinite(scores["loss"]):
        raise RunFailed(f"dense training: the loss on the test set is {scores['loss']} after {steps} steps.")
    return scores["loss"], scores.get("accuracy")


def dense_steps(training: Training, split: Split) -> int:
    """Returns how many steps the dense training has."""
    return math.ceil(len(split.x_train) / training.batch_size) * training.dense_epochs


def _keras_name(name: str) -> str:
    return name.removeprefix("train/").replace("val/", "val_")
