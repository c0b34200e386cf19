"""Keras callbacks: the end of `fit`, and sparsity for TensorBoard."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.pruning.wrapper import PruneLowMagnitude, wrappers


class UpdatePruningStep(tf_keras.callbacks.Callback):
    """Settles the masks at the end of `fit`, so that the target is met when training ends early.

    The masks themselves are updated inside the training step, with or without this callback.

    Example:
        >>> model.fit(x, y, callbacks=[UpdatePruningStep()])
    """

    _supports_tf_logs = True

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0
        self._seen_in_epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts counting at the steps that the masks have already seen."""
        counted = [int(m.step.numpy()) for wrapper in wrappers(self.model) for m in wrapper.masked_weights]
        self._steps, self._seen_in_epoch = max(counted, default=0), 0
        optimizer = self.model.optimizer
        # Legacy ones refuse a sparse gradient, an Embedding's, for a variable with a constraint.
        legacy = isinstance(optimizer, tf_keras.optimizers.legacy.Optimizer)
        if legacy and dense_gradients not in optimizer.gradient_transformers:
            optimizer.gradient_transformers.append(dense_gradients)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the steps that were really run: an optimizer may skip some of them."""
        self._seen_in_epoch = batch + 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds the epoch's steps."""
        self._steps += self._seen_in_epoch
        self._seen_in_epoch = 0

    def on_train_end(self, logs: Any = None) -> None:
        """Sets every mask to its schedule's value at the last step."""
        for wrapper in wrappers(self.model):
            wrapper.settle(self._steps + self._seen_in_epoch)


def dense_gradients(grads_and_vars: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Makes the gradients of constrained variables dense tensors."""
    return [
        (grad if grad is None or variable.constraint is None else tf.convert_to_tensor(grad), variable)
        for grad, variable in grads_and_vars
    ]


class PruningSummaries(tf_keras.callbacks.TensorBoard):
    """Logs every mask's sparsity and threshold to TensorBoard, at each epoch's end and the end of training.

    Args:
        log_dir: Directory of the event files.
        update_freq: As in `tf_keras.callbacks.TensorBoard`. Default `epoch`.
        **kwargs: As in `tf_keras.callbacks.TensorBoard`.

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the sparsities that the epoch ended with."""
        super().on_epoch_end(epoch, logs)
        self._write()

    def on_train_end(self, logs: Any = None) -> None:
        """Writes the final sparsities."""
        for wrapper in wrappers(self.model):
            wrapper.settle()
        self._write()
        super().on_train_end(logs)

    def _write(self) -> None:
        step = int(self.model.optimizer.iterations.numpy())
        with self._pruning_writer.as_default():
            for wrapper in wrappers(self.model):
                for name, value in _summaries(wrapper).items():
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
