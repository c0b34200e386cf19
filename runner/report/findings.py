"""What to make of a run, in sentences: the target, the cost, the files, and what to try next."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.export.advice import Advice, Ratios
from runner.export.budget import BudgetResult, Reference
from runner.export.measure import Exported
from runner.process.wording import counted

# As in the advice: what two measurements differ by is no gain and no loss to count on.
_NOTABLE = 0.1


@dataclass(frozen=True)
class Outcome:
    """What the sentences are made from.

    Args:
        planned_zeros: How many zeros the plan names, over all pruned tensors.
        pruned_size: How many weights these tensors have.
        model_sparsity: Zeros among all weights of the model, in [0, 1].
        points: How many points the sparsity check was made at, files included.
        check_failures: How many of its verdicts are failures.
        scores: `loss` and, for classification, `accuracy` on the test set.
        test_samples: How many there are.
        reference: The dense model's accuracy, where it was trained.
        dense_loss: The loss of the dense weights, where they were trained here.
        further_steps: Training steps that the pruned model took after the dense weights.
        files: The TFLite files.
        dense_float32: Whether the dense float32 file was measured beside.
        advice: What to make of each file, by variant.
        budget: Whether the recipe's budget was kept; None where it has none.
        blocks: Whether a rule prunes in blocks.
        once: Whether every rule goes to its level at once, rather than by and by.
    """

    planned_zeros: int
    pruned_size: int
    model_sparsity: float
    points: int
    check_failures: int
    scores: Mapping[str, float]
    test_samples: int
    reference: Reference | None
    dense_loss: float | None
    further_steps: int
    files: Sequence[Exported]
    dense_float32: bool
    advice: Mapping[str, Advice]
    budget: BudgetResult | None
    blocks: bool
    once: bool

    @property
    def drop(self) -> float | None:
        """The accuracy that the dense model has more; None where either is not known."""
        if self.reference is None or "accuracy" not in self.scores:
            return None
        return self.reference.accuracy - self.scores["accuracy"]

    @property
    def chance(self) -> float:
        """How far two accuracies may lie apart by the draw of the test samples alone.

        Twice the standard error of the difference of two shares that are counted on different samples, each
        with one hit and one miss more than were counted (Agresti and Caffo 2000): without these it is 0 where
        both shares are 0 or 1. On the same samples, as here, it is less, so that what lies beyond is no
        chance, and what lies below may be.
        """
        shares = [self.scores.get("accuracy", 0.0)]
        shares += [self.reference.accuracy] if self.reference else []
        samples = self.test_samples + 2
        counted_in = [(share * self.test_samples + 1) / samples for share in shares]
        return 2 * math.sqrt(sum(share * (1 - share) for share in counted_in) / samples)


def findings(outcome: Outcome) -> list[str]:
    """Says whether pruning reached its target, what it cost, and what each file gained."""
    told = [_target(outcome), _cost(outcome)]
    told += [_file(file, outcome) for file in outcome.files]
    if outcome.budget is not None and outcome.budget.kept:
        told.append(f"The budget of {outcome.budget.budget.variant} was kept.")
    elif outcome.budget is not None:
        told.append(f"The budget was not kept: {'; '.join(outcome.budget.misses)}.")
    return told


def next_steps(outcome: Outcome) -> list[str]:
    """Says what to try next, the most pressing first."""
    steps = []
    variants = {file.variant for file in outcome.files}
    pruned = outcome.planned_zeros > 0
    if outcome.check_failures:
        steps.append("Do not use these files: find out first why the sparsity check failed.")
    if outcome.budget is not None and not outcome.budget.kept:
        steps.append(_within_budget(outcome))
    if outcome.drop is not None and pruned and outcome.drop > outcome.chance:
        how = "a schedule that grows (schedule.name=polynomial), " if outcome.once else ""
        steps.append(f"To lose less accuracy: {how}more recipe.training.epochs, or a lower sparsity.")
    if pruned and outcome.reference is None and outcome.dense_loss is None:
        steps.append(
            "To know what pruning costs, train the dense weights first: recipe.training.dense_epochs=N gives"
            " the accuracy to compare with."
        )
    if "int8" not in variants and "int8_sparse" not in variants:
        steps.append("For a smaller file, add int8 to recipe.export.variants: it stores a byte a weight.")
    if pruned and outcome.blocks and not variants & {"float32_sparse", "int8_sparse"}:
        steps.append("For files without their zeros, add float32_sparse: it leaves out whole blocks.")
    elif pruned and not outcome.blocks:
        steps.append(
            "For a Dense layer that is smaller in TFLite itself, prune in blocks (block: {in: 4, out: 1}) and"
            " export float32_sparse; what that does to its time, the run measures."
        )
    steps.append("One seed is one draw: --multirun seed=1,2,3,4,5 compares recipes with their spread.")
    return steps


def _target(outcome: Outcome) -> str:
    if outcome.pruned_size == 0:
        return "Target: no rule prunes a weight, so there was none to reach."
    if outcome.check_failures:
        return (
            f"Target: not proven. {counted(outcome.check_failures, 'verdict')} of the sparsity check"
            f" {'is a failure' if outcome.check_failures == 1 else 'are failures'}, named above."
        )
    if outcome.planned_zeros == 0:
        return "Target: the plan asks for no zeros: this is a dense control."
    share = outcome.planned_zeros / outcome.pruned_size
    return (
        f"Target: reached. All {outcome.planned_zeros:,} planned zeros are zero, {share:.2%} of the pruned"
        f" tensors, at all {outcome.points} points of the check, and every promised pattern holds. Of all"
        f" weights of the model {outcome.model_sparsity:.2%} are zero."
    )


def _cost(outcome: Outcome) -> str:
    drop, reference = outcome.drop, outcome.reference
    if drop is not None and reference is not None:
        accuracy = outcome.scores["accuracy"]
        if drop == 0:
            verdict = f"On {outcome.test_samples:,} test samples chance can hide a small difference"
        elif abs(drop) <= outcome.chance:
            verdict = f"On {outcome.test_samples:,} test samples that can be chance"
        else:
            verdict = f"On {outcome.test_samples:,} test samples that is more than chance explains"
        way = "below" if drop > 0 else "above"
        amount = "the same as" if drop == 0 else f"{abs(drop):.4f} {way}"
        further = counted(outcome.further_steps, "step")
        return (
            f"Cost: accuracy {accuracy:.4f}, {amount} that of {reference.name} ({reference.accuracy:.4f})."
            f" {verdict} (about {outcome.chance:.4f}). The pruned model was trained {further} more than the"
            " dense one, which alone may change its accuracy."
        )
    score = (
        f"accuracy {outcome.scores['accuracy']:.4f}, " if "accuracy" in outcome.scores else ""
    ) + f"loss {outcome.scores['loss']:.4f}"
    if outcome.dense_loss is not None:
        return f"Cost: {score}; the dense weights that pruning began with had loss {outcome.dense_loss:.4f}."
    return f"Cost: not known. The test set gives {score}, but no dense model was trained to compare with."


def _file(file: Exported, outcome: Outcome) -> str:
    said = outcome.advice[file.variant]
    if not file.loads:
        return f"{file.variant}: does not run: {file.error}."
    if not said.sound:
        return f"{file.variant}: {said.why}."
    if not outcome.dense_float32:
        return (
            f"{file.variant}: not compared: no dense file was measured (export.dense). Of itself: {said.why}."
        )
    measured = _compared(said.ratios, "float32")
    if said.twin != "float32" and (beside := _compared(said.twin_ratios, said.twin)):
        measured += f"; {beside}"
    return f"{file.variant}: {measured or 'not compared'}. Why: {said.why}."


def _compared(ratios: Ratios, other: str) -> str:
    size = _than(ratios.bytes, "smaller than", "larger than", "as large as")
    time = _than(ratios.latency_ms, "faster than", "slower than", "as fast as")
    if time != "as fast as" and not ratios.told_apart:
        time = "within the noise of timing as fast as"
    return ", ".join(
        f"{word} dense {other} ({ratio:.2f}x {unit})"
        for word, ratio, unit in (
            (size, ratios.bytes, "the bytes"),
            (time, ratios.latency_ms, "the time on this host"),
        )
        if ratio is not None
    )


def _than(ratio: float | None, below: str, above: str, equal: str) -> str:
    if ratio is None or abs(ratio - 1) <= _NOTABLE:
        return equal
    return below if ratio < 1 else above


def _within_budget(outcome: Outcome) -> str:
    assert outcome.budget is not None, "asked for a budget that was missed"
    budget, ways = outcome.budget.budget, []
    if budget.max_bytes is not None and (outcome.budget.bytes or 0) > budget.max_bytes:
        sparse = "a higher sparsity in a sparse variant, " if not budget.variant.endswith("_sparse") else ""
        ways.append(f"fewer bytes: {sparse}int8, or a smaller model")
    if any("accuracy" in miss for miss in outcome.budget.misses):
        ways.append("more accuracy: a lower sparsity, more epochs, or a larger variant")
    return f"To keep the budget: {'; '.join(ways) or 'make that variant run'}."
