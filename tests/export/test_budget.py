from pathlib import Path

import pytest

from runner.export.budget import BudgetResult, Reference, judge_budget
from runner.export.measure import Exported
from runner.recipe.export_settings import Budget

DENSE = Reference(0.99, "the dense model")


def judged(budget: Budget, *, size: int = 100_000, accuracy: float | None = 0.98) -> BudgetResult:
    scores = {} if accuracy is None else {"accuracy": accuracy}
    files = [
        Exported("float32", Path("a"), 900_000, 1, loads=True, scores={"accuracy": 0.1}),
        Exported("int8", Path("b"), size, 1, loads=True, scores=scores),
    ]
    return judge_budget(budget, files, DENSE if accuracy is not None else None)


def test_limits_that_are_just_met_are_kept() -> None:
    # 0.99 - 0.98 is a little more than 0.01 in binary.
    verdict = judged(Budget("int8", max_bytes=100_000, max_accuracy_drop=0.01, min_accuracy=0.98))
    assert (verdict.kept, verdict.misses) == (True, ())


def test_each_miss_is_told_with_its_numbers() -> None:
    budget = Budget("int8", max_bytes=100_000, max_accuracy_drop=0.01, min_accuracy=0.98)
    assert judged(budget, size=1_234_567, accuracy=0.9712).misses == (
        "int8: 1,234,567 bytes, budget.max_bytes allows 100,000",
        "int8: accuracy 0.9712, budget.min_accuracy asks for 0.98",
        "int8: accuracy 0.9712 is 0.0188 below that of the dense model (0.9900), budget.max_accuracy_drop"
        " allows 0.01",
    )


@pytest.mark.parametrize(
    ("budget", "size", "accuracy", "kept"),
    [
        (Budget("int8", max_bytes=100), 100, 0.5, True),
        (Budget("int8", max_bytes=100), 101, 0.99, False),
        (Budget("int8", min_accuracy=0.5), 10**9, 0.5, True),
        (Budget("int8", min_accuracy=0.5), 1, 0.4999, False),
        (Budget("int8", max_accuracy_drop=0.0), 1, 0.99, True),
        (Budget("int8", max_accuracy_drop=0.0), 1, 0.9899, False),
        (Budget("int8", max_accuracy_drop=0.0), 1, 1.0, True),
        (Budget("int8", max_bytes=100), 100, None, True),
    ],
)
def test_a_limit_that_is_not_set_does_not_count(
    budget: Budget, size: int, accuracy: float | None, kept: bool
) -> None:
    assert judged(budget, size=size, accuracy=accuracy).kept == kept


def test_a_file_that_does_not_run_keeps_no_budget() -> None:
    broken = Exported("int8", None, None, None, loads=False, error="no")
    verdict = judge_budget(Budget("int8", max_bytes=100), [broken], DENSE)
    assert verdict.misses == ("int8: does not run, so it keeps no budget",)


def test_the_verdict_is_plain_data() -> None:
    assert judged(Budget("int8", max_bytes=99_999)).to_json() == {
        "variant": "int8",
        "kept": False,
        "bytes": 100_000,
        "accuracy": 0.98,
        "reference": "the dense model",
        "reference_accuracy": 0.99,
        "misses": ["int8: 100,000 bytes, budget.max_bytes allows 99,999"],
    }
    regression = judged(Budget("int8", max_bytes=100_000), accuracy=None).to_json()
    assert (regression["reference"], regression["reference_accuracy"]) == (None, None)
