"""What the data and the model's output make of a training: classification or regression."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown
from runner.recipe.recipe import Training
from runner.training.logits import gives_probabilities

_CROSSENTROPY = "sparse_categorical_crossentropy"
_OF_COMPILE = ("crossentropy", "ce")
"""Metrics that only `compile` knows."""
_CROSSENTROPIES = (_CROSSENTROPY, *_OF_COMPILE)
_USUAL_LOSSES = (_CROSSENTROPY, "mean_squared_error", "mean_absolute_error", "huber", "log_cosh")
_USUAL_METRICS = (
    "accuracy",
    _CROSSENTROPY,
    "sparse_top_k_categorical_accuracy",
    "mean_squared_error",
    "mean_absolute_error",
)

_BATCH = 256


@dataclass(frozen=True)
class Task:
    """What is minimised and what is reported.

    Args:
        loss: The Keras loss, called with targets and outputs.
        metrics: Names of Keras metrics; usually `accuracy`, or `mean_squared_error` for regression.
        classifies: Whether accuracy has a meaning.
        from_logits: Whether the outputs are logits; read by metrics that are crossentropies of classes.
    """

    loss: Callable[[np.ndarray, np.ndarray], Any]
    metrics: tuple[str, ...]
    classifies: bool
    from_logits: bool = False

    def compiled_metrics(self) -> list[Any]:
        """Returns the metrics as `compile` takes them: Keras's crossentropy by name expects probabilities."""
        return [
            tf_keras.metrics.SparseCategoricalCrossentropy(name=name, from_logits=self.from_logits)
            if name in _CROSSENTROPIES and self.classifies
            else name
            for name in self.metrics
        ]

    def score(self, targets: np.ndarray, outputs: np.ndarray) -> Mapping[str, float]:
        """Judges a model's outputs the way training does.

        Args:
            targets: Labels `[n]` or regression targets `[n, ...]`.
            outputs: `[n, classes]` or `[n, ...]`.

        Returns:
            `loss`; for classification `accuracy`; for regression `mean_squared_error`, in the square of the
            targets' unit, whatever the loss is: losses of two kinds are no common measure.
        """
        scores = {"loss": float(np.mean(self.loss(targets, outputs)))}
        if self.classifies:
            scores["accuracy"] = float(np.mean(np.argmax(outputs, axis=-1) == targets))
        else:
            errors = np.subtract(outputs, targets, dtype=np.float64)
            scores["mean_squared_error"] = float(np.mean(np.square(errors)))
        return scores


def predicted(model: tf_keras.Model, samples: np.ndarray) -> np.ndarray:
    """Returns a model's outputs as `Task.score` takes them, for samples `[n, ...]`, computed in batches."""
    return np.asarray(model.predict(samples, batch_size=_BATCH, verbose=0))


def task_for(training: Training, model: tf_keras.Model, num_classes: int | None) -> Task:
    """Reads the task off the data and the model's last activation, where the recipe doesn't name it.

    Args:
        training: `loss` and `metrics` of it count where they are given.
        model: Its output says whether it gives logits or probabilities.
        num_classes: Classes of the data; None for regression.

    Raises:
        UserError: A loss or metric is unknown, or the loss does not fit the data.
    """
    classifies = num_classes is not None
    name = training.loss or (_CROSSENTROPY if classifies else "mean_squared_error")
    metrics = training.metrics if training.metrics is not None else _usual_metrics(classifies)
    for metric in set(metrics) - set(_OF_COMPILE):
        _known(metric, tf_keras.metrics.get, "recipe.training.metrics", "metric", _USUAL_METRICS)
    asks = name == _CROSSENTROPY or (classifies and not set(metrics).isdisjoint(_CROSSENTROPIES))
    from_logits = asks and not gives_probabilities(model)
    if name == _CROSSENTROPY:
        loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    else:
        loss = _known(name, tf_keras.losses.get, "recipe.training.loss", "loss", _USUAL_LOSSES)
    _check_fit(name, loss, tuple(model.output_shape[1:]), num_classes)
    return Task(loss, tuple(metrics), classifies, from_logits)


def _usual_metrics(classifies: bool) -> tuple[str, ...]:
    return ("accuracy",) if classifies else ("mean_squared_error",)


def _known(name: str, get: Callable[[str], Any], where: str, concept: str, usual: Sequence[str]) -> Any:
    try:
        found = get(name)
    except ValueError:
        found = None
    if not callable(found):  # For an unknown metric Keras returns its name.
        raise UserError(
            f"{where}: Keras has no {concept} called {shown(name)}.{did_you_mean(name, usual)}"
            f" Usual ones: {', '.join(usual)}."
        )
    return found


def _check_fit(
    name: str, loss: Callable[[Any, Any], Any], output_shape: tuple[int | None, ...], num_classes: int | None
) -> None:
    """Calls the loss on a few made-up samples: training would find out late, and some losses never."""
    samples = 1 if num_classes is None else num_classes + 1  # So many class numbers broadcast to no output.
    outputs = np.zeros((samples, *(size or 1 for size in output_shape)), np.float32)
    targets = outputs if num_classes is None else np.zeros(samples, np.int64)
    try:
        loss(targets, outputs)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        written = "class numbers" if num_classes is not None else f"targets of shape {output_shape}"
        raise UserError(
            f"recipe.training.loss: {name} does not fit {written} and outputs of shape {output_shape}."
            " Leave the loss out for the usual one."
        ) from error
