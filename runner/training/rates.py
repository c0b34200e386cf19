"""Learning rates as functions of the training step, for use inside the graph."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras.optimizers.schedules import LearningRateSchedule

_registered = tf_keras.utils.register_keras_serializable(package="runner")


@dataclass(frozen=True)
class Rate(LearningRateSchedule):
    """A learning rate whose configuration is its fields."""

    def get_config(self) -> dict[str, Any]:
        """Returns what the constructor takes."""
        return {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}


@_registered
@dataclass(frozen=True)
class Constant(Rate):
    """`initial` in every step.

    Args:
        initial: > 0.
    """

    initial: float

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        return tf.constant(self.initial, tf.float32)


@_registered
@dataclass(frozen=True)
class Cosine(Rate):
    """`final + (initial - final) * (1 + cos(pi * p)) / 2`, `p = clip((step - begin) / (end - begin), 0, 1)`.

    Source: I. Loshchilov, F. Hutter, SGDR, arXiv 1608.03983, equation 5, without restarts.

    Args:
        initial: The rate until `begin`, > 0.
        final: The rate from `end` on, in [0, initial].
        begin: Steps before the decay, >= 0.
        end: Steps before its end, > begin.
    """

    initial: float
    final: float
    begin: int
    end: int

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        share = tf.clip_by_value(_after(self.begin, step) / float(self.end - self.begin), 0.0, 1.0)
        return self.final + (self.initial - self.final) * (1.0 + tf.cos(math.pi * share)) / 2.0


@_registered
@dataclass(frozen=True)
class Exponential(Rate):
    """`max(initial * rate ** q, final)`, `q = (step - begin) / decay_steps`, rounded down in a staircase.

    Source: the formula of `tf_keras.optimizers.schedules.ExponentialDecay`; as a staircase in C. Szegedy et
    al., Going Deeper with Convolutions, arXiv 1409.4842, section 6.

    Args:
        initial: The rate until `begin`, > 0.
        final: The lowest rate, >= 0.
        begin: Steps before the decay, >= 0.
        decay_steps: Steps in which the rate is multiplied by `rate` once, >= 1.
        rate: In (0, 1].
        staircase: Whether the rate changes every `decay_steps` steps only.
    """

    initial: float
    final: float
    begin: int
    decay_steps: int
    rate: float
    staircase: bool

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        times = tf.maximum(_after(self.begin, step), 0.0) / float(self.decay_steps)
        power = tf.floor(times) if self.staircase else times
        return tf.maximum(self.initial * tf.pow(self.rate, power), self.final)


@_registered
@dataclass(frozen=True)
class Piecewise(Rate):
    """`initial` for the first `boundaries[0]` steps, then `values[0]` up to `boundaries[1]`, and so on.

    Source: K. He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385, section 4.2.

    Args:
        initial: The rate before the first boundary, > 0.
        final: The lowest rate, >= 0.
        boundaries: Steps from the beginning of training, rising.
        values: The rate after each boundary, >= 0.
    """

    initial: float
    final: float
    boundaries: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        # Lists, which a configuration from a file has, have no hash; tf.function needs one.
        for name in ("boundaries", "values"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        rates = [max(rate, self.final) for rate in (self.initial, *self.values)]
        passed = tf.reduce_sum(
            tf.cast(tf.cast(step, tf.int64) >= tf.constant(self.boundaries, tf.int64), tf.int32)
        )
        return tf.gather(tf.constant(rates, tf.float32), passed)


@_registered
@dataclass(frozen=True)
class WarmUp(Rate):
    """`initial * (step + 1) / steps` for the first `steps` steps, then what another learning rate says.

    Source: P. Goyal et al., Accurate, Large Minibatch SGD, arXiv 1706.02677, section 2.2.

    Args:
        initial: The rate of the last step of the warm-up, > 0.
        steps: Its length, >= 1.
        then: The rate of all later steps.
    """

    initial: float
    steps: int
    then: LearningRateSchedule

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate of the step that follows `step` others."""
        rising = self.initial * tf.cast(step + 1, tf.float32) / float(self.steps)
        return tf.where(tf.cast(step, tf.int64) < self.steps, rising, tf.cast(self.then(step), tf.float32))

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` takes."""
        return {**super().get_config(), "then": tf_keras.optimizers.schedules.serialize(self.then)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        """Makes it again, with the learning rate inside."""
        return cls(**{**config, "then": tf_keras.optimizers.schedules.deserialize(config["then"])})


def _after(begin: int, step: Any) -> tf.Tensor:
    """Counts the steps since `begin`; whole numbers first, since float32 has but 24 bits for them."""
    return tf.cast(tf.cast(step, tf.int64) - begin, tf.float32)
