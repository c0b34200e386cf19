import subprocess
import sys

import numpy as np
import pytest

from runner.pruning.structures import MByN, Unstructured
from runner.verify import CSV_COLUMNS, CheckRow, PrunedWeight, SparsityCheck
from runner.verify.sparsity_check import judge, shape_text

VALUES = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 3.0], [4.0, 0.0]], np.float32)


def weight(**changes: object) -> PrunedWeight:
    fields: dict[str, object] = {
        "layer": "dense",
        "weight": "kernel",
        "planned_zeros": 4,
        "mask": VALUES != 0,
        "values": VALUES,
        "structure": MByN(2, 4),
        "promised": True,
    }
    return PrunedWeight(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_mask_must_be_boolean_and_fit() -> None:
    with pytest.raises(ValueError, match=r"dense/kernel: the mask is float32 \(4, 2\)"):
        weight(mask=np.ones((4, 2), np.float32))
    with pytest.raises(ValueError, match=r"the mask is bool \(2, 4\), the values are \(4, 2\)"):
        weight(mask=np.ones((2, 4), bool))


def test_a_row_counts_and_names_the_pattern() -> None:
    row = judge(weight(), "trained", VALUES, [])
    assert row == CheckRow(
        "dense", "kernel", "trained", (4, 2), 4, 4, 0.5, "2:4 (2 of 4 zero)", True, True, None
    )
    assert list(row.to_csv().items()) == [
        ("layer", "dense"),
        ("weight", "kernel"),
        ("point", "trained"),
        ("shape", "4x2"),
        ("planned_zeros", 4),
        ("zeros", 4),
        ("sparsity", 0.5),
        ("pattern", "2:4 (2 of 4 zero)"),
        ("pattern_ok", "true"),
    ]
    assert tuple(row.to_csv()) == CSV_COLUMNS


def test_a_broken_pattern_fails_only_where_it_is_promised() -> None:
    broken = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 3.0], [4.0, 0.0]], np.float32)
    row = judge(weight(), "saved", broken, [])
    assert (row.zeros, row.pattern_ok, row.passed) == (3, False, False)
    assert row.problem == ("saved: layer 'dense', kernel 4x2: the pattern 2:4 (2 of 4 zero) does not hold")
    unpromised = judge(weight(promised=False), "saved", broken, [])
    assert (unpromised.pattern_ok, unpromised.passed) == (None, True)
    assert unpromised.to_csv()["pattern_ok"] == ""


def test_a_weight_that_is_not_there_has_no_zeros() -> None:
    row = judge(weight(), "tflite_float32", None, ["is gone", "and more"])
    assert (row.zeros, row.sparsity, row.pattern_ok, row.passed) == (0, 0.0, False, False)
    assert row.problem == "tflite_float32: layer 'dense', kernel 4x2: is gone; and more"


def test_failures_are_rows_and_other_problems() -> None:
    good = judge(weight(structure=Unstructured()), "trained", VALUES, [])
    bad = judge(weight(), "trained", VALUES, ["is off"])
    assert SparsityCheck((good,)).passed
    check = SparsityCheck((good, bad), ("outputs differ",))
    assert not check.passed
    assert check.failures == ("trained: layer 'dense', kernel 4x2: is off", "outputs differ")
    assert not SparsityCheck((good,), ("outputs differ",)).passed


def test_passing_and_a_problem_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="passed is True"):
        CheckRow("d", "k", "trained", (1,), 0, 0, 0.0, "unstructured", None, True, "broken")


def test_shapes_in_tables() -> None:
    assert [shape_text((5, 5, 32, 64)), shape_text((7,)), shape_text(())] == ["5x5x32x64", "7", "scalar"]


def test_the_check_needs_no_tensorflow() -> None:
    program = "import sys, runner.verify; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
