"""Keras callbacks: the end of `fit`, and sparsity for TensorBoard."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.pruning.mask_settling import settle_trained
from runner.pruning.prunable import refuse_keras_3
from runner.pruning.step_count import StepCount
from runner.pruning.wrapper import PruneLowMagnitude, wrappers


class UpdatePruningStep(tf_keras.callbacks.Callback):
    """Settles the masks at the end of `fit`, so that the target is met when training ends early.

    The masks themselves are updated inside the training step, with or without this callback. A step is one
    application of gradients, however many batches these were accumulated over; what a `LossScaleOptimizer`
    skips counts, as in its own iterations, when the masks are settled. Where no tf-keras optimizer changes
    the weights, masks are set at each epoch's end, for as many steps as batches have changed the weights.

    Example:
        >>> model.fit(x, y, callbacks=[UpdatePruningStep()])
    """

    _supports_tf_logs = True

    def __init__(self) -> None:
        super().__init__()
        self._steps = StepCount([], None)
        self._at_begin: dict[PruneLowMagnitude, int] = {}
        self._at_epoch_end: dict[PruneLowMagnitude, int] = {}
        self._by_epoch_end = 0

    def set_model(self, model: tf_keras.Model) -> None:
        """Takes the model that is trained; raises ValueError for one of Keras 3."""
        refuse_keras_3(model)
        super().set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts counting at the steps that the masks have already seen."""
        optimizer = self.model.optimizer
        _begin_training(self.model)
        self._steps = StepCount(wrappers(self.model), optimizer)
        self._at_begin = {wrapper: wrapper.steps for wrapper in wrappers(self.model)}
        self._at_epoch_end, self._by_epoch_end = dict(self._at_begin), 0
        # Legacy ones refuse a sparse gradient, an Embedding's, for a variable with a constraint.
        legacy = isinstance(optimizer, tf_keras.optimizers.legacy.Optimizer)
        if legacy and dense_gradients not in optimizer.gradient_transformers:
            optimizer.gradient_transformers.append(dense_gradients)

    def on_epoch_begin(self, epoch: int = -1, logs: Any = None) -> None:
        """Goes on from the steps that the masks have now: another callback may have taken some back."""
        self._steps.update()
        self._steps.start_again()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Counts what the batch before has changed, as long as no optimizer is known to count."""
        if not self._steps.is_kept:
            self._steps.update()

    def on_epoch_end(self, batch: int = -1, logs: Any = None, epoch: int = -1) -> None:
        """Settles the masks that no optimizer kept; `batch`, TFMOT's name for the epoch, is not read."""
        taken = self._steps.update()
        for wrapper in wrappers(self.model):
            if taken > self._by_epoch_end and wrapper.steps == self._at_epoch_end.get(wrapper, 0):
                wrapper.settle(self._at_begin.get(wrapper, 0) + taken)
            self._at_epoch_end[wrapper] = wrapper.steps
        self._by_epoch_end = taken
        self._steps.start_again()

    def on_train_end(self, logs: Any = None) -> None:
        """Sets every mask to its schedule's value at the last step.

        Warns:
            UserWarning: Where it prunes weights that training had kept, because another callback has restored
                those of an earlier step, or because an optimizer has skipped steps that count.
        """
        taken = self._steps.update()
        steps = {wrapper: self._at_begin.get(wrapper, 0) + taken for wrapper in wrappers(self.model)}
        settle_trained(self.model, steps, by="UpdatePruningStep")


def _begin_training(model: tf_keras.Model) -> None:
    for wrapper in wrappers(model):
        wrapper.begin_training()


def dense_gradients(grads_and_vars: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Makes the gradients of constrained variables dense tensors."""
    return [
        (grad if grad is None or variable.constraint is None else tf.convert_to_tensor(grad), variable)
        for grad, variable in grads_and_vars
    ]


class PruningSummaries(tf_keras.callbacks.TensorBoard):
    """Logs every mask's sparsity and threshold to TensorBoard, as each epoch begins and ends, and at the end.

    Args:
        log_dir: Directory of the event files.
        update_freq: As in `tf_keras.callbacks.TensorBoard`. Default `epoch`.
        **kwargs: Its other arguments.

    Raises:
        ValueError: If `log_dir` is no path.
        ImportError: If the package tensorboard is not installed.
    """

    def __init__(self, log_dir: str, update_freq: str | int = "epoch", **kwargs: Any) -> None:
        if not isinstance(log_dir, str) or not log_dir:
            raise ValueError(f"log_dir is {log_dir!r}; it must be the path of a directory.")
        if find_spec("tensorboard") is None:
            raise ImportError("PruningSummaries needs the package tensorboard: pip install tensorboard")
        super().__init__(log_dir=log_dir, update_freq=update_freq, **kwargs)
        self._pruning_writer = tf.summary.create_file_writer(f"{log_dir}/pruning")
        self._written: tuple[int, dict[str, float]] | None = None

    def set_model(self, model: tf_keras.Model) -> None:
        """Takes the model that is trained; raises ValueError for one of Keras 3."""
        refuse_keras_3(model)
        super().set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Begins a training at the steps that the masks have already seen."""
        _begin_training(self.model)
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Writes the sparsities that the epoch begins with."""
        super().on_epoch_begin(epoch, logs)
        self._write()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the sparsities that the epoch ended with."""
        super().on_epoch_end(epoch, logs)
        self._write()

    def on_train_end(self, logs: Any = None) -> None:
        """Settles the masks, and writes the final sparsities."""
        settle_trained(self.model, {}, by="PruningSummaries")
        self._write()
        super().on_train_end(logs)

    def _write(self) -> None:
        """Writes what has changed since it last wrote: an epoch begins where another has ended."""
        optimizer, found = self.model.optimizer, wrappers(self.model)
        step = (
            int(optimizer.iterations.numpy())
            if optimizer
            else max((wrapper.steps for wrapper in found), default=0)
        )
        values = {name: value for wrapper in found for name, value in _summaries(wrapper).items()}
        if self._written == (step, values):
            return
        self._written = step, values
        with self._pruning_writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)
        self._pruning_writer.flush()


def _summaries(wrapper: PruneLowMagnitude) -> dict[str, float]:
    """Returns sparsity and threshold (the smallest kept magnitude) of each of a wrapper's weights."""
    found = {}
    for masked in wrapper.masked_weights:
        mask = masked.mask.numpy()
        kept = np.abs(masked.weight.variable.numpy()[mask])
        found[f"{wrapper.layer.name}/{masked.name}/sparsity"] = masked.sparsity()
        found[f"{wrapper.layer.name}/{masked.name}/threshold"] = float(kept.min()) if kept.size else 0.0
    return found
