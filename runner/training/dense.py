"""The dense training: the fit without any pruning, on a copy of the model."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tf_keras
from numpy.typing import NDArray

from runner.datasets import Dataset
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
    data: Dataset,
    task: Task,
    training: Training,
    *,
    validation_split: float,
    watch: Callable[[Progress], None],
    record: Callable[[int, dict[str, float]], None],
) -> tuple[list[NDArray[Any]], DenseResult]:
    """Trains a copy of a model for `dense_epochs`, with an optimizer of its own.

    Args:
        model: Says where training begins; left untouched.
        data: Its tail is held out for validation.
        task: Loss and metrics.
        training: The recipe's `training`; its `epochs` mean nothing here.
        validation_split: Share of the training set held out, in [0, 1).
        watch: Called after every step and every epoch.
        record: Called at each epoch's end with the step and its metrics, named as Keras does.

    Returns:
        The trained weights, and what they are worth on the test set.

    Raises:
        RunFailed: The loss or a weight became NaN or infinite; the message has the step.
    """
    began = time.perf_counter()
    steps_per_epoch = dense_steps(training, data, validation_split) // training.dense_epochs
    steps = steps_per_epoch * training.dense_epochs
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

    try:
        train(
            copy,
            data,
            replace(training, epochs=training.dense_epochs),
            Plan(rows=(), warnings=(), steps_per_epoch=steps_per_epoch, total_steps=steps),
            validation_split=validation_split,
            watch=watch,
            record=note,
        )
    except RunFailed as error:
        raise RunFailed(f"dense training: {error}") from error
    scores = task.score(data.y_test, predicted(copy, data.x_test))
    if not math.isfinite(scores["loss"]):
        raise RunFailed(f"dense training: the loss on the test set is {scores['loss']} after {steps} steps.")
    seconds = round(time.perf_counter() - began, 3)
    return copy.get_weights(), DenseResult(
        scores["loss"], scores.get("accuracy"), steps, seconds, tuple(history)
    )


def dense_steps(training: Training, data: Dataset, validation_split: float) -> int:
    """Returns how many steps the dense training has."""
    samples = len(data.split(validation_split)[0])
    return math.ceil(samples / training.batch_size) * training.dense_epochs


def _keras_name(name: str) -> str:
    return name.removeprefix("train/").replace("val/", "val_")
