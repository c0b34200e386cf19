"""The fit: pruning happens inside the training step; here it is watched, and stopped at a NaN."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from runner.datasets import Split
from runner.plan import Plan
from runner.process.errors import RunFailed
from runner.pruning import UpdatePruningStep
from runner.pruning.masked_weight import BROKEN_WEIGHTS
from runner.pruning.wrapper import wrappers
from runner.recipe.recipe import Training
from runner.training.feeding import training_feed
from runner.verify.evidence import masked_weights

_MOST_POINTS = 200
"""Sparsity is measured at mask updates, but at most about this often in one training."""


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Args:
        epoch: From 1.
        step: Training steps so far, of the whole training.
        metrics: `train/loss`, `train/accuracy` and so on: Keras's running means over the epoch; at its end
            also `val/...`.
        sparsity: By layer, as last measured, `_pruned_layers` and `_model` among them.
        epoch_ended: Whether this is the end of an epoch.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    sparsity: dict[str, float]
    epoch_ended: bool


@dataclass(frozen=True)
class History:
    """What a training left behind: measured points `(step, name, value)` in order."""

    points: tuple[tuple[int, str, float], ...]


def train(
    model: tf_keras.Model,
    split: Split,
    training: Training,
    plan: Plan,
    *,
    watch: Callable[[Progress], None],
    record: Callable[[int, dict[str, float]], None],
) -> History:
    """Trains a wrapped, compiled model; its masks end at the plan's levels.

    Args:
        model: Wrapped by the plan and compiled.
        split: The samples to train on and to validate with.
        training: Epochs, batch size and augmentation.
        plan: Says at which steps masks are updated.
        watch: Called after every training step and every epoch.
        record: Called at each epoch's end, for every step measured since, with its metrics.

    Returns:
        All measured points.

    Raises:
        RunFailed: The loss or a weight became NaN or infinite; the message has the step. Or the optimizer
            does not apply gradients once in every step, so that the masks would not follow the plan.
    """
    observer = _Observer(plan, watch, record)
    try:
        model.fit(
            **training_feed(split.x_train, split.y_train, training),
            validation_data=(split.x_val, split.y_val) if len(split.x_val) else None,
            verbose=0,
            callbacks=[UpdatePruningStep(), observer],
        )
    except tf.errors.InvalidArgumentError as error:
        observer.explain(error)
        raise
    finally:
        observer.flush()  # What was measured in an epoch that did not end is a result too.
    observer.check_weights()
    return History(tuple(observer.points))


class _Observer(tf_keras.callbacks.Callback):
    """Measures sparsity at mask updates and stops at a loss that is not finite."""

    def __init__(
        self,
        plan: Plan,
        watch: Callable[[Progress], None],
        record: Callable[[int, dict[str, float]], None],
    ) -> None:
        super().__init__()
        self.points: list[tuple[int, str, float]] = []
        self._watch, self._record, self._plan = watch, record, plan
        self._measured_at = _measuring_steps([row.updates for row in plan.pruned], plan.total_steps)
        self._sparsity: dict[str, float] = {}
        self._pending: dict[int, dict[str, float]] = {}
        self._epoch = self._step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._step += 1
        self._check_finite("the loss", (logs or {}).get("loss", 0.0))
        if self._step in self._measured_at:
            self._measure()
        self._tell(logs, epoch_ended=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._check_steps()
        self._measure()
        self._note(self._step, _named(logs) | {"train/learning_rate": learning_rate(self.model.optimizer)})
        self.flush()
        self._tell(logs, epoch_ended=True)
        self._check_finite("the validation loss", (logs or {}).get("val_loss", 0.0))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        # Masks whose schedule rises between their updates were set to its last level just now.
        before = self._sparsity
        self._sparsity = measured_sparsity(self.model)
        settled = {
            f"sparsity/{name}": value for name, value in self._sparsity.items() if value != before.get(name)
        }
        self.points = [point for point in self.points if point[0] != self._step or point[1] not in settled]
        if settled:
            self._note(self._step, settled)
            self.flush()

    def flush(self) -> None:
        """Records what was measured since the last time."""
        for step in sorted(self._pending):
            self._record(step, self._pending[step])
            del self._pending[step]  # Not before: recording may be interrupted, and is then done again.

    def check_weights(self) -> None:
        """Looks at what the last step made of the weights: no loss was computed after it."""
        for weight in self.model.trainable_weights:
            values = weight.numpy()
            self._check_finite(f"a value of {weight.name}", float(values[~np.isfinite(values)][:1].sum()))

    def explain(self, error: Exception) -> None:
        """Raises what the engine's check of a weight means, where that is what ended training.

        Raises:
            RunFailed: The error is that of a mask update that met NaN or infinite weights.
        """
        told = re.search(rf"\[([^\[\]]+ {BROKEN_WEIGHTS})\] \[(\d+)\]", str(error))
        if told is not None:
            raise RunFailed(f"{told[1]} {told[2]} {self._remedy()}") from error

    def _remedy(self) -> str:
        epochs = self.params["epochs"]
        remedy = "The usual remedy is a smaller recipe.training.optimizer.learning_rate."
        return f"(epoch {self._epoch} of {epochs}). {remedy}"

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise RunFailed(f"{what} became {value} at training step {self._step} {self._remedy()}")

    def _check_steps(self) -> None:
        """Compares the plan's steps, one a batch, with the masks', one an application of gradients."""
        if isinstance(self.model.optimizer, tf_keras.mixed_precision.LossScaleOptimizer):
            return  # What it skips counts too, when the masks are settled.
        steps = max((wrapper.steps for wrapper in wrappers(self.model)), default=self._step)
        if steps != self._step:
            raise RunFailed(
                f"the optimizer applied gradients {steps} times in {self._step} training steps (epoch"
                f" {self._epoch}). Schedules are planned in training steps, one for each batch, and masks"
                " follow what is applied: with gradients accumulated over batches they would not arrive."
                " Use a larger recipe.training.batch_size instead."
            )

    def _measure(self) -> None:
        self._sparsity = measured_sparsity(self.model)
        self._note(self._step, {f"sparsity/{name}": value for name, value in self._sparsity.items()})

    def _note(self, step: int, metrics: dict[str, float]) -> None:
        known = self._pending.setdefault(step, {})
        self.points += [(step, name, value) for name, value in metrics.items() if name not in known]
        known.update(metrics)

    def _tell(self, logs: dict[str, float] | None, *, epoch_ended: bool) -> None:
        self._watch(Progress(self._epoch, self._step, _named(logs), self._sparsity, epoch_ended))


def measured_sparsity(model: tf_keras.Model) -> dict[str, float]:
    """Counts the zeros of the pruned weights of a wrapped model.

    Returns:
        The share of zeros per layer; `_pruned_layers`: over all pruned tensors; `_model`: their zeros over
        all of the model's weights, biases and statistics included.
    """
    counts: dict[str, list[int]] = {}
    masks = 0
    for (layer, _), masked in masked_weights(model).items():
        values = masked.weight.variable.numpy()
        zeros, size = counts.get(layer, [0, 0])
        counts[layer] = [zeros + values.size - int(np.count_nonzero(values)), size + values.size]
        masks += values.size + 1  # Mask and step count as weights of the wrapper.
    shares = {layer: zeros / size for layer, (zeros, size) in counts.items()}
    if counts:
        zeros, size = (sum(column) for column in zip(*counts.values(), strict=True))
        shares["_pruned_layers"] = zeros / size
        shares["_model"] = zeros / (model.count_params() - masks)
    return shares


def learning_rate(optimizer: tf_keras.optimizers.Optimizer) -> float:
    """Returns the learning rate of the last step that an optimizer took."""
    rate = optimizer.learning_rate
    if isinstance(rate, tf_keras.optimizers.schedules.LearningRateSchedule):
        rate = rate(optimizer.iterations - 1)  # Legacy optimizers do not keep it.
    return float(rate)


def _measuring_steps(updates: Sequence[list[int]], total_steps: int) -> set[int]:
    every = sorted({step for steps in updates for step in steps} | {total_steps})
    stride = math.ceil(len(every) / _MOST_POINTS)
    return {*every[::stride], every[-1]}


def _named(logs: dict[str, float] | None) -> dict[str, float]:
    named = {}
    for key, value in (logs or {}).items():
        split, name = ("val", key[4:]) if key.startswith("val_") else ("train", key)
        named[f"{split}/{name}"] = float(value)
    return named
