"""What to make of a run; all start from `made_run`, which went well."""

from dataclasses import replace
from typing import Any

import pytest

from runner.export.advice import Advice, Ratios
from runner.export.budget import BudgetResult
from runner.plan import Plan
from runner.pruning.schedules import ConstantSparsity, PolynomialDecay
from runner.pruning.structures import Block
from runner.recipe.export_settings import Budget
from runner.report.findings import chance, findings, next_steps
from runner.report.parts import Run
from runner.verify import SparsityCheck
from tests.report.made_run import ADVICE, FILE, PLAN, WEIGHT, made_run, row, samples

GOOD = made_run()


def planned(**changes: Any) -> dict[str, Plan]:
    return {"plan": replace(PLAN, rows=(replace(WEIGHT, **changes),))}


def failed(*problems: str) -> dict[str, SparsityCheck]:
    return {"check": SparsityCheck((row("tflite_float32"),), problems)}


def compared(accuracy: float | None, dense: float | None, test_samples: int = 10_000) -> Run:
    """A run by its accuracy and that of the dense weights."""
    scores = {"loss": 0.3} | ({} if accuracy is None else {"accuracy": accuracy})
    dense_scores = {"loss": 0.2} | ({} if dense is None else {"accuracy": dense})
    return made_run(
        data=samples(test_samples), proof={"scores": scores}, exports={"dense_scores": dense_scores}
    )


def test_a_target_that_was_reached_is_told_with_its_numbers() -> None:
    assert findings(GOOD)[0] == (
        "Target: reached. All 750 planned zeros are zero, 75.00% of the pruned tensors, at all 4 points of"
        " the check, and every promised pattern holds. Of all weights of the model 50.00% are zero."
    )


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (
            made_run(exports=failed("a", "b")),
            "Target: not proven. 2 verdicts of the sparsity check are failures, named above.",
        ),
        (
            made_run(exports=failed("a")),
            "Target: not proven. 1 verdict of the sparsity check is a failure, named above.",
        ),
        (
            made_run(prepared=planned(schedule=ConstantSparsity(0.0, 0, 0))),
            "Target: the plan asks for no zeros: this is a dense control.",
        ),
        (
            made_run(prepared=planned(structure=None, schedule=None)),
            "Target: no rule prunes a weight, so there was none to reach.",
        ),
    ],
)
def test_a_target_that_was_not_reached_or_not_set(run: Run, words: str) -> None:
    assert findings(run)[0] == words


def test_a_drop_is_held_against_what_chance_explains() -> None:
    # 2 * sqrt((p * (1 - p) + q * (1 - q)) / 10002) of p = 9001 / 10002 and q = 9501 / 10002
    assert chance(GOOD) == pytest.approx(0.007419, abs=1e-6)
    assert findings(GOOD)[1] == (
        "Cost: accuracy 0.9000, 0.0500 below that of the dense weights that pruning began with (0.9500). On"
        " 10,000 test samples that is more than chance explains (about 0.0074). The pruned model was trained"
        " 100 steps more than the dense one, which alone may change its accuracy."
    )
    few = findings(compared(0.9, 0.95, 100))[1]
    assert "On 100 test samples that can be chance (about 0.0771)." in few


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_of_all_and_of_nothing_can_be_chance_too(share: float) -> None:
    """The standard error of either is 0, but after 100 samples that are right one may be wrong."""
    same = compared(share, share, 100)
    assert chance(same) == pytest.approx(0.027593, abs=1e-6)
    assert (
        f"{share:.4f}, the same as that of the dense weights that pruning began with ({share:.4f}). On 100"
        " test samples chance can hide a small difference (about 0.0276)."
    ) in findings(same)[1]
    one = compared(share, abs(share - 0.01), 100)
    assert "On 100 test samples that can be chance (about 0.03" in findings(one)[1]


def test_a_gain_is_no_drop() -> None:
    assert "0.0100 above that of" in findings(compared(0.9, 0.89))[1]
    assert "0.9000, the same as that of the dense" in findings(compared(0.9, 0.9))[1]
    assert not any("lose less accuracy" in step for step in next_steps(compared(0.9, 0.8)))


def test_without_a_dense_model_the_cost_is_not_known() -> None:
    alone = made_run(exports={"dense_scores": None})

    assert findings(alone)[1] == (
        "Cost: not known. The test set gives accuracy 0.9000, loss 0.3000, but no dense model was trained to"
        " compare with."
    )
    assert any("recipe.training.dense_epochs=N" in step for step in next_steps(alone))
    assert not any("dense_epochs" in step for step in next_steps(GOOD))


def test_a_regression_compares_losses() -> None:
    assert findings(compared(None, None))[1] == (
        "Cost: loss 0.3000; the dense weights that pruning began with had loss 0.2000."
    )


@pytest.mark.parametrize(
    ("advice", "words"),
    [
        (
            ADVICE,
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host)",
        ),
        (
            replace(ADVICE, ratios=Ratios(1.05, None, 0.5, told_apart=True)),
            "as large as dense float32 (1.05x the bytes), faster than dense float32 (0.50x the time on this"
            " host)",
        ),
        (
            replace(ADVICE, ratios=Ratios(1.0, None, 1.24)),
            "as large as dense float32 (1.00x the bytes), within the noise of timing as fast as dense float32"
            " (1.24x the time on this host)",
        ),
        (
            replace(ADVICE, ratios=Ratios(1.0, None, 1.04)),
            "as large as dense float32 (1.00x the bytes), as fast as dense float32 (1.04x the time on this"
            " host)",
        ),
        (replace(ADVICE, ratios=Ratios(2.0)), "larger than dense float32 (2.00x the bytes)"),
        (replace(ADVICE, ratios=Ratios()), "not compared"),
        (
            replace(ADVICE, twin="int8", twin_ratios=Ratios(0.3, 0.3, 1.5, told_apart=True)),
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host); smaller than dense int8 (0.30x the bytes), slower than dense int8 (1.50x the time on"
            " this host)",
        ),
        (
            replace(ADVICE, twin="int8", twin_ratios=Ratios()),
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host)",
        ),
    ],
)
def test_a_file_is_compared_and_the_reason_given(advice: Advice, words: str) -> None:
    run = made_run(exports={"advice": {"float32": advice}})
    assert findings(run)[2] == f"float32: {words}. Why: zeros take room."


def test_files_that_do_not_run_or_stand_alone() -> None:
    broken = replace(FILE, loads=False, error="it ended")

    assert findings(made_run(exports={"files": [broken]}))[2] == "float32: does not run: it ended."
    wrong = replace(ADVICE, sound=False, why="not to be used")
    assert findings(made_run(exports={"advice": {"float32": wrong}}))[2] == "float32: not to be used."
    missing = replace(FILE, bytes=None, path=None, loads=False, error="no operator")
    for dense in ([], [missing]):
        assert findings(made_run(exports={"dense": dense}))[2] == (
            "float32: not compared: no dense file was measured (export.dense). Of itself: zeros take room."
        )


def missed(*misses: str, size: int = 900) -> Run:
    budget = Budget("float32", max_bytes=500, min_accuracy=0.99)
    return made_run(exports={"budget": BudgetResult(budget, size, 0.9, None, misses)})


def test_a_budget_is_told_and_what_to_do_about_it() -> None:
    over = missed("float32: 900 bytes", "float32: accuracy 0.9")

    assert findings(over)[-1] == "The budget was not kept: float32: 900 bytes; float32: accuracy 0.9."
    assert next_steps(over)[0] == (
        "To keep the budget: fewer bytes: a higher sparsity in a sparse variant, int8, or a smaller model;"
        " more accuracy: a lower sparsity, more epochs, or a larger variant."
    )
    assert findings(missed(size=400))[-1] == "The budget of float32 was kept."


def test_what_to_try_next_fits_what_was_done() -> None:
    [less, smaller, blocks, seeds] = next_steps(GOOD)
    assert less.startswith("To lose less accuracy: a schedule that grows")
    assert "add int8" in smaller
    assert "prune in blocks" in blocks
    assert "seed=1,2,3,4,5" in seeds

    in_blocks = planned(structure=Block(5, 1))
    int8 = {"files": [replace(FILE, variant="int8_sparse")], "advice": {"int8_sparse": ADVICE}}
    assert next_steps(made_run(data=samples(10), prepared=in_blocks, exports=int8)) == [seeds]
    assert "add float32_sparse" in next_steps(made_run(prepared=in_blocks))[2]
    growing = planned(schedule=PolynomialDecay(0.0, 0.75, 0, 100, frequency=10))
    assert "schedule.name" not in next_steps(made_run(prepared=growing))[0]


def test_files_of_a_failed_check_are_not_to_be_used() -> None:
    assert next_steps(made_run(exports=failed("a")))[0].startswith("Do not use these files")
