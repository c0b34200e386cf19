"""A rule's schedule: sparsity over the steps, as a recipe writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.process.wording import counted
from runner.recipe.section import Invalid, Section, share, text, whole
from runner.recipe.steps import StepSpec

_FIRST_STEP = StepSpec(0)


@dataclass(frozen=True)
class Schedule:
    """Sparsity as a function of the training step.

    Args:
        name: A registered schedule.
        sparsity: The final level, in [0, 1); None only under m:n, where it is m/n.
        begin_step: Where pruning begins.
        end_step: Where the final level is reached; None is the end of training.
        frequency: Steps between mask updates, >= 1; None lets the plan choose.
        arguments: What the schedule takes beyond these, e.g. `initial_sparsity`, `power`.
        written_for: Those of `arguments` that a recipe wrote for the schedule of this name, before another
            one was named. What the schedule says, and so its equality, does not depend on it.
    """

    name: str
    sparsity: float | None = None
    begin_step: StepSpec = _FIRST_STEP
    end_step: StepSpec | None = None
    frequency: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    written_for: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        wrong = {}
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            percent = f"; {self.sparsity:g} % is {self.sparsity / 100:g}" if 1 < self.sparsity < 100 else ""
            wrong["sparsity"] = f"is {self.sparsity:g}, but must be in [0, 1){percent}"
        if self.frequency is not None and self.frequency < 1:
            wrong["frequency"] = f"is {self.frequency}, but must be at least 1"
        if (
            self.end_step is not None
            and self.begin_step.unit == self.end_step.unit
            and self.begin_step.value > self.end_step.value
        ):
            wrong["begin_step"] = f"is {self.begin_step}, after end_step {self.end_step}"
        if wrong:
            raise Invalid(wrong)


def beyond_training(schedule: Schedule | None, epochs: int) -> dict[str, str]:
    """Finds the steps that no run of `epochs` reaches, and a begin after the end, as far as epochs tell."""
    if schedule is None:
        return {}
    begin = schedule.begin_step.in_epochs(epochs)
    end = None if schedule.end_step is None else schedule.end_step.in_epochs(epochs)
    wrong = {
        name: f"is {written}, beyond the {counted(epochs, 'epoch')} of training"
        for name, written, point in (
            ("begin_step", schedule.begin_step, begin),
            ("end_step", schedule.end_step, end),
        )
        if point is not None and point > epochs
    }
    if not wrong and begin is not None and end is not None and begin > end:
        wrong["begin_step"] = f"is {schedule.begin_step}, after end_step {schedule.end_step}"
    return wrong


def plain_schedule(schedule: Schedule) -> dict[str, Any]:
    """Gives a schedule as the plain data that `read_schedule` takes."""
    return {
        "name": schedule.name,
        "sparsity": schedule.sparsity,
        "begin_step": schedule.begin_step.to_plain(),
        "end_step": None if schedule.end_step is None else schedule.end_step.to_plain(),
        "frequency": schedule.frequency,
        **schedule.arguments,
    }


def read_schedule(section: Section) -> Schedule | None:
    """Reads a rule's `schedule`, noting problems in the section; a bad one is None."""
    section.required("name", text)
    section.optional("sparsity", share)
    section.optional("begin_step", StepSpec.parse)
    section.optional("end_step", StepSpec.parse)
    section.optional("frequency", whole)
    section.take_rest("arguments")
    return section.build(Schedule)
