"""The conclusions from a run, in sentences: target, cost, files, and what to try next."""

import math

from runner.export.advice import Ratios
from runner.export.budget import BudgetResult
from runner.export.measure import Exported
from runner.process.wording import counted
from runner.pruning.structures import Block
from runner.report.parts import Exports, Run

# As in the advice: a smaller difference between two measurements is no gain and no loss to count on.
_NOTABLE = 0.1


def findings(run: Run) -> list[str]:
    """Concludes whether pruning reached its target, what it cost, and what each file gained."""
    budget = run.exports.budget
    found = [_target(run), _cost(run), *(_file(file, run.exports) for file in run.exports.files)]
    if budget is not None:
        kept, missed = f"of {budget.budget.variant} was kept", f"was not kept: {'; '.join(budget.misses)}"
        found.append(f"The budget {kept if budget.kept else missed}.")
    return found


def next_steps(run: Run) -> list[str]:
    """Suggests what to try next, the most important first."""
    steps, plan, budget = [], run.prepared.plan, run.exports.budget
    variants = {file.variant for file in run.exports.files}
    pruned = any(row.planned_zeros for row in plan.pruned)
    blocks = any(isinstance(row.structure, Block) for row in plan.pruned)
    if run.check.failures:
        steps.append("Do not use these files: find out first why the sparsity check failed.")
    if budget is not None and not budget.kept:
        steps.append(_within_budget(budget))
    accuracies = _accuracies(run)
    if pruned and len(accuracies) == 2 and accuracies[1] - accuracies[0] > chance(run):
        once = all(len({level for _, level in curve.updates}) <= 1 for _, curve in plan.curves)
        how = "a schedule that grows (schedule.name=polynomial), " if once else ""
        steps.append(f"To lose less accuracy: {how}more recipe.training.epochs, or a lower sparsity.")
    if pruned and run.exports.dense_scores is None:
        steps.append(
            "To know what pruning costs, train the dense weights first: recipe.training.dense_epochs=N gives"
            " the accuracy to compare with."
        )
    if "int8" not in variants and "int8_sparse" not in variants:
        steps.append("For a smaller file, add int8 to recipe.export.variants: it stores a byte a weight.")
    if pruned and blocks and not variants & {"float32_sparse", "int8_sparse"}:
        steps.append("For files without their zeros, add float32_sparse: it leaves out whole blocks.")
    elif pruned and not blocks:
        steps.append(
            "For a Dense layer that is smaller in TFLite itself, prune in blocks (block: {in: 4, out: 1}) and"
            " export float32_sparse; what that does to its time, the run measures."
        )
    steps.append("One seed is one draw: --multirun seed=1,2,3,4,5 compares recipes with their spread.")
    return steps


def _target(run: Run) -> str:
    pruned, failures = run.prepared.plan.pruned, len(run.check.failures)
    if not pruned:
        return "Target: no rule prunes a weight, so there was none to reach."
    if failures:
        return (
            f"Target: not proven. {counted(failures, 'verdict')} of the sparsity check"
            f" {'is a failure' if failures == 1 else 'are failures'}, named above."
        )
    zeros = sum(row.planned_zeros for row in pruned)
    if zeros == 0:
        return "Target: the plan asks for no zeros: this is a dense control."
    share, points = zeros / sum(row.size for row in pruned), {row.point for row in run.check.rows}
    return (
        f"Target: reached. All {zeros:,} planned zeros are zero, {share:.2%} of the pruned"
        f" tensors, at all {len(points)} points of the check, and every promised pattern holds. Of all"
        f" weights of the model {run.proof.sparsity['model']:.2%} are zero."
    )


def _cost(run: Run) -> str:
    scores, dense, samples = run.proof.scores, run.exports.dense_scores, len(run.prepared.split.x_test)
    words = [f"{name} {scores[name]:.4f}" for name in ("accuracy", "loss") if name in scores]
    if dense is None:
        return (
            f"Cost: not known. The test set gives {', '.join(words)}, but no dense model was trained to"
            " compare with."
        )
    if "accuracy" not in dense or "accuracy" not in scores:
        loss = f"{dense['loss']:.4f}"
        return f"Cost: {', '.join(words)}; the dense weights that pruning began with had loss {loss}."
    drop, by_chance = dense["accuracy"] - scores["accuracy"], chance(run)
    verdict = "that can be chance" if abs(drop) <= by_chance else "that is more than chance explains"
    verdict = verdict if drop else "chance can hide a small difference"
    amount = f"{abs(drop):.4f} {'below' if drop > 0 else 'above'}" if drop else "the same as"
    further = counted(run.prepared.plan.total_steps, "step")
    return (
        f"Cost: accuracy {scores['accuracy']:.4f}, {amount} that of the dense weights that pruning began with"
        f" ({dense['accuracy']:.4f}). On {samples:,} test samples {verdict} (about {by_chance:.4f}). The"
        f" pruned model was trained {further} more than the dense one, which alone may change its accuracy."
    )


def _accuracies(run: Run) -> list[float]:
    """Returns the accuracy of the pruned model, and that of the dense one, where they are known."""
    both = (run.proof.scores, run.exports.dense_scores or {})
    return [scores["accuracy"] for scores in both if "accuracy" in scores]


def chance(run: Run) -> float:
    """Returns how far two accuracies may differ by the choice of the test samples alone.

    Twice the standard error of the difference of two shares that are counted on different samples, each
    with one hit and one miss more than were counted (Agresti and Caffo 2000): without these it is 0 where
    both shares are 0 or 1. On the same samples, as here, it is less, so that what lies beyond is no
    chance, and what lies below may be.
    """
    samples = len(run.prepared.split.x_test)
    shares = [(share * samples + 1) / (samples + 2) for share in _accuracies(run)]
    return 2 * math.sqrt(sum(share * (1 - share) for share in shares) / (samples + 2))


def _file(file: Exported, exports: Exports) -> str:
    advice = exports.advice[file.variant]
    if not file.loads:
        return f"{file.variant}: does not run: {file.error}."
    if not advice.sound:
        return f"{file.variant}: {advice.why}."
    if not exports.dense_float32:
        reason = "no dense file was measured (export.dense)"
        return f"{file.variant}: not compared: {reason}. Of itself: {advice.why}."
    measured = _compared(advice.ratios, "float32")
    if advice.twin != "float32" and (beside := _compared(advice.twin_ratios, advice.twin)):
        measured += f"; {beside}"
    return f"{file.variant}: {measured or 'not compared'}. Why: {advice.why}."


def _compared(ratios: Ratios, other: str) -> str:
    size = _than(ratios.bytes, "smaller than", "larger than", "as large as")
    time = _than(ratios.latency_ms, "faster than", "slower than", "as fast as")
    if time != "as fast as" and not ratios.told_apart:
        time = "within the noise of timing as fast as"
    measures = (size, ratios.bytes, "the bytes"), (time, ratios.latency_ms, "the time on this host")
    return ", ".join(
        f"{word} dense {other} ({ratio:.2f}x {unit})" for word, ratio, unit in measures if ratio is not None
    )


def _than(ratio: float | None, below: str, above: str, equal: str) -> str:
    if ratio is None or abs(ratio - 1) <= _NOTABLE:
        return equal
    return below if ratio < 1 else above


def _within_budget(verdict: BudgetResult) -> str:
    budget, ways = verdict.budget, []
    if budget.max_bytes is not None and (verdict.bytes or 0) > budget.max_bytes:
        sparse = "a higher sparsity in a sparse variant, " if not budget.variant.endswith("_sparse") else ""
        ways.append(f"fewer bytes: {sparse}int8, or a smaller model")
    if any("accuracy" in miss for miss in verdict.misses):
        ways.append("more accuracy: a lower sparsity, more epochs, or a larger variant")
    return f"To keep the budget: {'; '.join(ways) or 'make that variant run'}."
