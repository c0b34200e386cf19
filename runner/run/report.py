"""The stage that shows a run: pictures from its history and its TFLite file, and a page that has them all."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.export.budget import Reference
from runner.process.wording import counted
from runner.pruning.structures import Block
from runner.recipe.recipe import Budget
from runner.report.findings import Outcome, findings, next_steps
from runner.report.grids import check_grid, files_grid, plan_grid, rules_grid
from runner.report.page import Picture
from runner.report.run_page import Pairs, RunPage, write_run_page
from runner.run.finished import FinishedRun
from runner.run.pictures import draw_masks, draw_training
from runner.run.stages import Proven
from runner.training.description import described


def report_run(run: FinishedRun) -> None:
    """Draws the pictures of a run into `plots/` of its folder and writes `report.html` beside them."""
    training = draw_training(run)
    masks, about = draw_masks(run)
    write_run_page(_page(run, training, masks, about), run.folder / "report.html")


def _page(
    run: FinishedRun, training: Sequence[Picture], masks: Sequence[Picture], masks_about: str
) -> RunPage:
    recipe, prepared, proven, plan = run.recipe, run.prepared, run.proven, run.prepared.plan
    outcome = _outcome(run)
    told = findings(outcome)
    advice, files = proven.advice, proven.exported
    return RunPage(
        title=f"{recipe.name}, seed {prepared.seed}",
        subtitle=f"{datetime.now():%Y-%m-%d %H:%M}; data {prepared.data.source}; MLflow run {run.run_id}",
        failures=proven.failures(),
        answer=" ".join(told[:2]),
        asked=_asked(run),
        rules=rules_grid(recipe.layers, plan),
        plan=plan_grid(plan),
        warnings=plan.warnings,
        scores=_scores(run),
        check=check_grid(plan, proven.check.rows),
        files=files_grid(files, proven.dense_exported, advice),
        dense_measured=outcome.dense_float32,
        advice=[
            (
                file.variant,
                [file.error or ""]
                if file.error
                else [advice[file.variant].why, f"Runs on: {advice[file.variant].runs_on}"],
            )
            for file in files
        ],
        benchmarks=[line for file in files if (line := advice[file.variant].benchmark)],
        budget=_budget(run),
        training_pictures=training,
        mask_pictures=masks,
        masks_about=masks_about,
        findings=told,
        next_steps=next_steps(outcome),
        made=_made(run),
        recipe=(run.folder / "recipe.yaml").read_text(encoding="utf-8"),
    )


def _outcome(run: FinishedRun) -> Outcome:
    plan, proven = run.prepared.plan, run.proven
    dense_float32 = next((file for file in proven.dense_exported if file.variant == "float32"), None)
    reference = None
    dense = proven.dense_scores
    if dense is not None and "accuracy" in dense:
        reference = Reference(dense["accuracy"], "the dense weights that pruning began with")
    return Outcome(
        planned_zeros=sum(row.planned_zeros for row in plan.pruned),
        pruned_size=sum(row.size for row in plan.pruned),
        model_sparsity=proven.sparsity["model"],
        points=len({row.point for row in proven.check.rows}),
        check_failures=len(proven.check.failures),
        scores=proven.scores,
        test_samples=len(run.prepared.data.x_test),
        reference=reference,
        dense_loss=None if dense is None else dense["loss"],
        further_steps=plan.total_steps,
        files=proven.exported,
        dense_float32=dense_float32 is not None and dense_float32.bytes is not None,
        advice=proven.advice,
        budget=proven.budget,
        blocks=any(isinstance(row.structure, Block) for row in plan.pruned),
        once=all(len({level for _, level in curve.updates}) <= 1 for _, curve in plan.curves),
    )


def _asked(run: FinishedRun) -> Pairs:
    recipe, data, plan = run.recipe, run.prepared.data, run.prepared.plan
    x, _, x_val, _ = data.split(recipe.data.validation_split)
    counts = f"{len(x):,} samples to train on, {len(x_val):,} to validate, {len(data.x_test):,} to test"
    note = f"; {data.note}" if data.note else ""
    model = recipe.model
    built = f"{model.name}{_arguments(model.arguments)}" if model.name else f"the file {model.path}"
    weights = f", weights from {model.weights}" if model.weights else ""
    epochs = f"{counted(recipe.training.epochs, 'epoch')} of {plan.steps_per_epoch} steps"
    before = counted(recipe.training.dense_epochs, "epoch")
    lines = [
        ("recipe", f"{recipe.name}{f': {recipe.description}' if recipe.description else ''}"),
        ("seed", str(run.prepared.seed)),
        ("data", f"{data.source}{_arguments(recipe.data.arguments)}: {counts}{note}"),
        ("model", f"{built}: {run.proven.weights:,} weights{weights}"),
        ("dense training", f"{before}, before pruning" if recipe.training.dense_epochs else "none"),
        (
            "training",
            f"{epochs}, batches of {recipe.training.batch_size};"
            f" {described(recipe.training, plan.total_steps, plan.steps_per_epoch)}",
        ),
        ("TFLite files", ", ".join(recipe.export.variants)),
    ]
    if recipe.budget is not None:
        lines.append(("budget", _limits(recipe.budget)))
    if data.fell_back:
        lines.append(("not asked", f"the recipe names {data.requested}; {data.source} stands in for it"))
    return lines


def _arguments(arguments: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in arguments.items())})" if arguments else ""


def _scores(run: FinishedRun) -> Pairs:
    proven, dense = run.proven, run.proven.dense_scores
    lines = [(f"test {name}", f"{value:.4f}") for name, value in sorted(proven.scores.items())]
    if dense is not None:
        told = f"accuracy {dense['accuracy']:.4f}" if "accuracy" in dense else f"loss {dense['loss']:.4f}"
        trained = "trained before the run"
        if run.dense is not None:
            trained = f"after {counted(run.dense.result.steps, 'step')} of dense training"
        lines.append(("dense weights", f"{told}, {trained}"))
    sparsity, weights = (
        proven.sparsity,
        f"{proven.nonzero_weights:,} of {proven.weights:,} weights are not zero",
    )
    return [
        *lines,
        ("sparsity, pruned layers", f"{sparsity['pruned_layers']:.2%}"),
        ("sparsity, whole model", f"{sparsity['model']:.2%}; {weights}"),
        ("multiply-accumulates", _macs(proven)),
        ("model.keras, gzipped", f"{proven.keras_gzip_bytes:,} bytes"),
        ("sparsity check", "passed" if proven.check.passed else "FAILED"),
    ]


def _macs(proven: Proven) -> str:
    if proven.macs is None:
        return f"not counted: {proven.macs_unknown}"
    return f"{proven.macs.total:,} for one sample; {proven.macs.nonzero:,} with weights that are not zero"


def _budget(run: FinishedRun) -> Pairs:
    verdict = run.proven.budget
    if verdict is None:
        return []
    budget, reference = verdict.budget, verdict.reference
    size = "no file" if verdict.bytes is None else f"{verdict.bytes:,} bytes"
    accuracy = "no accuracy" if verdict.accuracy is None else f"accuracy {verdict.accuracy:.4f}"
    against = f"; {reference.name}: {reference.accuracy:.4f}" if reference else ""
    return [
        ("asked", _limits(budget)),
        ("reached", f"{size}, {accuracy}{against}"),
        ("verdict", "kept" if verdict.kept else f"MISSED: {'; '.join(verdict.misses)}"),
    ]


def _limits(budget: Budget) -> str:
    limits = {
        "max_bytes": None if budget.max_bytes is None else f"{budget.max_bytes:,}",
        "max_accuracy_drop": budget.max_accuracy_drop,
        "min_accuracy": budget.min_accuracy,
    }
    asked = ", ".join(f"{name} {value}" for name, value in limits.items() if value is not None)
    return f"{budget.variant}: {asked}"


def _made(run: FinishedRun) -> Pairs:
    origin = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    # A password in an address was typed, but is not to be read by all who get the page.
    command = re.sub(r"(://[^:/@\s]*):[^@/\s]+@", r"\1:***@", shlex.join(origin["argv"]))
    git = "outside git" if origin["git_sha"] is None else origin["git_sha"]
    lines = [
        ("command", command),
        ("git", f"{git}{', with changes' if origin['git_dirty'] else ''}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in origin["versions"].items())),
        ("platform", f"{origin['platform']}, {counted(origin['threads'], 'thread')}"),
        ("recipe hash", origin["recipe_hash"]),
        ("data SHA-256", origin["data_sha256"]),
        *((f"model {key} SHA-256", content) for key, content in origin["model_sha256"].items()),
    ]
    if run.dense is not None:
        lines.append(("dense weights", run.dense.key))
    took = ", ".join(f"{name} {seconds:.1f}" for name, seconds in run.seconds.items())
    return [*lines, ("seconds until here", took), ("folder", str(run.folder))]
