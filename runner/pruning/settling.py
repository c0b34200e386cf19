"""Settling the masks of a model when training ends, and saying what that changed."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tf_keras

from runner.pruning.masked_weight import MaskedWeight
from runner.pruning.wrapper import PruneLowMagnitude, wrappers

_SMALL_COUNT, _SMALL_NORM = 0.01, 0.01
"""Shares of the non-zero weights, and of their Euclidean norm: what changes no more is not worth a word."""
_MOST_NAMED = 8


@dataclass(frozen=True)
class Change:
    """What settling did to one weight.

    Args:
        name: Of layer and weight.
        before: Share of zeros before, in [0, 1].
        after: Share of zeros after, in [0, 1].
        by_old_mask: Whether the mask is as it was, and the weights were not as it wanted them.
    """

    name: str
    before: float
    after: float
    by_old_mask: bool

    def __str__(self) -> str:
        """Writes both shares in per cent."""
        return f"{self.name} {self.before:.1%} -> {self.after:.1%}"


def settle_model(model: tf_keras.layers.Layer, *, by: str) -> None:
    """Settles every mask of a model, and warns where weights were pruned that training had kept.

    Args:
        model: A model or layer with wrappers in it; frozen layers are left alone.
        by: Who does it, for the message.
    """
    earlier = _are_earlier(model)
    _warn(_settle(model, {}), by, earlier)


def settle_trained(model: tf_keras.Model, steps: Mapping[PruneLowMagnitude, int], *, by: str) -> None:
    """Settles every mask at the end of `fit`, and warns only where earlier weights had been restored.

    Args:
        model: The model; frozen layers are left alone.
        steps: Training steps of each wrapper, where the caller knows.
        by: Who does it, for the message.
    """
    earlier = _are_earlier(model)
    changes = _settle(model, steps)
    if earlier:
        _warn(changes, by, earlier)


def _are_earlier(model: tf_keras.layers.Layer) -> bool:
    """Tells whether masks of an earlier step than the latest are back."""
    masked = [masked for wrapper in wrappers(model) for masked in wrapper.masked_weights]
    return any(int(each.step.numpy()) < each.note_step() for each in masked)


def _settle(model: tf_keras.layers.Layer, steps: Mapping[PruneLowMagnitude, int]) -> list[Change]:
    changes = []
    for wrapper in wrappers(model):
        before = [masked.weight.variable.numpy().copy() for masked in wrapper.masked_weights]
        masks = [masked.sparsity() for masked in wrapper.masked_weights]
        wrapper.settle(steps.get(wrapper))
        for masked, values, sparsity in zip(wrapper.masked_weights, before, masks, strict=True):
            if _is_large(values, masked):
                name = f"{wrapper.layer.name}: {masked.name}"
                zeros = 1 - np.count_nonzero(values) / values.size
                by_mask = masked.sparsity() == sparsity
                changes.append(Change(name, zeros, masked.zeros() / values.size, by_mask))
    return changes


def _is_large(before: np.ndarray, masked: MaskedWeight) -> bool:
    """Tells whether more was pruned than rounding, or an average of weights that dies away, explains."""
    after = masked.weight.variable.numpy()
    pruned = (before != 0) & (after == 0)
    kept, count = np.count_nonzero(before), np.count_nonzero(pruned)
    if count <= max(1, _SMALL_COUNT * kept):
        return False
    values = before.astype(np.float64)
    return float(np.linalg.norm(values[pruned])) > _SMALL_NORM * float(np.linalg.norm(values))


def _warn(changes: list[Change], by: str, earlier: bool) -> None:
    if not changes:
        return
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    if earlier or all(change.by_old_mask for change in changes):
        reason = (
            "The weights had been restored from before the step that training reached, as"
            " EarlyStopping(restore_best_weights=True) or a best checkpoint does."
            " runner.pruning.EarlyStopping and runner.pruning.ModelCheckpoint choose only among epochs from"
            " where every schedule stays at its final level."
        )
    else:
        reason = (
            "The schedules had gone on since the last update of the masks; UpdatePruningStep settles them at"
            " the end of fit."
        )
    warnings.warn(
        f"{by} has pruned weights that training had kept (share of zeros before -> after):"
        f" {', '.join(map(str, changes[:_MOST_NAMED]))}{more}. What was measured before no longer holds:"
        f" evaluate the model again. {reason}",
        stacklevel=4,
    )
