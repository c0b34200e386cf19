"""The stages of a run: prepare (data, model, plan), fit, export, prove (strip, save, evaluate, check)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from runner.datasets import Dataset, ResolvedData, load_dataset, load_resolved
from runner.export.advice import Advice, ModelInput, Zeros, advise
from runner.export.budget import BudgetResult
from runner.export.exporter import Exporter
from runner.export.graph import input_name
from runner.export.measure import Exported, gzip_bytes
from runner.export.variants import VARIANTS
from runner.models import build_model
from runner.models.content import with_content
from runner.models.input_range import range_notes
from runner.models.saved import reload_model
from runner.models.saving import save_model
from runner.plan import Plan, check_sharing, make_plan, wrap_model
from runner.process.errors import RunFailed, UserError
from runner.pruning import strip_pruning
from runner.pruning.macs import Macs, macs_or_reason
from runner.pruning.structures import Block
from runner.recipe.schema import Recipe
from runner.report.display import Display
from runner.report.files import errors
from runner.report.summary import sparsity_summary
from runner.run.dense_reference import check_reference, dense_trained, guessing, judged, measured_scores
from runner.run.export import Subject, export_variants
from runner.training import (
    History,
    Progress,
    Task,
    build_optimizer,
    make_deterministic,
    predicted,
    reseed,
    task_for,
    train,
)
from runner.training.augmentation import check_augmentation
from runner.training.dense import dense_steps
from runner.training.description import described
from runner.verify import SparsityCheck, check_weights
from runner.verify.evidence import expected_weights, weights_by_name
from runner.verify.file_warnings import file_warnings


@dataclass(frozen=True)
class Prepared:
    """What is known before anything is trained or written.

    Args:
        data: The loaded data.
        model: The built model, dense.
        task: Loss and metrics.
        plan: The rules resolved against the model.
        optimizer: Ready to compile with.
        seed: Of everything random.
        model_sha256: Of the files that the model came from, by the recipe's key for each.
    """

    data: Dataset
    model: tf_keras.Model
    task: Task
    plan: Plan
    optimizer: tf_keras.optimizers.Optimizer
    seed: int
    model_sha256: Mapping[str, str]


@dataclass(frozen=True)
class Proven:
    """What a run has shown.

    Args:
        model: The stripped model.
        example: A test sample `[1, ...]`, of the dtype that the model takes.
        scores: Of the stripped Keras model on the test set, by the names that `Task.score` gives them.
        dense_scores: The same of the weights that pruning began with; None where these are not trained ones.
        exported: The TFLite files.
        dense_exported: The dense model's, measured beside.
        advice: What to make of each of `exported`, by variant.
        check: The sparsity check at all of its points.
        budget: Whether the recipe's budget was kept; None where it has none.
        sparsity: Measured shares of zeros after strip.
        keras_gzip_bytes: Size of `model.keras` after gzip.
        weights: How many there are in the model, biases and statistics included.
        nonzero_weights: How many of them are not zero.
        macs: Multiply-accumulates of one inference; None where they cannot be counted.
        macs_unknown: Why not; empty where they are counted.
    """

    model: tf_keras.Model
    example: np.ndarray
    scores: Mapping[str, float]
    dense_scores: Mapping[str, float] | None
    exported: list[Exported]
    dense_exported: list[Exported]
    advice: Mapping[str, Advice]
    check: SparsityCheck
    budget: BudgetResult | None
    sparsity: dict[str, Any]
    keras_gzip_bytes: int
    weights: int
    nonzero_weights: int
    macs: Macs | None
    macs_unknown: str

    def failures(self) -> list[str]:
        """Lists what makes the run a failed one, with headings; empty for a good run."""
        broken = [f"{names}: {error}" for names, error in errors(self.exported)]
        missed = self.budget.misses if self.budget else ()
        told = {
            "The sparsity check did not pass:": self.check.failures,
            "These TFLite files could not be made, or do not run:": broken,
            "The budget was not kept:": missed,
        }
        return [line for heading, lines in told.items() if lines for line in (heading, *lines)]


def prepare(recipe: Recipe, seed: int, display: Display, resolved: ResolvedData | None = None) -> Prepared:
    """Loads the data, builds the model and makes the plan; nothing is written.

    Args:
        recipe: The experiment.
        seed: Of everything random.
        display: Shows the stages.
        resolved: What the data must be, where it was looked up before.
    """
    for variant in recipe.export.variants:
        VARIANTS.get(variant, where="recipe.export.variants")
    make_deterministic(seed)
    with display.stage("data", f"loading {recipe.data.name}"):
        data = load_dataset(recipe.data) if resolved is None else load_resolved(recipe.data, resolved)
    if recipe.budget is not None and recipe.budget.judges_accuracy and data.num_classes is None:
        raise UserError(
            "recipe.budget: asks for an accuracy, but the data has no classes; leave max_accuracy_drop and"
            " min_accuracy out"
        )
    display.print(_first_line(recipe, seed, data))
    # What loading drew depends on where the data came from; the model's first weights may not.
    reseed(seed)
    with display.stage("model", "building the model"):
        model, model_sha256 = with_content(
            recipe.model,
            lambda: build_model(
                recipe.model,
                input_shape=data.input_shape,
                num_classes=data.num_classes,
                target_shape=data.target_shape,
                data_notes=data.warnings,
                tell=display.print,
            ),
        )
        check_reference(recipe, model)
        check_augmentation(recipe.training.augmentation, data.input_shape, data.target_shape)
        task = task_for(recipe.training, model, data.num_classes)
    with display.stage("plan", "planning"):
        check_sharing(model)
        plan = make_plan(
            recipe.layers,
            model,
            samples=len(data.split(recipe.data.validation_split)[0]),
            batch_size=recipe.training.batch_size,
            epochs=recipe.training.epochs,
        )
        ranges = range_notes(model, data.x_train)
        files = file_warnings(plan, model, recipe.export.variants)
        plan = replace(plan, warnings=(*data.warnings, *ranges, *plan.warnings, *files))
        optimizer = build_optimizer(recipe.training.optimizer, plan.total_steps, plan.steps_per_epoch)
        if recipe.training.dense_epochs:  # What is wrong with its learning rate is told now.
            steps = dense_steps(recipe.training, data, recipe.data.validation_split)
            build_optimizer(recipe.training.optimizer, steps, plan.steps_per_epoch, phase="dense training")
    display.print(described(recipe.training, plan.total_steps, plan.steps_per_epoch))
    return Prepared(data, model, task, plan, optimizer, seed, model_sha256)


def fit(
    prepared: Prepared, recipe: Recipe, display: Display, record: Callable[[int, dict[str, float]], None]
) -> tuple[tf_keras.Model, History]:
    """Wraps the model by the plan and trains it; returns it, its masks settled, and its history."""
    wrapped = wrap_model(prepared.plan, prepared.model, prepared.seed)
    wrapped.compile(
        optimizer=prepared.optimizer,
        loss=prepared.task.loss,
        metrics=prepared.task.compiled_metrics(),
        jit_compile=False,
    )
    epochs, total_steps = recipe.training.epochs, prepared.plan.total_steps

    def watch(progress: Progress) -> None:
        display.training(progress, epochs, total_steps)

    history = train(
        wrapped,
        prepared.data,
        recipe.training,
        prepared.plan,
        validation_split=recipe.data.validation_split,
        watch=watch,
        record=record,
    )
    return wrapped, history


def prove(
    wrapped: tf_keras.Model,
    recipe: Recipe,
    prepared: Prepared,
    folder: Path,
    display: Display,
    *,
    dense_scores: Mapping[str, float] | None,
    export_timeout: float,
) -> Proven:
    """Strips, saves, exports and evaluates the trained model, and checks its sparsity at all four points.

    Args:
        wrapped: The trained model.
        recipe: The experiment.
        prepared: What it was trained from; its model is the dense one.
        folder: The run's.
        display: Shows the stages.
        dense_scores: What dense training made of the weights that pruning began with: `loss` and, for
            classification, `accuracy`. None without it; weights trained before are measured here.
        export_timeout: After how many seconds without a sign of life an export is given up.
    """
    data, task, trained = prepared.data, prepared.task, dense_trained(recipe, prepared.model)
    expected = expected_weights(prepared.plan, wrapped)
    rows = check_weights(expected, {(w.layer, w.weight): w.values for w in expected}, "trained")
    # Its process imports TensorFlow while the model is stripped, saved and evaluated here.
    with Exporter(export_timeout) as exporter:
        with display.stage("strip", "stripping the wrappers"):
            stripped = strip_pruning(wrapped)
            stripped_rows = check_weights(expected, weights_by_name(stripped), "stripped")
            path = folder / "model.keras"
            save_model(stripped, path)
            saved = reload_model(path, stripped)
            rows += stripped_rows + check_weights(expected, weights_by_name(saved), "saved")
        with display.stage("evaluate", "evaluating on the test set"):
            outputs = predicted(stripped, data.x_test)
            scores = task.score(data.y_test, outputs)
            if not math.isfinite(scores["loss"]):
                raise RunFailed(
                    f"the loss on the test set is {scores['loss']} after the {prepared.plan.total_steps}"
                    " training steps. The usual remedy is a smaller recipe.training.optimizer.learning_rate."
                )
        result = export_variants(
            exporter,
            Subject(stripped, outputs, expected, prepared.model, trained),
            data,
            data.split(recipe.data.validation_split)[0],
            task.score,
            recipe.export,
            folder,
            lambda shown: display.stage("export", shown),
        )
    if dense_scores is None and trained:
        with display.stage("evaluate", "evaluating the dense model"):
            dense_scores = measured_scores(prepared.model, data, task, result.dense)
        if warning := guessing(dense_scores, data):
            display.print(f"warning: {warning}")
    sparsity = sparsity_summary(stripped_rows, stripped.count_params())
    macs, macs_unknown = macs_or_reason(stripped, data.x_test.shape[1:])
    nonzero = sum(int(np.count_nonzero(weight)) for weight in stripped.get_weights())
    return Proven(
        model=stripped,
        example=data.x_test[:1].astype(stripped.inputs[0].dtype.as_numpy_dtype),
        scores=scores,
        dense_scores=dense_scores,
        exported=result.files,
        dense_exported=result.dense,
        advice=advise(
            result.files,
            {file.variant: file for file in result.dense},
            Zeros(
                sparsity["pruned_layers"],
                frozenset(r.structure.rows for r in prepared.plan.pruned if isinstance(r.structure, Block)),
            ),
            ModelInput(input_name(stripped), tuple(stripped.inputs[0].shape[1:])),
            result.failed,
        ),
        check=SparsityCheck((*rows, *result.rows), tuple(result.problems)),
        budget=judged(recipe, result.files, scores, dense_scores),
        sparsity=sparsity,
        keras_gzip_bytes=gzip_bytes(path),
        weights=stripped.count_params(),
        nonzero_weights=nonzero,
        macs=macs,
        macs_unknown=macs_unknown,
    )


def _first_line(recipe: Recipe, seed: int, data: Dataset) -> str:
    note = f" ({data.note})" if data.note else ""
    return f"recipe {recipe.name}, seed {seed}, data {data.source}{note}"
