"""One weight, its mask and its step: what keeps pruned weights at zero during training.

The optimizer applies a variable's constraint right after it has updated the variable, inside the
training step's graph. The constraint is where the step is counted, the mask is updated when the
schedule says so, and the weights are masked: so zeros are exact after every optimizer step, and the
forward pass costs nothing.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from runner.pruning.keras_internals import set_constraint
from runner.pruning.mask_update import MaskSpec, new_mask, shared_updates, updated_mask
from runner.pruning.prunable import PrunableWeight
from runner.pruning.schedules import PruningSchedule
from runner.pruning.update_steps import is_over, settled_sparsity

BROKEN_WEIGHTS = "holds NaN or infinite weights at training step"
"""What the error says, after layer and weight and before the step, that ends training then."""


class MaskedWeight:
    """Holds one weight to its mask.

    Args:
        weight: The weight; its constraint is set here, behind one that it already has.
        mask: bool variable of the weight's shape; False = pruned.
        step: int64 scalar variable: training steps so far. It is saved and loaded with the weights.
        reached: int64 scalar variable: the step at which training last changed the weight. It is not saved
            with the model, so that it stays when weights of an earlier step are restored.
        spec: How the mask is computed.
        schedule: Sparsity over the steps.
        owner: The layer's name, for messages.
    """

    def __init__(
        self,
        weight: PrunableWeight,
        mask: tf.Variable,
        step: tf.Variable,
        reached: tf.Variable,
        spec: MaskSpec,
        schedule: PruningSchedule,
        owner: str,
    ) -> None:
        self.weight, self.mask, self.step, self.reached = weight, mask, step, reached
        self.spec, self.schedule, self.owner = spec, schedule, owner
        self._updates = shared_updates(schedule)
        self._before: Callable[[tf.Tensor], tf.Tensor] | None = weight.variable.constraint
        set_constraint(weight.variable, self._after_optimizer_step)

    @property
    def name(self) -> str:
        """The weight's name within its layer."""
        return self.weight.name

    def _after_optimizer_step(self, weights: tf.Tensor) -> tf.Tensor:
        """Counts the step, updates the mask if this step does, and returns the masked weights."""
        weights = tf.convert_to_tensor(weights)
        if self._before is not None:
            weights = self._before(weights)
        self.step.assign_add(1)
        step = tf.identity(self.step)
        self.reached.assign(step)  # Not the latest ever: training may go on from restored weights.
        before = tf.convert_to_tensor(self.mask)
        mask, finite = updated_mask(weights, before, step, self.spec, self._updates)
        words = f"{self.owner}: {self.name} {BROKEN_WEIGHTS}"
        # The raw op: tf.debugging.Assert would trace a branch of its own.
        with tf.control_dependencies([tf.raw_ops.Assert(condition=finite, data=[words, step])]):
            self.mask.assign(mask)
        # A product is the cheapest pass over the weights; its negative zeros go when training ends (`apply`).
        return weights * tf.cast(mask, weights.dtype)

    def advance(self) -> None:
        """Does by hand what the optimizer does after an update: one training step."""
        variable = self.weight.variable
        variable.assign(self._after_optimizer_step(variable))

    def begin(self) -> None:
        """Begins a training at the step that the weight now has, whatever was reached before."""
        self.reached.assign(tf.identity(self.step))

    @property
    def is_earlier(self) -> bool:
        """Whether a step before the one that training has reached is back, and with it earlier weights."""
        return int(self.step.numpy()) < int(self.reached.numpy())

    def settle(self, steps: int | None = None) -> None:
        """Ends training: sets the mask to the schedule's value at the last step, and masks the weight.

        Args:
            steps: Training steps that were run, where the caller knows; default: those counted. The latest
                of these, of the step and of the one reached is the last.
        """
        self.apply()  # First, so that an averaged or restored weight is not ranked again.
        counted = int(self.step.numpy())
        last = max(counted, int(self.reached.numpy()), steps or 0)
        self.step.assign(last)
        self.reached.assign(last)
        if is_over(self.schedule, counted):
            return
        sparsity = settled_sparsity(self.schedule, last)
        if sparsity is not None:
            weights, level = tf.convert_to_tensor(self.weight.variable), tf.constant(sparsity, tf.float32)
            self.mask.assign(new_mask(weights, level, self.spec))
            self.apply()

    def apply(self) -> None:
        """Sets the pruned weights to zero by the present mask."""
        values = tf.convert_to_tensor(self.weight.variable)
        self.weight.variable.assign(tf.where(self.mask, values, tf.zeros([], values.dtype)))

    def zeros(self) -> int:
        """Counts the weights that are zero, pruned or not."""
        values = self.weight.variable.numpy()
        return int(values.size - np.count_nonzero(values))

    def sparsity(self) -> float:
        """Returns the share of pruned weights, by the mask."""
        return 1.0 - float(np.mean(self.mask.numpy()))
