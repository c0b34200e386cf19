"""What the sparsity check expects of each weight, and its results."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.pruning.layouts import KERNEL, KernelLayout
from runner.pruning.structures import Structure
from runner.verify.folding import Folds

CSV_COLUMNS = (
    *("layer", "weight", "point", "shape", "planned_zeros", "zeros"),
    *("sparsity", "pattern", "pattern_ok"),
)


@dataclass(frozen=True, eq=False)
class PrunedWeight:
    """One pruned weight tensor after training: what every later form of it must still show.

    Args:
        layer: The layer's name.
        weight: The weight's name in its layer, e.g. `"kernel"`.
        planned_zeros: How many zeros the plan gives it.
        mask: Boolean, of the weight's shape in Keras layout; false = pruned.
        values: The trained values, of the same shape.
        structure: The structure its mask was made with.
        promised: Whether the full pattern is promised, so that `pattern_holds` must be true. An m:n schedule
            that ends below m/n promises none.
        folds: What its model says may be multiplied into it when it is converted; `None` where that is not
            known, so that any factors are believed that explain the weights of a file (see `folding`).
        layout: How the weight's axes read as a kernel of the structure.
        sparsity: The planned level, in [0, 1); `None` where any level will do for `structure.holds`.
    """

    layer: str
    weight: str
    planned_zeros: int
    mask: np.ndarray
    values: np.ndarray
    structure: Structure
    promised: bool
    folds: Folds | None = None
    layout: KernelLayout = KERNEL
    sparsity: float | None = None

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.shape != self.values.shape:
            raise ValueError(
                f"{self.layer}/{self.weight}: the mask is {self.mask.dtype} {self.mask.shape}, the values are"
                f" {self.values.shape}; a boolean mask of the values' shape is needed"
            )

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"layer '{self.layer}', {self.weight} {shape_text(self.values.shape)}"

    def part(self, span: slice) -> "PrunedWeight":
        """Cuts a part out along the last axis, such as one gate of a recurrent kernel."""
        folds = None if self.folds is None else self.folds.part(span)
        return replace(self, values=self.values[..., span], mask=self.mask[..., span], folds=folds)

    def pattern_holds(self, values: np.ndarray) -> bool:
        """Tells whether the promised pattern holds in values of the weight's shape in Keras layout."""
        return self.structure.holds(self.layout.kernel(values), self.sparsity)


@dataclass(frozen=True)
class CheckRow:
    """The result for one weight at one point.

    Attributes:
        layer, weight, planned_zeros: As in `PrunedWeight`.
        point: `"trained"`, `"stripped"`, `"saved"` or `"tflite_<variant>"`.
        shape: The weight's shape in Keras layout.
        zeros: How many there are, natural zeros and those rounded by quantization included.
        sparsity: `zeros` as a share of all weights of the tensor.
        pattern: The structure's label.
        pattern_ok: Whether the promised pattern holds; `None` where none is promised.
        passed: Whether every planned zero is zero, the pattern holds and the kept weights are there.
        problem: What is wrong, with layer and counts; `None` when passed.
    """

    layer: str
    weight: str
    point: str
    shape: tuple[int, ...]
    planned_zeros: int
    zeros: int
    sparsity: float
    pattern: str
    pattern_ok: bool | None
    passed: bool
    problem: str | None

    def __post_init__(self) -> None:
        if self.passed != (self.problem is None):
            raise ValueError(f"{self.layer}/{self.weight}: passed is {self.passed}, problem {self.problem!r}")

    def to_csv(self) -> dict[str, Any]:
        """Returns its line of `sparsity.csv`, by column; `pattern_ok` is empty where none is promised."""
        written = {
            "shape": shape_text(self.shape),
            "sparsity": round(self.sparsity, 6),
            "pattern_ok": "" if self.pattern_ok is None else str(self.pattern_ok).lower(),
        }
        return {column: written.get(column, getattr(self, column)) for column in CSV_COLUMNS}


@dataclass(frozen=True)
class SparsityCheck:
    """The whole check of a run.

    Args:
        rows: One row per pruned weight and point.
        problems: What was found wrong beside the rows, e.g. outputs that differ.
    """

    rows: tuple[CheckRow, ...]
    problems: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """Every failure, a sentence each, naming layer and counts."""
        return (*(row.problem for row in self.rows if row.problem is not None), *self.problems)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


def judge(expected: PrunedWeight, point: str, values: np.ndarray | None, problems: list[str]) -> CheckRow:
    """Makes the row of a weight; whether its pattern holds is checked here.

    Args:
        expected: The weight.
        point: As in `CheckRow`.
        values: Its values there, in Keras layout; `None` where it was not found.
        problems: What is known to be wrong, without the layer's name.
    """
    pattern_ok = None
    if expected.promised:
        pattern_ok = values is not None and expected.pattern_holds(values)
        if not pattern_ok and values is not None:
            problems = [*problems, f"the pattern {expected.structure.label} does not hold"]
    zeros = 0 if values is None else int(np.count_nonzero(values == 0))
    return CheckRow(
        layer=expected.layer,
        weight=expected.weight,
        point=point,
        shape=expected.values.shape,
        planned_zeros=expected.planned_zeros,
        zeros=zeros,
        sparsity=zeros / max(1, expected.values.size),
        pattern=expected.structure.label,
        pattern_ok=pattern_ok,
        passed=not problems,
        problem=f"{point}: {expected.title}: {'; '.join(problems)}" if problems else None,
    )


def planned_count_problems(expected: PrunedWeight) -> list[str]:
    """Says where the mask does not have the zeros that the plan names."""
    masked = int(np.count_nonzero(~expected.mask))
    if masked == expected.planned_zeros:
        return []
    return [f"the plan names {expected.planned_zeros} zeros, its mask has {masked}"]


def shape_text(shape: tuple[int, ...]) -> str:
    """Returns a shape as tables write it, e.g. `5x5x32x64`."""
    return "x".join(map(str, shape)) or "scalar"
