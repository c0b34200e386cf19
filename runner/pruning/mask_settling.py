"""Sets the masks of a model for good when training ends, and reports what that changed."""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tf_keras

from runner.pruning.wrapper import PruneLowMagnitude, wrappers

_SMALL_COUNT, _SMALL_NORM = 0.01, 0.01
"""Shares of the non-zero weights, and of their Euclidean norm: smaller changes are not reported."""
_MOST_NAMED = 8

_RESTORED = (
    "The weights had been restored from before the step that training reached, as"
    " EarlyStopping(restore_best_weights=True) or a best checkpoint does. runner.pruning.EarlyStopping and"
    " runner.pruning.ModelCheckpoint choose only among epochs from where every schedule stays at its final"
    " level."
)
_OUTSIDE = (
    "The weights were changed outside the optimizer, by hand or by averages of them that were written back"
    " (use_ema); UpdatePruningStep masks them again at the end of fit."
)
_UNSEEN = (
    "Training steps that the masks did not see were counted: those that LossScaleOptimizer skips while its"
    " scale is too high (a lower initial_scale skips fewer), or that a callback took back as it restored"
    " earlier weights in the middle of training."
)
_WENT_ON = (
    "The schedules had gone on since the last update of the masks; UpdatePruningStep settles them at the end"
    " of fit."
)


class _Change(NamedTuple):
    """What settling did to one weight: its name, its share of zeros before and after, and the reasons."""

    name: str
    before: float
    after: float
    reasons: tuple[str, ...]


def settle_model(model: tf_keras.layers.Layer, *, by: str) -> None:
    """Settles every mask of a model, and warns where weights were pruned that training had kept.

    Args:
        model: A model or layer with wrappers in it; frozen layers are left alone.
        by: Who does it, for the message.
    """
    _warn([change for wrapper in wrappers(model) for change in _settle(wrapper)], by)


def settle_trained(model: tf_keras.Model, steps: Mapping[PruneLowMagnitude, int], *, by: str) -> None:
    """Settles every mask at the end of `fit`; warns only where that is not what a schedule promises.

    That is, where earlier weights had been restored, or where steps count that the masks have not seen. What
    a schedule has gone on by since the last update, and averages of weights, are settled in silence.

    Args:
        model: The model; frozen layers are left alone.
        steps: Training steps of each wrapper, where the caller knows.
        by: Who does it, for the message.
    """
    changes = []
    for wrapper in wrappers(model):
        changes += [change for change in _settle(wrapper) if change.reasons == (_RESTORED,)]
        if steps.get(wrapper, 0) > wrapper.steps:
            changes += _settle(wrapper, steps[wrapper], because=_UNSEEN)
    _warn(changes, by)


def _settle(
    wrapper: PruneLowMagnitude, steps: int | None = None, because: str | None = None
) -> list[_Change]:
    """Settles a wrapper's masks, and lists the large changes with their reasons, or the one given."""
    before = [
        (masked.weight.variable.numpy().copy(), masked.mask.numpy().copy(), masked.is_earlier)
        for masked in wrapper.masked_weights
    ]
    wrapper.settle(steps)
    changes = []
    for masked, (values, mask, is_earlier) in zip(wrapper.masked_weights, before, strict=True):
        pruned = (values != 0) & (masked.weight.variable.numpy() == 0)
        if not _is_large(values, pruned):
            continue
        outside, went_on = _is_large(values, pruned & ~mask), _is_large(values, pruned & mask)
        if because is not None:
            reasons: tuple[str, ...] = (because,)
        elif is_earlier:
            reasons = (_RESTORED,)
        else:
            reasons = ((_OUTSIDE,) if outside else ()) + ((_WENT_ON,) if went_on or not outside else ())
        zeros = 1 - np.count_nonzero(values) / values.size
        name = f"{wrapper.layer.name}: {masked.name}"
        changes.append(_Change(name, zeros, masked.zeros() / values.size, reasons))
    return changes


def _is_large(before: np.ndarray, pruned: np.ndarray) -> bool:
    """Tells whether more was pruned than rounding, or an average of weights that dies away, explains."""
    kept, count = np.count_nonzero(before), np.count_nonzero(pruned)
    if count <= max(1, _SMALL_COUNT * kept):
        return False
    values = before.astype(np.float64)
    return float(np.linalg.norm(values[pruned])) > _SMALL_NORM * float(np.linalg.norm(values))


def _warn(changes: list[_Change], by: str) -> None:
    if not changes:
        return
    named = [f"{each.name} {each.before:.1%} -> {each.after:.1%}" for each in changes[:_MOST_NAMED]]
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    reasons = dict.fromkeys(reason for change in changes for reason in change.reasons)
    warnings.warn(
        f"{by} has pruned weights that training had kept (share of zeros before -> after):"
        f" {', '.join(named)}{more}. What was measured before no longer holds:"
        f" evaluate the model again. {' '.join(reasons)}",
        stacklevel=4,
    )
