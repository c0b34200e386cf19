"""Compares a pruned weight with one constant of a TFLite file."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from runner.tflite.constant import StoredConstant
from runner.verify.folding import Folds, scaled
from runner.verify.rounding import allowed_steps, coarseness
from runner.verify.views import View

# Rounding of a folded scale: a few products in float32.
_RELATIVE = 1e-5
# Kernels may flush what is below the smallest normal float32 to zero.
_TINY = float(np.finfo(np.float32).tiny)
# A scale is read off rounded values, so that its error and theirs add up to one and a half steps.
_AS_TRAINED, _SCALED = 1.0, 1.5


@dataclass(frozen=True)
class WeightMatch:
    """How well a constant, seen through a view, is a pruned weight.

    Attributes:
        constant: The constant.
        view: How it reads as the weight.
        not_zero: How many planned zeros are not zero in it; where it is quantized, not at their zero point.
        changed: How many kept weights do not reappear within its quantization step.
        planned: How many planned zeros there are.
        kept: How many kept weights there are.
        folded: Whether a folded scale was needed to explain them.
        coarseness: How many times larger than such weights need its quantization step is; 1 or less where it
            is as fine as that.
    """

    constant: StoredConstant
    view: View
    not_zero: int
    changed: int
    planned: int
    kept: int
    folded: bool
    coarseness: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether the constant is the weight beyond doubt."""
        return self.not_zero == 0 and self.changed == 0

    def values(self) -> np.ndarray:
        """Returns the constant's values in Keras layout."""
        return self.view.to_keras(self.constant.values)

    def difference(self) -> str:
        """Says in which counts the constant differs from the weight."""
        parts = []
        if self.not_zero:
            parts.append(f"{self.not_zero} of {self.planned} planned zeros are not zero")
        if self.changed:
            coarse = ""
            if self.coarseness > 1:
                coarse = f" (its quantization step is {self.coarseness:.3g} times what they need)"
            parts.append(f"{self.changed} of {self.kept} kept weights do not reappear{coarse}")
        return " and ".join(parts) or "nothing"


def compare(
    constant: StoredConstant, view: View, values: np.ndarray, mask: np.ndarray, folds: Folds | None = None
) -> WeightMatch:
    """Compares a weight with a constant, planned zeros and kept weights.

    Args:
        constant: The constant.
        view: How it reads as the weight.
        values: The trained values, Keras layout.
        mask: Boolean, false = pruned, Keras layout.
        folds: The scales that the converter may have folded in; `None` where they are not known, so that any
            is believed that its operators allow and that explains the weights.

    Returns:
        The match; of the scales, the one that explains most.
    """
    kept = view.to_file(mask)
    trained = view.to_file(values)
    planned = int(kept.size - np.count_nonzero(kept))
    not_zero = int(np.count_nonzero(~constant.zeros[~kept]))
    changed = _changed(constant, trained, kept, steps=_AS_TRAINED, relative=0.0)
    folded, wanted = False, trained
    if changed:
        steps = _SCALED if folds is None else _AS_TRAINED
        for candidate in _candidates(constant, view, values, kept, folds):
            under_scale = _changed(constant, candidate, kept, steps=steps, relative=_RELATIVE)
            if under_scale < changed:
                changed, folded, wanted = under_scale, True, candidate
            if changed == 0:
                break
    coarse = coarseness(constant, wanted) if changed else 0.0
    return WeightMatch(constant, view, not_zero, changed, planned, kept.size - planned, folded, coarse)


def _candidates(
    constant: StoredConstant, view: View, values: np.ndarray, kept: np.ndarray, folds: Folds | None
) -> Iterable[np.ndarray]:
    if folds is None:
        return scaled(constant, view.to_file(values), kept)
    return (view.to_file(candidate) for candidate in folds.scaled(values))


def _changed(
    constant: StoredConstant, trained: np.ndarray, kept: np.ndarray, *, steps: float, relative: float
) -> int:
    allowed = steps * allowed_steps(constant, trained) + relative * np.abs(trained) + _TINY
    # Written so that a NaN on either side counts as changed.
    near = np.abs(constant.values - trained) <= allowed
    return int(np.count_nonzero(~near & kept))
