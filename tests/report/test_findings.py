from dataclasses import replace
from pathlib import Path

import pytest

from runner.export.advice import Advice, Ratios
from runner.export.budget import Reference, Verdict
from runner.export.measure import Exported
from runner.recipe.export_settings import Budget
from runner.report.findings import Outcome, findings, next_steps

FILE = Exported("float32", Path("a"), 900, 400, loads=True, scores={"accuracy": 0.9})
RATIOS = Ratios(0.12, 0.1, 1.3, told_apart=True)
SAID = Advice(RATIOS, "float32", RATIOS, True, "everywhere", "zeros take room", None)
GOOD = Outcome(
    planned_zeros=750,
    pruned_size=1000,
    model_sparsity=0.5,
    points=4,
    check_failures=0,
    scores={"accuracy": 0.9, "loss": 0.3},
    test_samples=10_000,
    reference=Reference(0.95, "the dense weights"),
    dense_loss=0.2,
    further_steps=100,
    files=[FILE],
    dense_float32=True,
    advice={"float32": SAID},
    budget=None,
    blocks=False,
    once=True,
)


def test_a_target_that_was_reached_is_told_with_its_numbers() -> None:
    assert findings(GOOD)[0] == (
        "Target: reached. All 750 planned zeros are zero, 75.00% of the pruned tensors, at all 4 points of"
        " the check, and every promised pattern holds. Of all weights of the model 50.00% are zero."
    )


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (
            replace(GOOD, check_failures=2),
            "Target: not proven. 2 verdicts of the sparsity check are failures, named above.",
        ),
        (
            replace(GOOD, check_failures=1),
            "Target: not proven. 1 verdict of the sparsity check is a failure, named above.",
        ),
        (
            replace(GOOD, planned_zeros=0),
            "Target: the plan asks for no zeros: this is a dense control.",
        ),
        (
            replace(GOOD, planned_zeros=0, pruned_size=0),
            "Target: no rule prunes a weight, so there was none to reach.",
        ),
    ],
)
def test_a_target_that_was_not_reached_or_not_set(outcome: Outcome, told: str) -> None:
    assert findings(outcome)[0] == told


def test_a_drop_is_held_against_what_chance_explains() -> None:
    # 2 * sqrt((p * (1 - p) + q * (1 - q)) / 10002) of p = 9001 / 10002 and q = 9501 / 10002
    assert GOOD.chance == pytest.approx(0.007419, abs=1e-6)
    assert findings(GOOD)[1] == (
        "Cost: accuracy 0.9000, 0.0500 below that of the dense weights (0.9500). On 10,000 test samples that"
        " is more than chance explains (about 0.0074). The pruned model was trained 100 steps more than the"
        " dense one, which alone may change its accuracy."
    )
    few = findings(replace(GOOD, test_samples=100))[1]
    assert "On 100 test samples that can be chance (about 0.0771)." in few


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_of_all_and_of_nothing_can_be_chance_too(share: float) -> None:
    """The standard error of either is 0, but after 100 samples that are right one may be wrong."""
    few = replace(GOOD, test_samples=100, scores={"accuracy": share, "loss": 0.1})
    same = replace(few, reference=Reference(share, "it"))
    assert same.chance == pytest.approx(0.027593, abs=1e-6)
    assert (
        f"{share:.4f}, the same as that of it ({share:.4f}). On 100 test samples chance can hide a small"
        " difference (about 0.0276)."
    ) in findings(same)[1]
    one = replace(few, reference=Reference(abs(share - 0.01), "it"))
    assert "On 100 test samples that can be chance (about 0.03" in findings(one)[1]


def test_a_gain_is_no_drop() -> None:
    assert "0.0100 above that of" in findings(replace(GOOD, reference=Reference(0.89, "it")))[1]
    assert "0.9000, the same as that of it" in findings(replace(GOOD, reference=Reference(0.9, "it")))[1]


def test_without_a_dense_model_the_cost_is_not_known() -> None:
    outcome = replace(GOOD, reference=None, dense_loss=None)

    assert findings(outcome)[1] == (
        "Cost: not known. The test set gives accuracy 0.9000, loss 0.3000, but no dense model was trained to"
        " compare with."
    )
    assert any("recipe.training.dense_epochs=N" in step for step in next_steps(outcome))
    assert not any("dense_epochs" in step for step in next_steps(GOOD))


def test_a_regression_compares_losses() -> None:
    outcome = replace(GOOD, scores={"loss": 0.3}, reference=None)

    assert findings(outcome)[1] == (
        "Cost: loss 0.3000; the dense weights that pruning began with had loss 0.2000."
    )


@pytest.mark.parametrize(
    ("advice", "told"),
    [
        (
            SAID,
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host)",
        ),
        (
            replace(SAID, ratios=Ratios(1.05, None, 0.5, told_apart=True)),
            "as large as dense float32 (1.05x the bytes), faster than dense float32 (0.50x the time on this"
            " host)",
        ),
        (
            replace(SAID, ratios=Ratios(1.0, None, 1.24)),
            "as large as dense float32 (1.00x the bytes), within the noise of timing as fast as dense float32"
            " (1.24x the time on this host)",
        ),
        (
            replace(SAID, ratios=Ratios(1.0, None, 1.04)),
            "as large as dense float32 (1.00x the bytes), as fast as dense float32 (1.04x the time on this"
            " host)",
        ),
        (replace(SAID, ratios=Ratios(2.0)), "larger than dense float32 (2.00x the bytes)"),
        (replace(SAID, ratios=Ratios()), "not compared"),
        (
            replace(SAID, twin="int8", twin_ratios=Ratios(0.3, 0.3, 1.5, told_apart=True)),
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host); smaller than dense int8 (0.30x the bytes), slower than dense int8 (1.50x the time on"
            " this host)",
        ),
        (
            replace(SAID, twin="int8", twin_ratios=Ratios()),
            "smaller than dense float32 (0.12x the bytes), slower than dense float32 (1.30x the time on this"
            " host)",
        ),
    ],
)
def test_a_file_is_compared_and_the_reason_given(advice: Advice, told: str) -> None:
    assert findings(replace(GOOD, advice={"float32": advice}))[2] == f"float32: {told}. Why: zeros take room."


def test_files_that_do_not_run_or_stand_alone() -> None:
    broken = replace(FILE, loads=False, error="it ended")

    assert findings(replace(GOOD, files=[broken]))[2] == "float32: does not run: it ended."
    wrong = replace(SAID, sound=False, why="not to be used")
    assert findings(replace(GOOD, advice={"float32": wrong}))[2] == "float32: not to be used."
    assert findings(replace(GOOD, dense_float32=False))[2] == (
        "float32: not compared: no dense file was measured (export.dense). Of itself: zeros take room."
    )


def missed(*misses: str, size: int = 900) -> Verdict:
    return Verdict(Budget("float32", max_bytes=500, min_accuracy=0.99), size, 0.9, None, misses)


def test_a_budget_is_told_and_what_to_do_about_it() -> None:
    over = replace(GOOD, budget=missed("float32: 900 bytes", "float32: accuracy 0.9"))

    assert findings(over)[-1] == "The budget was not kept: float32: 900 bytes; float32: accuracy 0.9."
    assert next_steps(over)[0] == (
        "To keep the budget: fewer bytes: a higher sparsity in a sparse variant, int8, or a smaller model;"
        " more accuracy: a lower sparsity, more epochs, or a larger variant."
    )
    assert findings(replace(GOOD, budget=missed(size=400)))[-1] == "The budget of float32 was kept."


def test_what_to_try_next_fits_what_was_done() -> None:
    [less, smaller, blocks, seeds] = next_steps(GOOD)
    assert less.startswith("To lose less accuracy: a schedule that grows")
    assert "add int8" in smaller
    assert "prune in blocks" in blocks
    assert "seed=1,2,3,4,5" in seeds

    int8 = replace(FILE, variant="int8_sparse")
    assert next_steps(replace(GOOD, files=[int8], blocks=True, test_samples=10)) == [seeds]
    assert "add float32_sparse" in next_steps(replace(GOOD, blocks=True))[2]
    assert "schedule.name" not in next_steps(replace(GOOD, once=False))[0]


def test_files_of_a_failed_check_are_not_to_be_used() -> None:
    assert next_steps(replace(GOOD, check_failures=1))[0].startswith("Do not use these files")
