"""What the data and the model's output make of a training: classification or regression."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras

from runner.errors import UserError
from runner.recipe.schema import Training

_CROSSENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Task:
    """What is minimised and what is reported.

    Args:
        loss: The Keras loss, called with targets and outputs.
        metrics: Names of Keras metrics; `accuracy` for classification.
        classifies: Whether accuracy has a meaning.
    """

    loss: Callable[[np.ndarray, np.ndarray], Any]
    metrics: tuple[str, ...]
    classifies: bool

    def score(self, targets: np.ndarray, outputs: np.ndarray) -> Mapping[str, float]:
        """Judges a model's outputs the way training does.

        Args:
            targets: Labels `[n]` or regression targets `[n, ...]`.
            outputs: `[n, classes]` or `[n, ...]`.

        Returns:
            `loss`, and for classification `accuracy`.
        """
        scores = {"loss": float(np.mean(self.loss(targets, outputs)))}
        if self.classifies:
            scores["accuracy"] = float(np.mean(np.argmax(outputs, axis=-1) == targets))
        return scores


def task_for(training: Training, model: tf_keras.Model, num_classes: int | None) -> Task:
    """Reads the task off the data and the model's last activation, where the recipe doesn't name it.

    Args:
        training: `loss` and `metrics` of it count where they are given.
        model: Its output says whether it gives logits or probabilities.
        num_classes: Classes of the data; None for regression.

    Raises:
        UserError: A loss or metric is unknown.
    """
    classifies = num_classes is not None
    name = training.loss or (_CROSSENTROPY if classifies else "mean_squared_error")
    metrics = training.metrics if training.metrics is not None else (("accuracy",) if classifies else ())
    for metric in metrics:
        _known(metric, tf_keras.metrics.get, "recipe.training.metrics", "metric")
    if name == _CROSSENTROPY:
        loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=not gives_probabilities(model))
    else:
        loss = _known(name, tf_keras.losses.get, "recipe.training.loss", "loss")
    return Task(loss, tuple(metrics), classifies)


def _known(name: str, get: Callable[[str], Any], where: str, concept: str) -> Any:
    try:
        return get(name)
    except ValueError:
        raise UserError(
            f"{where}: Keras has no {concept} called {name!r}. Usual ones: sparse_categorical_crossentropy, "
            "mean_squared_error, mean_absolute_error, accuracy."
        ) from None


def gives_probabilities(model: tf_keras.Model) -> bool:
    """Tells whether a model ends in a softmax; logits otherwise."""
    last = model.layers[-1]
    if isinstance(last, tf_keras.Model):
        return gives_probabilities(last)
    softmax = isinstance(last, tf_keras.layers.Softmax)
    return softmax or getattr(last, "activation", None) is tf_keras.activations.softmax
