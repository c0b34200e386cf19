"""Learning rates as functions of the training step: what tf-keras's own schedules lack."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras.optimizers.schedules import LearningRateSchedule

_registered = tf_keras.utils.register_keras_serializable(package="runner")


@dataclass(frozen=True)
class WrappedRate(LearningRateSchedule):
    """A learning rate around another one.

    Args:
        initial: The rate once the warm-up is over, > 0.
        begin: The steps of the warm-up, >= 0.
        then: The other learning rate.
    """

    initial: float
    begin: int
    then: LearningRateSchedule

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` takes."""
        config = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return {**config, "then": tf_keras.optimizers.schedules.serialize(self.then)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WrappedRate":
        """Makes it again, with the learning rate inside."""
        return cls(**{**config, "then": tf_keras.optimizers.schedules.deserialize(config["then"])})


@_registered
@dataclass(frozen=True)
class Decay(WrappedRate):
    """A schedule of tf-keras whose steps count from the end of the warm-up, and that has a lowest rate.

    Args:
        final: The lowest rate, in [0, initial].
    """

    final: float = 0.0

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        # Whole numbers are subtracted, since float32 has but 24 bits for them.
        return tf.maximum(tf.cast(self.then(tf.cast(step, tf.int64) - self.begin), tf.float32), self.final)


@_registered
@dataclass(frozen=True)
class WarmUp(WrappedRate):
    """`initial * (step + 1) / begin` for the first `begin` steps, then what another learning rate says.

    Source: P. Goyal et al., Accurate, Large Minibatch SGD, arXiv 1706.02677, section 2.2.
    """

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        rising = self.initial * tf.cast(step + 1, tf.float32) / float(self.begin)
        return tf.where(tf.cast(step, tf.int64) < self.begin, rising, tf.cast(self.then(step), tf.float32))
