"""One rule of a recipe: which layers, which structure, which schedule."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from runner.process.wording import counted
from runner.pruning.notation import IMPORTANCES, M_BY_N_AXES, POOLINGS, m_by_n_text, parse_m_by_n
from runner.recipe.pattern import pattern_problem
from runner.recipe.problems import Invalid
from runner.recipe.section import (
    Arguments,
    Flag,
    Number,
    OneOf,
    Point,
    Section,
    Text,
    Texts,
    Whole,
    section,
)
from runner.recipe.steps import StepSpec

_MByN = Annotated[
    tuple[int, int],
    PlainValidator(
        parse_m_by_n,
        json_schema_input_type=Annotated[str, Field(pattern=r"^\s*\d+\s*[x:]\s*\d+\s*$")]
        | Annotated[list[int], Field(min_length=2, max_length=2)],
    ),
    PlainSerializer(lambda pattern: m_by_n_text(*pattern)),
]
# A level written as 0.6666667 for 2/3 is not above it.
_TOLERANCE = 1e-6


@section
class BlockSize(Section):
    """A block of the matrix `[spatial x in, out]` that is pruned whole."""

    inputs: Annotated[Whole, Field(ge=1, alias="in", examples=[4])]
    """Its rows. Required."""
    outputs: Annotated[Whole, Field(ge=1, alias="out", examples=[1])]
    """Its columns. Required."""
    pooling: Annotated[str, OneOf(POOLINGS)] = "AVG"
    """How a block is scored: by the average or the largest of its magnitudes."""

    def __post_init__(self) -> None:
        if self.inputs == self.outputs == 1:
            raise Invalid({"": "is a single weight; without block the rule is unstructured"})


@section
class ScheduleSettings(Section):
    """Sparsity as a function of the training step, as a recipe writes it."""

    name: Annotated[Text, Field(examples=["polynomial"])]
    """A registered schedule. Required."""
    sparsity: Annotated[Number | None, Field(ge=0, lt=1, examples=[0.8])] = None
    """The final level, a share of zeros. Under `m_by_n` it is m/n by default; without it is required."""
    begin_step: Annotated[Point, Field(examples=["20%"])] = StepSpec(0)
    """Where pruning begins."""
    end_step: Annotated[Point | None, Field(examples=["80%"])] = None
    """Where the final level is reached; by default the end of training."""
    frequency: Annotated[Whole | None, Field(ge=1, examples=[100])] = None
    """Steps between updates of the mask; by default a fiftieth of the steps from begin to end."""
    arguments: Arguments = field(default_factory=dict)
    # Those of `arguments` that a recipe wrote for the schedule of this name, before another one was named.
    written_for: Annotated[Mapping[str, str], Field(exclude=True)] = field(
        default_factory=dict, compare=False
    )

    def __post_init__(self) -> None:
        begin, end = self.begin_step, self.end_step
        if end is not None and begin.unit == end.unit and begin.value > end.value:
            raise Invalid({"begin_step": f"is {begin}, after end_step {end}"})


def beyond_training(schedule: ScheduleSettings | None, epochs: int) -> dict[str, str]:
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


@section
class Rule(Section):
    """Which layers, which structure, which schedule."""

    # The rule's name in the recipe, an identifier.
    key: Annotated[str, Field(exclude=True)]
    targets: Annotated[Texts, Field(examples=["conv*", ["re:block_\\d+", "head"]])]
    """Names of the layers that the rule takes: globs, or regular expressions after `re:`. By default
    the rule's own name.
    """
    ignore: Annotated[Texts, Field(examples=["head"])] = ()
    """Names of layers that the rule leaves out, written likewise."""
    types: Annotated[Texts, Field(examples=[["Conv2D"]])] = ()
    """Classes of layers that the rule is narrowed to; empty is all."""
    weights: Annotated[Texts, Field(examples=[["recurrent_kernel"]])] = ()
    """Weights that the rule selects; empty is what each layer prunes by default."""
    prune: Flag = True
    """False leaves the layers dense."""
    m_by_n: Annotated[_MByN | None, Field(examples=["2x4", [2, 4]])] = None
    """m of each n weights are zero, 0 < m < n; by default the rule is unstructured."""
    m_by_n_axis: Annotated[str, OneOf(M_BY_N_AXES)] = "auto"
    """What the groups of `m_by_n` run along."""
    block: BlockSize | None = None
    """Blocks of weights that are pruned whole; excludes `m_by_n`."""
    importance: Annotated[str, OneOf(IMPORTANCES)] = "magnitude"
    """What ranks the weights; `random` is a control that selects as many at random."""
    schedule: ScheduleSettings | None = None
    """Sparsity along training. Without it `m_by_n` sets its full pattern at the first step; all else
    needs one.
    """

    def __post_init__(self) -> None:
        wrong = {
            name: problem
            for name in ("targets", "ignore")
            if (problem := pattern_problem(getattr(self, name)))
        }
        if not self.targets:
            wrong["targets"] = "is an empty list, which matches nothing"
        if self.m_by_n is None and self.m_by_n_axis != "auto":
            wrong["m_by_n_axis"] = "says how m:n groups run, but the rule has no m_by_n"
        if self.m_by_n is not None and self.block is not None:
            wrong["block"] = "stands beside m_by_n; a rule has one structure: set the other to null"
        wrong |= self._schedule_problems()
        if wrong:
            raise Invalid(wrong)

    def _schedule_problems(self) -> dict[str, str]:
        if not self.prune:
            given = [name for name in ("m_by_n", "block", "schedule") if getattr(self, name) is not None]
            given += ["importance"] if self.importance != "magnitude" else []
            text = (
                f"is false, so the rule cannot have {' and '.join(given)}; set to null what a parent gave it"
            )
            return {"prune": text} if given else {}
        if self.m_by_n is None and self.schedule is None:
            asked = (
                "its blocks need a schedule" if self.block else "give it m_by_n, a schedule, or prune: false"
            )
            return {"": f"prunes nothing: {asked}"}
        if self.schedule is None:
            return {}
        sparsity = self.schedule.sparsity
        if self.m_by_n is None:
            text = "is missing: without m_by_n the schedule must name it"
            return {"schedule.sparsity": text} if sparsity is None else {}
        share = self.m_by_n[0] / self.m_by_n[1]
        if sparsity is not None and sparsity > share + _TOLERANCE:
            text = f"is {sparsity:g}, above the {share:g} that m_by_n {m_by_n_text(*self.m_by_n)} can reach"
            return {"schedule.sparsity": text}
        return {}
