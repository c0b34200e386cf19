"""The learning rates that recipes name: functions of the training step, for use inside the graph."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tensorflow as tf
import tf_keras
from tf_keras.optimizers.schedules import LearningRateSchedule

from runner.errors import UserError
from runner.recipe.schema import LearningRate
from runner.recipe.steps import StepSpec
from runner.registry import Registry
from runner.training.arguments import Bounds, NotNegative, Step, read_arguments

LEARNING_RATES: Registry[Callable[..., LearningRateSchedule]] = Registry("learning rate")
"""Builders by name. Each is called with `initial` and `final` (rates), `begin` (the steps of the warm-up) and
`total_steps`, and with the recipe's other keys as keyword arguments. It returns the rate for every step after
the warm-up, as a function of the steps taken before it; the warm-up is put in front of it."""

_SUPPLIED = ("initial", "final", "begin", "total_steps")
_BESIDE = ("initial", "final", "warmup")
_WHERE = "recipe.training.optimizer.learning_rate"
Factor = Annotated[float, Bounds("in (0, 1]", lambda value: 0 < value <= 1)]
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


@LEARNING_RATES.register("constant")
def constant(*, initial: float, final: float, begin: int, total_steps: int) -> Constant:
    """The initial rate throughout."""
    return Constant(initial)


@LEARNING_RATES.register("cosine")
def cosine(*, initial: float, final: float, begin: int, total_steps: int) -> Cosine:
    """Half a cosine from `initial` after the warm-up to `final` at the end of training."""
    return Cosine(initial, final, begin, max(total_steps, begin + 1))


@LEARNING_RATES.register("exponential")
def exponential(
    *,
    initial: float,
    final: float,
    begin: int,
    total_steps: int,
    rate: Factor = 0.01,
    decay_steps: Step | None = None,
    staircase: bool = False,
) -> Exponential:
    """Multiplied by `rate` every `decay_steps` after the warm-up; by default once, until training ends."""
    steps = max(total_steps - begin, 1) if decay_steps is None else decay_steps
    if steps < 1:
        raise ValueError("decay_steps is less than one step")
    return Exponential(initial, final, begin, steps, rate, staircase)


@LEARNING_RATES.register("piecewise")
def piecewise(
    *,
    initial: float,
    final: float,
    begin: int,
    total_steps: int,
    boundaries: Sequence[Step] | None = None,
    values: Sequence[NotNegative] | None = None,
) -> Piecewise:
    """Another rate after each boundary; by default a tenth of the last one, at 50% and at 75% of training."""
    halfway = [StepSpec(share, "share").resolve(1, total_steps) for share in (0.5, 0.75)]
    steps = halfway if boundaries is None else [*boundaries]
    rates = [initial / 10 ** (n + 1) for n in range(len(steps))] if values is None else [*values]
    if len(rates) == len(steps) + 1:
        raise ValueError(
            f"{len(rates)} values for {len(steps)} boundaries: the rate before the first one is initial, so"
            f" write initial: {rates[0]:g}, values: [{', '.join(f'{rate:g}' for rate in rates[1:])}]"
        )
    if len(rates) != len(steps):
        raise ValueError(
            f"{len(rates)} values for {len(steps)} boundaries: each boundary needs the rate after it"
        )
    if boundaries is not None and any(one >= other for one, other in itertools.pairwise(steps)):
        raise ValueError(f"the boundaries must rise, but are the steps {', '.join(map(str, steps))}")
    if steps and steps[0] < begin:
        raise ValueError(f"the first boundary is step {steps[0]}, within the {begin} steps of the warm-up")
    return Piecewise(initial, final, steps, rates)


def check_learning_rate(written: LearningRate) -> None:
    """Looks up the learning rate that a recipe names.

    Raises:
        UserError: The name or an argument is unknown.
    """
    LEARNING_RATES.get(written.name, where=f"{_WHERE}.name")
    LEARNING_RATES.arguments(
        written.name, written.arguments, where=_WHERE, supplied=_SUPPLIED, beside=_BESIDE
    )


def build_learning_rate(
    written: float | LearningRate, total_steps: int, steps_per_epoch: int, *, phase: str = "training"
) -> float | LearningRateSchedule:
    """Resolves a recipe's learning rate for a training of known length.

    Args:
        written: What the recipe says.
        total_steps: Batches in the whole phase, >= 1.
        steps_per_epoch: Batches in one epoch, >= 1.
        phase: What the steps belong to, for messages.

    Returns:
        A number as it is; else the rate as a function of the optimizer's `iterations`.

    Raises:
        UserError: The name or an argument is unknown or unusable, or a step lies beyond the phase.
    """
    if not isinstance(written, LearningRate):
        return written

    def resolved(spec: StepSpec) -> int:
        step = spec.resolve(steps_per_epoch, total_steps)
        if step > total_steps:
            raise ValueError(
                f"goes to step {step} ({spec}), but {phase} has {total_steps} steps"
                f" ({total_steps // steps_per_epoch} epochs of {steps_per_epoch}). A share such as 20% fits"
            )
        return step

    build = LEARNING_RATES.get(written.name, where=f"{_WHERE}.name")
    arguments = LEARNING_RATES.arguments(
        written.name, written.arguments, where=_WHERE, supplied=_SUPPLIED, beside=_BESIDE
    )
    arguments = read_arguments(
        build, arguments, where=_WHERE, step=lambda value: resolved(StepSpec.parse(value))
    )
    try:
        begin = resolved(written.warmup)
    except ValueError as error:
        raise UserError(f"{_WHERE}.warmup {error}.") from error
    try:
        built = build(
            initial=written.initial, final=written.final, begin=begin, total_steps=total_steps, **arguments
        )
    except (ValueError, TypeError) as error:
        raise UserError(f"{_WHERE}: learning rate '{written.name}': {error}.") from error
    if not isinstance(built, LearningRateSchedule):
        raise UserError(
            f"{_WHERE}.name: the builder of learning rate '{written.name}' returned a"
            f" {type(built).__name__}; it must return a tf_keras.optimizers.schedules.LearningRateSchedule."
        )
    return WarmUp(written.initial, begin, built) if begin else built


def _after(begin: int, step: Any) -> tf.Tensor:
    """Counts the steps since `begin`; whole numbers first, since float32 has but 24 bits for them."""
    return tf.cast(tf.cast(step, tf.int64) - begin, tf.float32)
