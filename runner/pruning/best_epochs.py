"""`EarlyStopping` and `ModelCheckpoint`, Keras's callbacks that choose among epochs, for pruning.

While sparsity rises, an earlier epoch is the better one because it is the denser one, and restoring it brings
back weights that the masks of the last step then prune, untrained. So only epochs count at whose end every
schedule stays at its final level.
"""

import warnings
from typing import Any

import tf_keras

from runner.pruning.counts import SPARSITY_TOLERANCE
from runner.pruning.masked_weight import MaskedWeight
from runner.pruning.schedules import PruningSchedule
from runner.pruning.update_steps import last_step, settled_sparsity
from runner.pruning.wrapper import wrappers

_SAMPLES = 64


class _CountsEpochs(tf_keras.callbacks.Callback):
    """What both callbacks share: they warn where no epoch counted."""

    _counted = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        self._counted = False
        super().on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Ends; EarlyStopping restores the best weights of the epochs that counted.

        Warns:
            UserWarning: If no epoch did.
        """
        if not self._counted:
            warnings.warn(
                f"runner.pruning.{self._lost()}: in no epoch of this training did every schedule stay at its"
                " final level. An end_step well before the end of training leaves epochs to choose among.",
                stacklevel=2,
            )
        super().on_train_end(logs)

    def _lost(self) -> str:
        """Says what was not done where no epoch counted."""
        raise NotImplementedError

    def _is_final(self, epoch: int) -> bool:
        """Tells whether every schedule stays at its final level from the end of this epoch on."""
        known = self.params or {}
        epochs, steps = known.get("epochs"), known.get("steps")
        left = None if epochs is None or steps is None else max(epochs - epoch - 1, 0) * steps
        return at_final_level(self.model, left)


class EarlyStopping(_CountsEpochs, tf_keras.callbacks.EarlyStopping):
    """tf-keras's, counting only epochs from where every schedule stays at its final level.

    Before, nothing is monitored, no weights are kept, and training is not stopped. The arguments are those of
    `tf_keras.callbacks.EarlyStopping`.

    Example:
        >>> best = EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
        >>> model.fit(x, y, epochs=20, validation_split=0.1, callbacks=[UpdatePruningStep(), best])
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Counts the epoch if every schedule stays at its final level."""
        if self._is_final(epoch):
            self._counted = True
            super().on_epoch_end(epoch, logs)

    def _lost(self) -> str:
        return "EarlyStopping has stopped and restored nothing"


class ModelCheckpoint(_CountsEpochs, tf_keras.callbacks.ModelCheckpoint):
    """tf-keras's, whose best model is the best from where every schedule stays at its final level.

    The arguments are those of `tf_keras.callbacks.ModelCheckpoint`. Without `save_best_only` it saves as
    Keras's does, at all times.

    Example:
        >>> best = ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True)
        >>> model.fit(x, y, epochs=20, validation_split=0.1, callbacks=[UpdatePruningStep(), best])
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves where Keras's does, and of the best only if every schedule stays at its final level."""
        if self._counts(epoch):
            super().on_epoch_end(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Likewise after some batches, where `save_freq` is a number."""
        if self._counts(self._current_epoch):
            super().on_train_batch_end(batch, logs)

    def _lost(self) -> str:
        return f"ModelCheckpoint has saved nothing to {self.filepath}"

    def _counts(self, epoch: int) -> bool:
        counts = not self.save_best_only or self._is_final(epoch)
        self._counted |= counts
        return counts


def at_final_level(model: tf_keras.layers.Layer, steps_left: int | None) -> bool:
    """Tells whether every mask is at the final level of its schedule, and the schedule stays there.

    The final level is the value at `end_step`. A schedule that names no end is at its final level where its
    value stays the same until training ends; 64 of the steps until then are evaluated.

    Args:
        model: A model or layer with wrappers in it; frozen layers do not count.
        steps_left: Training steps to come; None where that is unknown, and as many as were taken are assumed.

    Returns:
        True also where nothing is pruned.
    """
    trained = [wrapper for wrapper in wrappers(model) if wrapper.trainable]
    masks = [(masked, int(masked.step.numpy())) for each in trained for masked in each.masked_weights]
    asked = {(masked.schedule, now) for masked, now in masks}  # Many weights share one schedule.
    levels = {each: _final_level(*each, steps_left) for each in asked}
    return all(_has(masked, levels[masked.schedule, now]) for masked, now in masks)


def _final_level(schedule: PruningSchedule, now: int, steps_left: int | None) -> float | None:
    """Returns the level of a schedule after a step; None where it changes later, or has not begun."""
    level = settled_sparsity(schedule, now)
    end = last_step(schedule)
    last = end if end >= 0 else now + (now if steps_left is None else steps_left)
    span = max(last - now, 0)
    # Not every step: a schedule of the user's may take a millisecond, and training have a million steps.
    ahead = {now + span * part // _SAMPLES for part in range(1, _SAMPLES + 1)}
    later = (settled_sparsity(schedule, step) for step in sorted(ahead, reverse=True))
    stays = level is not None and all(
        it is not None and abs(it - level) <= SPARSITY_TOLERANCE for it in later
    )
    return level if stays else None


def _has(masked: MaskedWeight, level: float | None) -> bool:
    mask = masked.spec.layout.kernel(masked.mask.numpy())
    return level is not None and masked.spec.structure.agrees(mask, level)
