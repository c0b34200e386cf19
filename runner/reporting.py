"""The stage that shows a run: pictures from its history and its TFLite file, and a page that has them all."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import tf_keras

from runner.export.budget import Reference
from runner.export.measure import Exported
from runner.plan.evidence import expected_weights, weights_by_name
from runner.pruning.structures import Block
from runner.recipe.schema import Recipe
from runner.report.file_names import safe_names
from runner.report.findings import Outcome, findings, next_steps
from runner.report.grids import check_grid, files_grid, plan_grid, rules_grid
from runner.report.mask_plots import plot_mask
from runner.report.page import Picture
from runner.report.plots import plot_sparsity, plot_training
from runner.report.run_page import Pairs, RunPage, write_run_page
from runner.report.stored_mask import read_stored_masks
from runner.report.tables import weight_title
from runner.stages import Prepared, Proven, dense_trained
from runner.training import History
from runner.training.dense_checkpoint import DenseCheckpoint
from runner.training.description import described
from runner.verify import PrunedWeight
from runner.wording import counted

MOST_MASKS = 12
"""So many tensors get a picture of their own, those with the most planned zeros; a page has an end."""


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run whose results are known, good or bad.

    Args:
        recipe: The experiment.
        prepared: What it began with; its model is the dense one.
        wrapped: The trained model, its wrappers on.
        history: What training measured.
        proven: What was shown.
        dense: The dense weights that pruning began with; None without dense training.
        folder: The run's, with recipe, provenance and TFLite files.
        run_id: In MLflow.
        seconds: How long each stage took, by name.
    """

    recipe: Recipe
    prepared: Prepared
    wrapped: tf_keras.Model
    history: History
    proven: Proven
    dense: DenseCheckpoint | None
    folder: Path
    run_id: str
    seconds: Mapping[str, float]


def report_run(run: FinishedRun) -> None:
    """Draws the pictures of a run into `plots/` of its folder and writes `report.html` beside them."""
    training = _draw_training(run)
    masks, about = draw_masks(run)
    write_run_page(_page(run, training, masks, about), run.folder / "report.html")


def _draw_training(run: FinishedRun) -> list[Picture]:
    plan, plots = run.prepared.plan, run.folder / "plots"
    pictures = []
    if plan.curves:
        plot_sparsity(plan, run.history, plots / "sparsity.png")
        caption = (
            "Sparsity along training, by rule: the schedule, the masks that it set, and the zeros counted in"
            " every layer."
        )
        pictures.append(Picture(plots / "sparsity.png", caption))
    updates = sorted({step for _, curve in plan.curves for step in curve.steps})
    plot_training(run.history, updates, plots / "training.png")
    shown = "Loss and accuracy" if "accuracy" in run.proven.scores else "Loss"
    marked = ", with the steps at which masks were updated" if updates else ""
    return [*pictures, Picture(plots / "training.png", f"{shown} while pruning{marked}.")]


def draw_masks(run: FinishedRun) -> tuple[list[Picture], str]:
    """Draws the masks of the pruned tensors as the first TFLite file holds them.

    Returns:
        The pictures, in the plan's order, and what to say of them: which file, and what is left out.
    """
    planned = {(row.layer, row.weight): row for row in run.prepared.plan.pruned}
    expected = expected_weights(run.prepared.plan, run.wrapped)
    file = _pictured_file(run.proven.exported)
    if not expected or file is None or file.path is None:
        return [], "None: no weight is pruned." if not expected else "None: there is no TFLite file."
    chosen, rest = _chosen(expected)
    titles = [weight_title(planned[weight.layer, weight.weight]) for weight in chosen]
    names = safe_names(titles)
    stored = read_stored_masks(chosen, planned, weights_by_name(run.prepared.model), file.path)
    pictures, missing = [], []
    for title, name, mask in zip(titles, names, stored, strict=True):
        if mask is None:
            missing.append(title)
            continue
        path = run.folder / "plots" / f"masks_{name}.png"
        plot_mask(mask, path)
        caption = f"{title}: {mask.zeros.shape[0]:,} x {mask.zeros.shape[1]:,} as TFLite stores it,"
        pictures.append(
            Picture(path, f"{caption} and its weights, those after pruning as they are {mask.after_from}.")
        )
    began = "the trained dense weights" if dense_trained(run.recipe) else "the untrained first weights"
    about = (
        f"Read from the bytes of {file.path.name}: rows are outputs, columns the inputs that each sums over."
        f" The weights before are those that pruning started from: {began}."
    )
    if missing:
        about += f" Not found in the file, so without a picture: {', '.join(missing)}."
    if rest:
        others = ", ".join(weight_title(planned[weight.layer, weight.weight]) for weight in rest)
        about += f" Drawn are the {len(chosen)} tensors with the most zeros; not drawn are {others}."
    return pictures, about


def _pictured_file(files: Sequence[Exported]) -> Exported | None:
    """Picks float32's file, which is neither rounded nor encoded, or else the first that there is."""
    there = [file for file in files if file.path is not None]
    return next((file for file in there if file.variant == "float32"), there[0] if there else None)


def _chosen(expected: Sequence[PrunedWeight]) -> tuple[list[PrunedWeight], list[PrunedWeight]]:
    most = sorted(range(len(expected)), key=lambda index: -expected[index].planned_zeros)[:MOST_MASKS]
    return (
        [weight for index, weight in enumerate(expected) if index in most],
        [weight for index, weight in enumerate(expected) if index not in most],
    )


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
    if run.dense is not None and run.dense.result.accuracy is not None:
        reference = Reference(run.dense.result.accuracy, "the dense weights that pruning began with")
    elif dense_float32 is not None and dense_float32.accuracy is not None:
        reference = Reference(dense_float32.accuracy, "the dense model that pruning began with")
    return Outcome(
        planned_zeros=sum(row.planned_zeros for row in plan.pruned),
        pruned_size=sum(row.size for row in plan.pruned),
        model_sparsity=proven.sparsity["model"],
        points=len({row.point for row in proven.check.rows}),
        check_failures=len(proven.check.failures),
        scores=proven.scores,
        test_samples=len(run.prepared.data.x_test),
        reference=reference,
        dense_loss=None if run.dense is None else run.dense.result.loss,
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
    if data.fell_back:
        lines.append(("not asked", f"the recipe names {data.requested}; {data.source} stands in for it"))
    return lines


def _arguments(arguments: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in arguments.items())})" if arguments else ""


def _scores(run: FinishedRun) -> Pairs:
    proven, dense = run.proven, run.dense
    lines = [(f"test {name}", f"{value:.4f}") for name, value in sorted(proven.scores.items())]
    if dense is not None:
        accuracy = dense.result.accuracy
        told = f"loss {dense.result.loss:.4f}" if accuracy is None else f"accuracy {accuracy:.4f}"
        lines.append(
            ("dense weights", f"{told}, after {counted(dense.result.steps, 'step')} of dense training")
        )
    sparsity, weights = (
        proven.sparsity,
        f"{proven.nonzero_weights:,} of {proven.weights:,} weights are not zero",
    )
    return [
        *lines,
        ("sparsity, pruned layers", f"{sparsity['pruned_layers']:.2%}"),
        ("sparsity, whole model", f"{sparsity['model']:.2%}; {weights}"),
        ("model.keras, gzipped", f"{proven.keras_gzip_bytes:,} bytes"),
        ("sparsity check", "passed" if proven.check.passed else "FAILED"),
    ]


def _budget(run: FinishedRun) -> Pairs:
    verdict = run.proven.budget
    if verdict is None:
        return []
    budget, reference = verdict.budget, verdict.reference
    size = "no file" if verdict.bytes is None else f"{verdict.bytes:,} bytes"
    accuracy = "no accuracy" if verdict.accuracy is None else f"accuracy {verdict.accuracy:.4f}"
    against = f"; {reference.name}: {reference.accuracy:.4f}" if reference else ""
    limits = {
        "max_bytes": None if budget.max_bytes is None else f"{budget.max_bytes:,}",
        "max_accuracy_drop": budget.max_accuracy_drop,
        "min_accuracy": budget.min_accuracy,
    }
    asked = ", ".join(f"{name} {value}" for name, value in limits.items() if value is not None)
    return [
        ("asked", f"{budget.variant}: {asked}"),
        ("reached", f"{size}, {accuracy}{against}"),
        ("verdict", "kept" if verdict.kept else f"MISSED: {'; '.join(verdict.misses)}"),
    ]


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
