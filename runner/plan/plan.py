"""The plan: what becomes of each weight tensor of a model, one row for each."""

import math
from dataclasses import dataclass

from runner.plan.schedule_curve import ScheduleCurve, curve_of
from runner.pruning.schedules import PruningSchedule
from runner.pruning.structures import MByN, Structure
from runner.pruning.update_steps import first_step, last_step


@dataclass(frozen=True)
class PlannedWeight:
    """One weight tensor and what will become of it.

    Args:
        layer: The layer's name; `outer/inner` inside a nested model.
        layer_type: The layer's class.
        weight: The weight's name within the layer, such as `kernel`.
        shape: Keras layout.
        kernel_shape: The shape read as a kernel `[*spatial, in, out]`.
        rule: The rule that has the layer; None where none matched.
        overridden: Rules that matched too and came earlier.
        structure: Which weights are zeroed together; None for a dense weight.
        schedule: Sparsity over the steps; None for a dense weight.
        importance: What ranks the weights: `magnitude` or `random`.
        total_steps: Training steps.
        reason: Why the weight stays dense; None for a pruned one.
    """

    layer: str
    layer_type: str
    weight: str
    shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    rule: str | None = None
    overridden: tuple[str, ...] = ()
    structure: Structure | None = None
    schedule: PruningSchedule | None = None
    importance: str = "magnitude"
    total_steps: int = 1
    reason: str | None = None

    @property
    def pruned(self) -> bool:
        """Whether a rule prunes this weight."""
        return self.structure is not None

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    @property
    def curve(self) -> ScheduleCurve | None:
        """What the schedule does in this training; None for a dense weight."""
        return None if self.schedule is None else curve_of(self.schedule, self.total_steps)

    @property
    def sparsity(self) -> float:
        """The level that training ends at; 0 for a dense weight."""
        return 0.0 if self.curve is None else self.curve.final

    @property
    def planned_zeros(self) -> int:
        """The zeros that training must end with."""
        return 0 if self.structure is None else self.structure.planned_zeros(self.kernel_shape, self.sparsity)

    @property
    def promised(self) -> bool:
        """Whether the structure's full pattern is promised."""
        return self.structure is not None and self.structure.promises(self.sparsity)

    @property
    def axis(self) -> str | None:
        """What m:n groups run along; None for other structures."""
        return self.structure.resolved_axis(self.kernel_shape) if isinstance(self.structure, MByN) else None

    @property
    def updates(self) -> list[int]:
        """The steps at which the mask is updated."""
        return [] if self.curve is None else list(self.curve.steps)

    @property
    def window(self) -> tuple[int | None, int | None]:
        """First and last step of the schedule; None where it names none."""
        if self.schedule is None:
            return None, None
        first, last = first_step(self.schedule), last_step(self.schedule)
        return (first if first >= 0 else None), (last if last >= 0 else None)


@dataclass(frozen=True)
class Plan:
    """The rules resolved against a built model.

    Args:
        rows: One per weight tensor that could be pruned, in the model's order.
        warnings: What the user should know before training.
        steps_per_epoch: Batches in one epoch.
        total_steps: Batches in the whole training.
    """

    rows: tuple[PlannedWeight, ...]
    warnings: tuple[str, ...]
    steps_per_epoch: int
    total_steps: int

    @property
    def pruned(self) -> list[PlannedWeight]:
        """The rows that are pruned."""
        return [row for row in self.rows if row.pruned]

    @property
    def curves(self) -> list[tuple[str, ScheduleCurve]]:
        """Each rule that prunes, in the order of the rows, with what its schedule does in this training."""
        found = {(row.rule, row.schedule): row.curve for row in self.pruned}
        return [(rule or "", curve) for (rule, _), curve in found.items() if curve is not None]
