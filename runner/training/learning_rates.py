"""The learning rates that recipes name, and what a recipe says made into one."""

import itertools
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field
from tf_keras.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
)

from runner.process.errors import UserError
from runner.recipe.recipe import LearningRate
from runner.recipe.registry import Registry
from runner.recipe.signature import NotNegative, Step
from runner.recipe.steps import StepSpec
from runner.training.rates import Decay, WarmUp

LEARNING_RATES: Registry[Callable[..., LearningRateSchedule]] = Registry(
    "learning rate",
    supplied=("initial", "final", "begin", "total_steps"),
    beside=("initial", "final", "warmup"),
)
"""Builders by name. Each is called with `initial` and `final` (rates), `begin` (the steps of the warm-up) and
`total_steps`, and with the recipe's other keys as keyword arguments. It returns the rate for every step after
the warm-up, as a function of the steps taken before it; the warm-up is put in front of it."""

_WHERE = "recipe.training.optimizer.learning_rate"
Factor = Annotated[float, Field(gt=0, le=1, description="The factor in `decay_steps` steps.")]


@LEARNING_RATES.register("constant")
def constant(*, initial: float, final: float, begin: int, total_steps: int) -> Decay:
    """The initial rate throughout."""
    return Decay(initial, begin, ExponentialDecay(initial, decay_steps=1, decay_rate=1.0))


@LEARNING_RATES.register("cosine")
def cosine(*, initial: float, final: float, begin: int, total_steps: int) -> Decay:
    """Half a cosine from `initial` after the warm-up to `final` at the end of training.

    Source: I. Loshchilov, F. Hutter, SGDR, arXiv 1608.03983, equation 5, without restarts.
    """
    return Decay(initial, begin, CosineDecay(initial, max(total_steps - begin, 1), alpha=final / initial))


@LEARNING_RATES.register("exponential")
def exponential(
    *,
    initial: float,
    final: float,
    begin: int,
    total_steps: int,
    rate: Factor = 0.01,
    decay_steps: Annotated[
        Step | None, Field(description="Steps in which the rate is multiplied by `rate` once.")
    ] = None,
    staircase: Annotated[bool, Field(description="Change the rate every `decay_steps` only.")] = False,
) -> Decay:
    """Multiplied by `rate` every `decay_steps` after the warm-up; by default once, until training ends.

    Source: as a staircase, C. Szegedy et al., Going Deeper with Convolutions, arXiv 1409.4842, section 6.
    """
    steps = max(total_steps - begin, 1) if decay_steps is None else decay_steps
    if steps < 1:
        raise ValueError("decay_steps is less than one step")
    return Decay(initial, begin, ExponentialDecay(initial, steps, rate, staircase), final)


@LEARNING_RATES.register("piecewise")
def piecewise(
    *,
    initial: float,
    final: float,
    begin: int,
    total_steps: int,
    boundaries: Annotated[
        Sequence[Step] | None, Field(description="Points in training, rising.", examples=[["50%", "75%"]])
    ] = None,
    values: Annotated[
        Sequence[NotNegative] | None,
        Field(description="The rate after each boundary.", examples=[[0.01, 0.001]]),
    ] = None,
) -> Decay:
    """Another rate after each boundary; by default a tenth of the last one, at 50% and at 75% of training.

    Source: K. He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385, section 4.2.
    """
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
    # tf-keras counts from 0 and still has the rate before a boundary in the boundary's step. The last rate is
    # repeated, since it needs a boundary.
    passed = [step - begin - 1 for step in [*steps, total_steps]]
    return Decay(
        initial, begin, PiecewiseConstantDecay(passed, [initial, *rates, [initial, *rates][-1]]), final
    )


def check_learning_rate(
    written: LearningRate, step: Callable[[object], object] = StepSpec.parse
) -> dict[str, Any]:
    """Looks up the learning rate that a recipe names, and returns its arguments.

    Args:
        written: What the recipe says.
        step: Reads what a recipe writes for a step of training.

    Raises:
        UserError: The name or an argument is unknown or unusable.
    """
    return LEARNING_RATES.arguments(written.name, written.arguments, where=_WHERE, step=step)


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

    arguments = check_learning_rate(written, lambda value: resolved(StepSpec.parse(value)))
    try:
        begin = resolved(written.warmup)
    except ValueError as error:
        raise UserError(f"{_WHERE}.warmup {error}.") from error
    try:
        build = LEARNING_RATES.get(written.name, where=f"{_WHERE}.name")
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
