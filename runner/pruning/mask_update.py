"""Updates masks inside the training step, by one function for all weights that it fits.

The function is traced once for a schedule and a structure and, where the structure does not depend on axes,
once for weights of every shape: a model of many layers would otherwise spend more time on tracing masks than
on tracing its training step.
"""

import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from runner.pruning import graph_masks
from runner.pruning.layouts import KernelLayout
from runner.pruning.schedules import PruningSchedule
from runner.pruning.selection import needs_bisection
from runner.pruning.structures import Structure
from runner.pruning.update_steps import decide

Update = Callable[..., tuple[tf.Tensor, tf.Tensor]]
"""Takes weights, mask, step and, for random scores, a seed."""


def new_mask(
    weights: tf.Tensor,
    sparsity: tf.Tensor,
    structure: Structure,
    layout: KernelLayout,
    seed: tf.Tensor | None,
) -> tf.Tensor:
    """Computes a mask anew.

    Args:
        weights: Float tensor, as the layer stores it.
        sparsity: float32 scalar, in [0, 1).
        structure: Which weights are zeroed together.
        layout: How the weight's axes read as a kernel.
        seed: uint64 scalar: the weights are ranked by `importance.random_scores` of it; None: by magnitude.

    Returns:
        bool, of the shape of `weights`.
    """
    shape = tf.shape(weights)
    if not structure.reads_axes:
        weights, layout = tf.reshape(weights, [-1]), KernelLayout()
    if seed is None:
        ranked = layout.kernel(weights)
    else:
        scores = tf.reshape(graph_masks.random_scores(tf.size(weights), seed), tf.shape(weights))
        ranked = structure.shared(layout.kernel(scores))
    return tf.reshape(layout.stored(structure.graph_mask(ranked, sparsity), weights.shape), shape)


class MaskUpdates:
    """The functions that all weights of one schedule share; see `shared_updates`."""

    def __init__(self, schedule: PruningSchedule) -> None:
        self.schedule = schedule
        self.functions: dict[Any, Update] = {}


# Only the users of a schedule's functions keep them: their graphs refer to the graph of the training step, so
# to the model and its schedule, which would never be freed if they were held here.
_SHARED: "weakref.WeakKeyDictionary[PruningSchedule, weakref.ref[MaskUpdates]]" = weakref.WeakKeyDictionary()


def shared_updates(schedule: PruningSchedule) -> MaskUpdates:
    """Returns the functions of a schedule, the same as long as one of their users exists."""
    kept = _SHARED.get(schedule)
    updates = kept() if kept is not None else None
    if updates is None:
        updates = MaskUpdates(schedule)
        _SHARED[schedule] = weakref.ref(updates)
    return updates


def updated_mask(
    weights: tf.Tensor,
    mask: tf.Tensor,
    step: tf.Tensor,
    structure: Structure,
    updates: MaskUpdates,
    layout: KernelLayout,
    seed: int | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the mask after a training step: a new one where the schedule says so, else the same.

    Args:
        weights: As in `new_mask`, of static shape.
        mask: bool, of that shape: the mask so far.
        step: int64 scalar, counted from 1.
        structure: As in `new_mask`.
        updates: The schedule's functions.
        layout: As in `new_mask`.
        seed: As in `new_mask`, a Python number.

    Returns:
        The mask, and whether the weights that it was computed from were finite (True where it was not).
    """
    shape = weights.shape
    if not structure.reads_axes:
        weights, mask, layout = tf.reshape(weights, [-1]), tf.reshape(mask, [-1]), KernelLayout()
    inputs = [weights, mask, step] if seed is None else [weights, mask, step, seed_tensor(seed)]
    new, finite = _function(structure, updates, layout, weights, is_random=seed is not None)(*inputs)
    return tf.reshape(new, shape), finite


def seed_tensor(seed: int | None) -> tf.Tensor | None:
    """Returns a seed as `new_mask` takes it."""
    return None if seed is None else tf.constant(seed, tf.uint64)


def _function(
    structure: Structure, updates: MaskUpdates, layout: KernelLayout, weights: tf.Tensor, *, is_random: bool
) -> Update:
    shape = tuple(weights.shape) if structure.reads_axes else (None,)
    # A selection traced for the CPU must not be met again under XLA, which cannot compile it.
    key = structure, layout, shape, weights.dtype, is_random, needs_bisection()
    if key not in updates.functions:
        updates.functions[key] = _build(structure, updates.schedule, layout, shape, weights.dtype, is_random)
    return updates.functions[key]


def _build(
    structure: Structure,
    schedule: PruningSchedule,
    layout: KernelLayout,
    shape: tuple[int | None, ...],
    dtype: tf.DType,
    is_random: bool,
) -> Update:
    def update(
        weights: tf.Tensor, mask: tf.Tensor, step: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        updates, sparsity = decide(schedule, step)

        def renew() -> tuple[tf.Tensor, tf.Tensor]:
            kept = new_mask(weights, sparsity, structure, layout, seed)
            return kept, tf.reduce_all(tf.math.is_finite(weights))

        return tf.cond(updates, renew, lambda: (mask, tf.constant(True)))

    signature = [tf.TensorSpec(shape, dtype), tf.TensorSpec(shape, tf.bool), tf.TensorSpec([], tf.int64)]
    if is_random:
        signature.append(tf.TensorSpec([], tf.uint64))
    # Inlined, each call would bring the branches along, and each would be placed and prepared anew.
    return tf.function(
        update, input_signature=signature, autograph=False, experimental_attributes={"_noinline": True}
    )
