"""Updates masks inside the training step, by one function for all weights that it fits.

The function is traced once for a schedule and a structure and, where the structure does not depend on axes,
once for weights of every shape: a model of many layers would otherwise spend more time on tracing masks than
on tracing its training step.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from runner.pruning import graph_masks
from runner.pruning.layouts import KERNEL, KernelLayout
from runner.pruning.schedules import PruningSchedule
from runner.pruning.selection import needs_bisection
from runner.pruning.structures import Structure
from runner.pruning.update_steps import decide

Update = Callable[..., tuple[tf.Tensor, tf.Tensor]]
"""Takes weights, mask, step and, for random scores, a seed."""


@dataclass(frozen=True)
class MaskSpec:
    """How the mask of one weight is computed.

    Args:
        structure: Which weights are zeroed together.
        layout: How the weight's axes read as a kernel.
        seed: Of `importance.random_scores`, which then rank the weights, from 0 to 2**64 - 1; None ranks them
            by magnitude.
    """

    structure: Structure
    layout: KernelLayout = KERNEL
    seed: int | None = None

    @property
    def seed_tensor(self) -> tf.Tensor | None:
        """The seed as a uint64 scalar."""
        return None if self.seed is None else tf.constant(self.seed, tf.uint64)


def new_mask(
    weights: tf.Tensor, sparsity: tf.Tensor, spec: MaskSpec, seed: tf.Tensor | None = None
) -> tf.Tensor:
    """Computes a mask anew.

    Args:
        weights: Float tensor, as the layer stores it.
        sparsity: float32 scalar, in [0, 1).
        spec: How the mask is computed.
        seed: uint64 scalar that takes the place of the specification's seed.

    Returns:
        bool, of the shape of `weights`.
    """
    shape, layout, structure = tf.shape(weights), spec.layout, spec.structure
    if not structure.reads_axes:
        weights, layout = tf.reshape(weights, [-1]), KERNEL
    if spec.seed is None:
        ranked = layout.kernel(weights)
    else:
        seed = spec.seed_tensor if seed is None else seed
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
    weights: tf.Tensor, mask: tf.Tensor, step: tf.Tensor, spec: MaskSpec, updates: MaskUpdates
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the mask after a training step: a new one where the schedule says so, else the same.

    Args:
        weights: Float tensor of static shape, as the layer stores it.
        mask: bool, of that shape: the mask so far.
        step: int64 scalar, counted from 1.
        spec: How a mask is computed.
        updates: The schedule's functions.

    Returns:
        The mask, and whether the weights that it was computed from were finite (True where it was not).
    """
    shape = weights.shape
    if not spec.structure.reads_axes:
        weights, mask, spec = tf.reshape(weights, [-1]), tf.reshape(mask, [-1]), replace(spec, layout=KERNEL)
    inputs = [weights, mask, step] if spec.seed is None else [weights, mask, step, spec.seed_tensor]
    new, finite = _function(updates, spec, weights)(*inputs)
    return tf.reshape(new, shape), finite


def _function(updates: MaskUpdates, spec: MaskSpec, weights: tf.Tensor) -> Update:
    # Weights that differ by their seeds only share a function.
    spec = replace(spec, seed=None if spec.seed is None else 0)
    shape = tuple(weights.shape) if spec.structure.reads_axes else (None,)
    # A selection traced for the CPU must not be met again under XLA, which cannot compile it.
    key = spec, shape, weights.dtype, needs_bisection()
    if key not in updates.functions:
        updates.functions[key] = _build(updates.schedule, spec, shape, weights.dtype)
    return updates.functions[key]


def _build(
    schedule: PruningSchedule, spec: MaskSpec, shape: tuple[int | None, ...], dtype: tf.DType
) -> Update:
    def update(
        weights: tf.Tensor, mask: tf.Tensor, step: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        updates, sparsity = decide(schedule, step)

        def renew() -> tuple[tf.Tensor, tf.Tensor]:
            kept = new_mask(weights, sparsity, spec, seed)
            return kept, tf.reduce_all(tf.math.is_finite(weights))

        return tf.cond(updates, renew, lambda: (mask, tf.constant(True)))

    signature = [tf.TensorSpec(shape, dtype), tf.TensorSpec(shape, tf.bool), tf.TensorSpec([], tf.int64)]
    if spec.seed is not None:
        signature.append(tf.TensorSpec([], tf.uint64))
    # Inlined, each call would bring the branches along, and each would be placed and prepared anew.
    return tf.function(
        update, input_signature=signature, autograph=False, experimental_attributes={"_noinline": True}
    )
