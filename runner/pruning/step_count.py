"""How many training steps a training has taken: applications of gradients, not batches."""

import zlib
from collections.abc import Sequence
from typing import Any

import tf_keras

from runner.pruning.wrapper import PruneLowMagnitude

_HASHED = 4096


class StepCount:
    """Counts the steps since it was made, by reading the model between batches.

    The masks count what an optimizer applies. Where they count nothing, as in a loop that assigns to the
    weights, every update that finds the weights changed is a step.

    Args:
        wrappers: Of the model that is trained.
        optimizer: The model's; None where it has none. One that scales the loss counts by itself: tf-keras
            takes the steps that it skips, because a gradient was infinite, for steps too.
    """

    def __init__(self, wrappers: Sequence[PruneLowMagnitude], optimizer: Any) -> None:
        self._wrappers, self._optimizer = wrappers, optimizer
        self._counted = [wrapper.steps for wrapper in wrappers]
        self._applied = self._changed = 0
        self._iterations, self._seen = self._scaled_iterations(), self._fingerprint()

    @property
    def is_kept(self) -> bool:
        """Whether the masks count: then `update` may be called rarely, and costs a training nothing."""
        return self._applied > 0

    def update(self) -> int:
        """Returns the steps so far; called between batches, and never counts down."""
        before, self._counted = self._counted, [wrapper.steps for wrapper in self._wrappers]
        new = (now - then for now, then in zip(self._counted, before, strict=True))
        self._applied += max(0, *new) if before else 0
        if not self._applied:
            seen = self._fingerprint()
            self._changed += seen != self._seen
            self._seen = seen
        return max(self._applied, self._scaled_iterations() - self._iterations, self._changed)

    def start_again(self) -> None:
        """Goes on counting from the model as it is, after the caller has changed masks, steps or weights."""
        self._counted, self._seen = [wrapper.steps for wrapper in self._wrappers], self._fingerprint()

    def _scaled_iterations(self) -> int:
        scales = isinstance(self._optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        return int(self._optimizer.iterations.numpy()) if scales else 0

    def _fingerprint(self) -> int:
        """Hashes the first weights of every wrapper."""
        found = 0
        for wrapper in self._wrappers:
            for masked in wrapper.masked_weights[:1]:
                found = zlib.crc32(masked.weight.variable.numpy().ravel()[:_HASHED].tobytes(), found)
        return found
