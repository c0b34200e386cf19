"""The sparsity check of Keras weights: after training, after strip and in the reloaded model file."""

from collections.abc import Mapping, Sequence

import numpy as np

from runner.process.errors import did_you_mean
from runner.verify.sparsity_check import CheckRow, PrunedWeight, judge, planned_count_problems


def check_weights(
    expected: Sequence[PrunedWeight], found: Mapping[tuple[str, str], np.ndarray], point: str
) -> list[CheckRow]:
    """Checks that Keras weights have their planned zeros, their patterns and their trained values.

    Args:
        expected: The pruned weights; the result has a row for each, in their order.
        found: The weights at that point, by layer and weight name, in Keras layout.
        point: `"trained"`, `"stripped"` or `"saved"`.
    """
    return [_check(weight, found, point) for weight in expected]


def _check(expected: PrunedWeight, found: Mapping[tuple[str, str], np.ndarray], point: str) -> CheckRow:
    problems = planned_count_problems(expected)
    values = found.get((expected.layer, expected.weight))
    if values is None:
        names = [f"{layer}/{weight}" for layer, weight in found]
        hint = did_you_mean(f"{expected.layer}/{expected.weight}", names)
        return judge(expected, point, None, [*problems, f"is not there.{hint}"])
    if values.shape != expected.values.shape:
        return judge(expected, point, None, [*problems, f"has the shape {values.shape} here"])
    pruned = ~expected.mask
    not_zero = int(np.count_nonzero(values[pruned]))
    if not_zero:
        problems.append(f"{not_zero} of {np.count_nonzero(pruned)} planned zeros are not zero")
    # Nothing between these points computes with the weights, so they stay equal to the bit.
    changed = int(np.count_nonzero(values[expected.mask] != expected.values[expected.mask]))
    if changed:
        problems.append(
            f"{changed} of {np.count_nonzero(expected.mask)} kept weights differ from the trained"
        )
    return judge(expected, point, values, problems)
