"""Compares a file with the budget of its recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.export.measure import Exported
from runner.recipe.export_settings import Budget

# More than the rounding error of decimal fractions such as 0.01.
_SLACK = 1e-9


@dataclass(frozen=True)
class Reference:
    """The accuracy in [0, 1] that `max_accuracy_drop` counts from, and the model that has it."""

    accuracy: float
    name: str


@dataclass(frozen=True)
class BudgetResult:
    """Whether a file keeps its budget.

    Args:
        budget: The limits.
        bytes: Size of the file; None without a file.
        accuracy: Its test accuracy; None where it does not run.
        reference: The accuracy it is compared with; None in a regression.
        misses: A sentence for each limit that is not kept.
    """

    budget: Budget
    bytes: int | None
    accuracy: float | None
    reference: Reference | None
    misses: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every limit is kept."""
        return not self.misses

    def to_json(self) -> dict[str, Any]:
        """Returns it for `summary.json`."""
        return {
            "variant": self.budget.variant,
            "kept": self.kept,
            "bytes": self.bytes,
            "accuracy": self.accuracy,
            "reference": None if self.reference is None else self.reference.name,
            "reference_accuracy": None if self.reference is None else self.reference.accuracy,
            "misses": list(self.misses),
        }


def judge_budget(budget: Budget, files: Sequence[Exported], reference: Reference | None) -> BudgetResult:
    """Compares the file that a budget names with its limits.

    Args:
        budget: The limits and the variant.
        files: The run's files, that variant among them.
        reference: The accuracy that a drop counts from; None in a regression.
    """
    [file] = [file for file in files if file.variant == budget.variant]
    misses = []
    if not file.loads:
        misses.append(f"{file.variant}: does not run, so it keeps no budget")
    if budget.max_bytes is not None and file.bytes is not None and file.bytes > budget.max_bytes:
        misses.append(f"{file.variant}: {file.bytes:,} bytes, budget.max_bytes allows {budget.max_bytes:,}")
    if file.accuracy is not None:
        misses += _accuracy_misses(budget, file.variant, file.accuracy, reference)
    return BudgetResult(budget, file.bytes, file.accuracy, reference, tuple(misses))


def _accuracy_misses(budget: Budget, variant: str, accuracy: float, reference: Reference | None) -> list[str]:
    misses = []
    if budget.min_accuracy is not None and accuracy < budget.min_accuracy - _SLACK:
        misses.append(
            f"{variant}: accuracy {accuracy:.4f}, budget.min_accuracy asks for {budget.min_accuracy:g}"
        )
    if budget.max_accuracy_drop is not None and reference is not None:
        drop = reference.accuracy - accuracy
        if drop > budget.max_accuracy_drop + _SLACK:
            misses.append(
                f"{variant}: accuracy {accuracy:.4f} is {drop:.4f} below that of {reference.name}"
                f" ({reference.accuracy:.4f}), budget.max_accuracy_drop allows {budget.max_accuracy_drop:g}"
            )
    return misses
