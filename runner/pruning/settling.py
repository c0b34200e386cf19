"""Settling the masks of a model when training ends, and saying what that changed."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tf_keras

from runner.pruning.wrapper import PruneLowMagnitude, wrappers

_SMALL_COUNT, _SMALL_NORM = 0.01, 0.01
"""Shares of the non-zero weights, and of their Euclidean norm: what changes no more is not worth a word."""
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


@dataclass(frozen=True)
class Change:
    """What settling did to one weight.

    Args:
        name: Of layer and weight.
        before: Share of zeros before, in [0, 1].
        after: Share of zeros after, in [0, 1].
        reasons: Why, in sentences.
    """

    name: str
    before: float
    after: float
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """Writes both shares in per cent."""
        return f"{self.name} {self.before:.1%} -> {self.after:.1%}"


@dataclass(frozen=True)
class _State:
    """A weight and its mask before settling."""

    values: np.ndarray
    mask: np.ndarray
    is_earlier: bool


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


def _settle(wrapper: PruneLowMagnitude, steps: int | None = None, because: str | None = None) -> list[Change]:
    """Settles a wrapper's masks, and lists the large changes with their reasons, or the one given."""
    before = [
        _State(masked.weight.variable.numpy().copy(), masked.mask.numpy().copy(), masked.is_earlier)
        for masked in wrapper.masked_weights
    ]
    wrapper.settle(steps)
    changes = []
    for masked, state in zip(wrapper.masked_weights, before, strict=True):
        pruned = (state.values != 0) & (masked.weight.variable.numpy() == 0)
        if _is_large(state.values, pruned):
            name = f"{wrapper.layer.name}: {masked.name}"
            size = state.values.size
            zeros = 1 - np.count_nonzero(state.values) / size
            reasons = (because,) if because else _reasons(state, pruned)
            changes.append(Change(name, zeros, masked.zeros() / size, reasons))
    return changes


def _reasons(state: _State, pruned: np.ndarray) -> tuple[str, ...]:
    if state.is_earlier:
        return (_RESTORED,)
    by_old_mask = pruned & ~state.mask
    outside, went_on = _is_large(state.values, by_old_mask), _is_large(state.values, pruned & state.mask)
    return ((_OUTSIDE,) if outside else ()) + ((_WENT_ON,) if went_on or not outside else ())


def _is_large(before: np.ndarray, pruned: np.ndarray) -> bool:
    """Tells whether more was pruned than rounding, or an average of weights that dies away, explains."""
    kept, count = np.count_nonzero(before), np.count_nonzero(pruned)
    if count <= max(1, _SMALL_COUNT * kept):
        return False
    values = before.astype(np.float64)
    return float(np.linalg.norm(values[pruned])) > _SMALL_NORM * float(np.linalg.norm(values))


def _warn(changes: list[Change], by: str) -> None:
    if not changes:
        return
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    reasons = dict.fromkeys(reason for change in changes for reason in change.reasons)
    warnings.warn(
        f"{by} has pruned weights that training had kept (share of zeros before -> after):"
        f" {', '.join(map(str, changes[:_MOST_NAMED]))}{more}. What was measured before no longer holds:"
        f" evaluate the model again. {' '.join(reasons)}",
        stacklevel=4,
    )
