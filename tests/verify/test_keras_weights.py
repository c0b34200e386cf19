import numpy as np
import pytest

from runner.pruning.structures import MByN
from runner.verify import PrunedWeight, check_weights

VALUES = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 3.0], [4.0, 0.0]], np.float32)
EXPECTED = PrunedWeight("dense", "kernel", 4, VALUES != 0, VALUES, MByN(2, 4), promised=True)


def problem(found: np.ndarray, expected: PrunedWeight = EXPECTED) -> str | None:
    (row,) = check_weights([expected], {("dense", "kernel"): found}, "saved")
    assert row.point == "saved"
    return row.problem


def changed(place: tuple[int, int], value: float) -> np.ndarray:
    values = VALUES.copy()
    values[place] = value
    return values


def test_the_trained_weights_pass() -> None:
    (row,) = check_weights([EXPECTED], {("dense", "kernel"): VALUES}, "trained")
    assert (row.passed, row.zeros, row.planned_zeros, row.pattern_ok) == (True, 4, 4, True)


def test_one_planned_zero_that_is_not_zero_fails() -> None:
    assert problem(changed((0, 1), 1e-30)) == (
        "saved: layer 'dense', kernel 4x2: 1 of 4 planned zeros are not zero;"
        " the pattern 2:4 (2 of 4 zero) does not hold"
    )


@pytest.mark.parametrize("value", [0.0, 1.0000001, float("nan")])
def test_one_kept_weight_that_changed_fails(value: float) -> None:
    assert "1 of 4 kept weights differ from the trained" in (problem(changed((0, 0), value)) or "")


def test_all_zero_is_sparse_and_fails() -> None:
    assert "4 of 4 kept weights differ" in (problem(np.zeros((4, 2), np.float32)) or "")


def test_minus_zero_is_zero() -> None:
    assert problem(changed((0, 1), -0.0)) is None


def test_a_natural_zero_is_counted_not_punished() -> None:
    values = changed((0, 0), 0.0)
    expected = PrunedWeight("dense", "kernel", 4, VALUES != 0, values, MByN(2, 4), promised=True)
    (row,) = check_weights([expected], {("dense", "kernel"): values}, "stripped")
    assert (row.passed, row.zeros, row.planned_zeros) == (True, 5, 4)


def test_a_mask_short_of_the_plan_fails_though_its_zeros_are_there() -> None:
    expected = PrunedWeight("dense", "kernel", 5, VALUES != 0, VALUES, MByN(2, 4), promised=True)
    assert problem(VALUES, expected) == (
        "saved: layer 'dense', kernel 4x2: the plan names 5 zeros, its mask has 4"
    )


def test_a_missing_weight_is_named_with_the_nearest() -> None:
    (row,) = check_weights([EXPECTED], {("dense_1", "kernel"): VALUES}, "saved")
    assert row.problem == ("saved: layer 'dense', kernel 4x2: is not there. Did you mean 'dense_1/kernel'?")


def test_another_shape_fails() -> None:
    assert problem(VALUES.T) == "saved: layer 'dense', kernel 4x2: has the shape (2, 4) here"
