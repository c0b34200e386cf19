"""The schedules that recipes name, and how a recipe's schedule becomes one with steps."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from runner.plan.schedule_curve import curve_of
from runner.process.errors import UserError
from runner.process.wording import counted
from runner.pruning.counts import SPARSITY_TOLERANCE
from runner.pruning.schedules import (
    ConstantSparsity,
    ExponentialSparsity,
    LinearSparsity,
    PolynomialDecay,
    PruningSchedule,
)
from runner.pruning.update_steps import last_step
from runner.recipe.recipe import Recipe, Rule, ScheduleSettings
from runner.recipe.registry import Registry

_SUPPLIED = ("sparsity", "begin_step", "end_step", "frequency")
SCHEDULES: Registry[Callable[..., PruningSchedule]] = Registry(
    "schedule", supplied=_SUPPLIED, beside=_SUPPLIED
)
"""Builders by name. Each is called with `sparsity` (the final level), `begin_step`, `end_step` and
`frequency`, in training steps, and with the recipe's other keys as keyword arguments."""

_Initial = Annotated[float, Field(description="The level at `begin_step`.")]
_PruningRate = Annotated[
    float | None,
    Field(
        description="The share of the remaining weights that each update prunes; by default the one that"
        " reaches the final level at `end_step`."
    ),
]
_MOST_UPDATES = 50
_MOST_ALLOWED = 100_000


@SCHEDULES.register("constant")
def constant(*, sparsity: float, begin_step: int, end_step: int, frequency: int) -> ConstantSparsity:
    """The final level from `begin_step` on."""
    return ConstantSparsity(sparsity, begin_step, end_step, frequency)


@SCHEDULES.register("polynomial")
def polynomial(
    *,
    sparsity: float,
    begin_step: int,
    end_step: int,
    frequency: int,
    initial_sparsity: _Initial = 0.0,
    power: Annotated[float, Field(description="Above 0; the higher, the earlier weights are pruned.")] = 3.0,
) -> PolynomialDecay:
    """From `initial_sparsity` at `begin_step` to the final level at `end_step`."""
    return PolynomialDecay(initial_sparsity, sparsity, begin_step, end_step, power, frequency)


@SCHEDULES.register("linear")
def linear(
    *, sparsity: float, begin_step: int, end_step: int, frequency: int, initial_sparsity: _Initial = 0.0
) -> LinearSparsity:
    """From `initial_sparsity` at `begin_step` to the final level at `end_step`, by equal steps."""
    return LinearSparsity(initial_sparsity, sparsity, begin_step, end_step, frequency)


@SCHEDULES.register("exponential")
def exponential(
    *, sparsity: float, begin_step: int, end_step: int, frequency: int, rate: _PruningRate = None
) -> ExponentialSparsity:
    """Each update prunes the share `rate` of what is left, up to the final level."""
    return ExponentialSparsity(sparsity, begin_step, end_step, rate, frequency)


def drop_leftovers(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """Leaves out the arguments that were written for another schedule and that this one does not take.

    Args:
        recipe: Its schedules say what was written for which; see `runner.recipe.overrides`.

    Returns:
        The recipe without them, and a note for each.
    """
    fitting = [_without_leftovers(rule) for rule in recipe.layers]
    notes = [note for _, own in fitting for note in own]
    return replace(recipe, layers=tuple(rule for rule, _ in fitting)), notes


def _without_leftovers(rule: Rule) -> tuple[Rule, list[str]]:
    schedule = rule.schedule
    if schedule is None or schedule.name not in SCHEDULES.names():
        return rule, []
    where = f"recipe.layers.{rule.key}.schedule"
    left = {
        key: by
        for key, by in schedule.written_for.items()
        if not SCHEDULES.takes(schedule.name, key, where=f"{where}.name")
    }
    kept = {key: value for key, value in schedule.arguments.items() if key not in left}
    notes = [
        f"{where}.{key} was written for schedule '{by}'; '{schedule.name}' does not take it: left out"
        for key, by in left.items()
    ]
    return replace(rule, schedule=replace(schedule, arguments=kept, written_for={})), notes


def check_schedule(written: ScheduleSettings, *, where: str) -> dict[str, Any]:
    """Looks up a recipe's schedule, and returns its arguments.

    Args:
        written: What the recipe says.
        where: The key that holds it, for messages.

    Raises:
        UserError: The name or an argument is unknown.
    """
    return SCHEDULES.arguments(written.name, written.arguments, where=where)


def build_schedule(
    written: ScheduleSettings, sparsity: float, *, where: str, steps_per_epoch: int, total_steps: int
) -> PruningSchedule:
    """Resolves a recipe's schedule for a training of known length.

    Args:
        written: What the recipe says.
        sparsity: The final level, in [0, 1).
        where: The key that holds the schedule, for messages.
        steps_per_epoch: Batches in one epoch.
        total_steps: Batches in the whole training.

    Returns:
        The schedule, its steps counted from 1. Without an `end_step` it ends with training; without a
        `frequency` the mask is updated about fifty times.

    Raises:
        UserError: The name or an argument is unknown or unusable, a step lies beyond training, or training
            does not end at the final level.
    """
    arguments = check_schedule(written, where=where)
    begin = written.begin_step.resolve(steps_per_epoch, total_steps)
    end = total_steps if written.end_step is None else written.end_step.resolve(steps_per_epoch, total_steps)
    for key, step, spec in (("begin_step", begin, written.begin_step), ("end_step", end, written.end_step)):
        if step > total_steps:
            raise UserError(
                f"{where}.{key}: {spec} is step {step}, but training has"
                f" {_length(steps_per_epoch, total_steps)}. A share such as 20% fits,"
                f" or {counted(math.ceil(step / steps_per_epoch), 'epoch')} of training."
            )
    if begin > end:
        ending = written.end_step or "the end of training"
        raise UserError(
            f"{where}: begin_step {written.begin_step} (step {begin}) is after end_step {ending} ({end})."
        )
    frequency = written.frequency or max(1, (end - begin) // _MOST_UPDATES)
    if (end - begin) // frequency > _MOST_ALLOWED:
        raise UserError(
            f"{where}.frequency: a mask update every {counted(frequency, 'step')} makes"
            f" {(end - begin) // frequency:,} of them; {_MOST_ALLOWED:,} are the most. Without a frequency"
            f" there are {_MOST_UPDATES}."
        )
    try:
        build = SCHEDULES.get(written.name, where=f"{where}.name")
        built = build(sparsity=sparsity, begin_step=begin, end_step=end, frequency=frequency, **arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: schedule '{written.name}': {error}") from error
    if not isinstance(built, PruningSchedule):
        raise UserError(
            f"{where}.name: the builder of schedule '{written.name}' returned a {type(built).__name__};"
            " it must return a runner.pruning.PruningSchedule."
        )
    curve = curve_of(built, total_steps)
    # A schedule that never fires is reported when the plan is made.
    if curve.updates and abs(curve.final - sparsity) > SPARSITY_TOLERANCE:
        key, remedy = _remedy(written, built, sparsity, steps_per_epoch, total_steps)
        level = f"training ends at sparsity {curve.final:.6g}, not at the {sparsity:.6g} asked for"
        raise UserError(f"{where}{key}: {level}. {remedy}")
    return built


def _remedy(
    written: ScheduleSettings, built: PruningSchedule, sparsity: float, steps_per_epoch: int, total_steps: int
) -> tuple[str, str]:
    """Returns the key that makes a schedule miss its final level (with a dot), and what would mend it."""
    if isinstance(built, ExponentialSparsity) and "rate" in written.arguments:
        if built.sufficient_rate is None:
            steps = built.end_step - built.begin_step
            text = f"No rate reaches it in {steps} steps with frequency {built.frequency}."
        else:
            least = f"the smallest that reaches it is {_rounded_up(built.sufficient_rate)}"
            text = f"A rate of {built.rate:g}, with frequency {built.frequency}, is too small: {least}."
        return ".rate", f"{text} Without a rate it is reached at end_step."
    end = last_step(built)
    if end > total_steps and abs(float(built(end)[1]) - sparsity) <= SPARSITY_TOLERANCE:
        return "", (
            f"Schedule '{written.name}' reaches it at step {end}, but training has"
            f" {_length(steps_per_epoch, total_steps)}; {math.ceil(end / steps_per_epoch)} epochs are enough."
        )
    return "", f"The builder of schedule '{written.name}' is given sparsity, to be reached at end_step."


def _length(steps_per_epoch: int, total_steps: int) -> str:
    epochs = counted(total_steps // steps_per_epoch, "epoch")
    return f"{counted(total_steps, 'step')} ({epochs} of {steps_per_epoch})"


def _rounded_up(rate: float) -> str:
    """Writes a share in (0, 1) with three digits, not below it, or with as many as keep it below 1."""
    digits = 3 - math.ceil(math.log10(rate))
    while (found := math.ceil(rate * 10**digits - 1e-6) / 10**digits) >= 1:
        digits += 1
    return f"{found:.{digits}f}".rstrip("0")
