"""Telling when every schedule of a model stays at its final level: from then on, epochs compare."""

import tf_keras

from runner.pruning.masked_weight import MaskedWeight
from runner.pruning.schedule import PruningSchedule, last_step, settled_sparsity
from runner.pruning.wrapper import wrappers

_SAMPLES = 64
_ROUNDING = 1e-6


def at_final_level(model: tf_keras.layers.Layer, steps_left: int | None) -> bool:
    """Tells whether every mask is at the final level of its schedule, and the schedule stays there.

    The final level is the value at `end_step`. A schedule that names no end is at its final level where its
    value stays the same until training ends. Of the steps between, 64 are asked for.

    Args:
        model: A model or layer with wrappers in it; frozen layers do not count.
        steps_left: Training steps to come. None: nobody knows, and as many are asked for as have been taken.

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
    stays = level is not None and all(it is not None and abs(it - level) <= _ROUNDING for it in later)
    return level if stays else None


def _has(masked: MaskedWeight, level: float | None) -> bool:
    mask = masked.weight.layout.kernel(masked.mask.numpy())
    return level is not None and masked.structure.agrees(mask, level)
