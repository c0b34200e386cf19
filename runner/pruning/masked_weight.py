"""One weight, its mask and its step: what keeps pruned weights at zero during training.

The optimizer applies a variable's constraint right after it has updated the variable, inside the
training step's graph. The constraint is where the step is counted, the mask is updated when the
schedule says so, and the weights are masked: so zeros are exact after every optimizer step, and the
forward pass costs nothing.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from runner.pruning.prunable import PrunableWeight
from runner.pruning.schedules import PruningSchedule, decide, last_step, settled_sparsity
from runner.pruning.structures import Structure


class MaskedWeight:
    """Holds one weight to its mask.

    Args:
        weight: The weight; its constraint is set here, behind one that it already has.
        mask: bool variable of the weight's shape; False = pruned.
        step: int64 scalar variable: training steps so far.
        structure: Which weights are zeroed together.
        schedule: Sparsity over the steps.
    """

    def __init__(
        self,
        weight: PrunableWeight,
        mask: tf.Variable,
        step: tf.Variable,
        structure: Structure,
        schedule: PruningSchedule,
    ) -> None:
        self.weight, self.mask, self.step = weight, mask, step
        self.structure, self.schedule = structure, schedule
        self._before: Callable[[tf.Tensor], tf.Tensor] | None = weight.variable.constraint
        weight.variable._constraint = self._after_optimizer_step  # TensorFlow offers no public setter.

    @property
    def name(self) -> str:
        """The weight's name within its layer."""
        return self.weight.name

    def _after_optimizer_step(self, weights: tf.Tensor) -> tf.Tensor:
        """Counts the step, updates the mask if this step does, and returns the masked weights."""
        weights = tf.convert_to_tensor(weights)
        if self._before is not None:
            weights = self._before(weights)
        updates, sparsity = decide(self.schedule, self.step.assign_add(1))

        def update() -> tf.Tensor:
            mask = self.structure.graph_mask(self.weight.layout.kernel(weights), sparsity)
            return tf.identity(self.mask.assign(self.weight.layout.stored(mask)))

        mask = tf.cond(updates, update, self.mask.read_value)
        return tf.where(mask, weights, tf.zeros([], weights.dtype))

    def settle(self, steps: int | None = None) -> None:
        """Ends training: sets the mask to the schedule's value at the last step, and masks the weight.

        Args:
            steps: Training steps that were run, where the caller knows; default: those counted.
        """
        self.apply()  # First, so that an averaged or restored weight cannot win a place back.
        counted, end = int(self.step.numpy()), last_step(self.schedule)
        if 0 <= end <= counted:
            return
        sparsity = settled_sparsity(self.schedule, max(counted, steps or 0))
        if sparsity is not None:
            values = self.weight.layout.kernel(tf.convert_to_tensor(self.weight.variable))
            mask = self.structure.graph_mask(values, tf.constant(sparsity, tf.float32))
            self.mask.assign(self.weight.layout.stored(mask))
            self.apply()

    def apply(self) -> None:
        """Sets the pruned weights to zero, as the mask stands."""
        values = tf.convert_to_tensor(self.weight.variable)
        self.weight.variable.assign(tf.where(self.mask, values, tf.zeros([], values.dtype)))

    def sparsity(self) -> float:
        """Returns the share of pruned weights, by the mask."""
        return 1.0 - float(np.mean(self.mask.numpy()))
