"""One run, stage by stage: recipe, data, model, plan, wrap, train, strip, export, check, record, summary."""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tf_keras
import yaml

from runner.datasets import Dataset, load_dataset
from runner.errors import RunFailed
from runner.export.convert import convert
from runner.export.measure import Exported, gzip_bytes, measure
from runner.export.variants import VARIANTS
from runner.models import build_model
from runner.plan import Plan, make_plan, wrap_model
from runner.plan.evidence import expected_weights, weights_by_name
from runner.provenance import git_state, provenance
from runner.pruning import strip_pruning
from runner.recipe.schema import Recipe
from runner.report.display import Display
from runner.report.plots import plot_training
from runner.report.tables import plan_frame, plan_table, result_table, sparsity_frame, variants_table
from runner.run_directory import make_run_directory
from runner.settings import RunSettings
from runner.summary import check_summary, sparsity_summary, variants_summary, write_json
from runner.training import History, Progress, Task, build_optimizer, make_deterministic, task_for, train
from runner.verify import CheckRow, PrunedWeight, SparsityCheck, check_file, check_outputs, check_weights

if TYPE_CHECKING:
    from runner.tracking import Store

_COMPARED_SAMPLES = 32
_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Prepared:
    """What is known before anything is trained or written.

    Args:
        data: The loaded data.
        model: The built model, dense.
        task: Loss and metrics.
        plan: The rules resolved against the model.
        optimizer: Ready to compile with.
    """

    data: Dataset
    model: tf_keras.Model
    task: Task
    plan: Plan
    optimizer: tf_keras.optimizers.Optimizer


@dataclass(frozen=True)
class Proven:
    """What a run has shown.

    Args:
        scores: `loss` and, for classification, `accuracy` of the stripped Keras model on the test set.
        exported: The TFLite files.
        check: The sparsity check at all of its points.
        sparsity: Measured shares of zeros after strip.
        keras_gzip_bytes: Size of `model.keras` after gzip.
    """

    scores: Mapping[str, float]
    exported: list[Exported]
    check: SparsityCheck
    sparsity: dict[str, Any]
    keras_gzip_bytes: int


def run_experiment(recipe: Recipe, settings: RunSettings) -> None:
    """Runs one recipe.

    Args:
        recipe: The experiment.
        settings: Seed, folders, tracking.

    Raises:
        UserError: The recipe does not fit its data or model, or MLflow's store cannot be used; no run has
            been made then.
        RunFailed: The loss was not finite, an export failed, or the sparsity check did not pass.
    """
    with Display() as display:
        prepared = prepare(recipe, settings, display)
        if settings.dry_run:
            show_plan(prepared.plan, display)
            return
        started = datetime.now()
        with display.stage("tracking", "opening the MLflow store"):
            store = _open_store(settings)
        folder = make_run_directory(settings.outputs, recipe.name, started, settings.run_dir)
        summary: dict[str, Any] = {
            "status": "running",
            "recipe": recipe.name,
            "seed": settings.seed,
            "data_source": prepared.data.source,
        }
        try:
            _run_and_record(recipe, settings, prepared, store, folder, summary, display)
        except BaseException as error:
            summary["status"] = "killed" if isinstance(error, KeyboardInterrupt) else "failed"
            summary["error"] = str(error) or type(error).__name__
            raise
        finally:
            write_json(folder / "summary.json", {**summary, "seconds": display.seconds})


def prepare(recipe: Recipe, settings: RunSettings, display: Display) -> Prepared:
    """Loads the data, builds the model and makes the plan; nothing is written."""
    make_deterministic(settings.seed)
    with display.stage("data", f"loading {recipe.data.name}"):
        data = load_dataset(recipe.data)
    display.print(_first_line(recipe, settings, data))
    with display.stage("model", "building the model"):
        model = build_model(
            recipe.model,
            input_shape=data.input_shape,
            num_classes=data.num_classes,
            target_shape=data.target_shape,
        )
        task = task_for(recipe.training, model, data.num_classes)
        optimizer = build_optimizer(recipe.training.optimizer)
    with display.stage("plan", "planning"):
        plan = make_plan(
            recipe.layers,
            model,
            samples=len(data.split(recipe.data.validation_split)[0]),
            batch_size=recipe.training.batch_size,
            epochs=recipe.training.epochs,
        )
    return Prepared(data, model, task, plan, optimizer)


def show_plan(plan: Plan, display: Display) -> None:
    """Prints the plan and its warnings."""
    display.print(plan_table(plan))
    for warning in plan.warnings:
        display.print(f"note: {warning}")


def fit(
    prepared: Prepared, recipe: Recipe, display: Display, record: Callable[[int, dict[str, float]], None]
) -> tuple[tf_keras.Model, History]:
    """Wraps the model by the plan and trains it; returns it, its masks settled, and its history."""
    wrapped = wrap_model(prepared.plan, prepared.model)
    wrapped.compile(
        optimizer=prepared.optimizer,
        loss=prepared.task.loss,
        metrics=list(prepared.task.metrics),
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


def export(
    stripped: tf_keras.Model, recipe: Recipe, prepared: Prepared, expected: list[PrunedWeight], folder: Path
) -> tuple[list[Exported], list[CheckRow], list[str]]:
    """Writes every variant, measures it, and checks it in its own bytes.

    Returns:
        The measured files, the check's rows, and what else is wrong with them.
    """
    exported, rows, problems = [], [], []
    for variant in recipe.export.variants:
        path = convert(stripped, variant, folder / f"model_{variant}.tflite")
        file = measure(path, variant, prepared.data.x_test, prepared.data.y_test, prepared.task.score)
        exported.append(file)
        rows += check_file(expected, path, variant)
        tolerance = VARIANTS.get(variant, where="recipe.export.variants").tolerance
        problem = check_outputs(stripped, path, prepared.data.x_test[:_COMPARED_SAMPLES], tolerance)
        problems += [problem] if problem else []
    return exported, rows, problems


def prove(
    wrapped: tf_keras.Model, recipe: Recipe, prepared: Prepared, folder: Path, display: Display
) -> Proven:
    """Strips, saves, exports and evaluates the trained model, and checks its sparsity at all four points."""
    expected = expected_weights(prepared.plan, wrapped)
    rows = check_weights(expected, {(w.layer, w.weight): w.values for w in expected}, "trained")
    with display.stage("strip", "stripping the wrappers"):
        stripped = strip_pruning(wrapped)
        stripped_rows = check_weights(expected, weights_by_name(stripped), "stripped")
        path = folder / "model.keras"
        stripped.save(path)
        saved = tf_keras.models.load_model(path, compile=False)
        rows += stripped_rows + check_weights(expected, weights_by_name(saved), "saved")
    with display.stage("evaluate", "evaluating on the test set"):
        outputs = stripped.predict(prepared.data.x_test, batch_size=_EVALUATION_BATCH, verbose=0)
        scores = prepared.task.score(prepared.data.y_test, outputs)
        if not math.isfinite(scores["loss"]):
            raise RunFailed(
                f"the loss on the test set is {scores['loss']} after the {prepared.plan.total_steps} training"
                " steps. The usual remedy is a smaller recipe.training.optimizer.learning_rate."
            )
    with display.stage("export", f"writing TFLite files: {', '.join(recipe.export.variants)}"):
        exported, file_rows, problems = export(stripped, recipe, prepared, expected, folder)
    check = SparsityCheck((*rows, *file_rows), tuple(problems))
    sparsity = sparsity_summary(stripped_rows, stripped.count_params())
    return Proven(scores, exported, check, sparsity, gzip_bytes(path))


def _open_store(settings: RunSettings) -> "Store":
    from runner.tracking import open_store  # MLflow takes a second to import; a dry run has no use for it.

    return open_store(settings.tracking, settings.outputs)


def _run_and_record(
    recipe: Recipe,
    settings: RunSettings,
    prepared: Prepared,
    store: "Store",
    folder: Path,
    summary: dict[str, Any],
    display: Display,
) -> None:
    from runner.tracking import open_run

    plan = prepared.plan
    _write_inputs(recipe, settings, prepared, folder)
    with ExitStack() as stack:
        with display.stage("tracking", "opening the MLflow run"):
            tracker = stack.enter_context(
                open_run(
                    store,
                    run_name=f"{recipe.name} seed={settings.seed}",
                    params={"seed": settings.seed, **recipe.to_mapping()},
                    tags=_tags(recipe, prepared.data),
                )
            )
        summary["mlflow_run_id"] = tracker.run_id
        for warning in plan.warnings:
            display.print(f"note: {warning}")
        with display.stage("train", "training"):
            wrapped, history = fit(
                prepared, recipe, display, lambda step, metrics: tracker.log_metrics(metrics, step)
            )
        proven = prove(wrapped, recipe, prepared, folder, display)
        summary |= _results(prepared, proven)
        sparsity_frame(proven.check.rows).to_csv(folder / "sparsity.csv", index=False)
        (folder / "plots").mkdir()
        updates = sorted({step for row in plan.pruned for step in row.updates})
        plot_training(history, updates, folder / "plots" / "training.png")
        with display.stage("record", "recording the results in MLflow"):
            tracker.log_metrics(_final_metrics(proven), plan.total_steps)
            tracker.set_tags({"sparsity_check": "passed" if proven.check.passed else "failed"})
            for path, kind in _artifacts(folder, proven.exported):
                if kind in settings.tracking.artifacts:
                    tracker.log_artifact(path, kind)
        _show(recipe, prepared, proven, folder, tracker.ui_line, display)
        broken = [f"{file.variant}: {file.error}" for file in proven.exported if not file.loads]
        if broken or not proven.check.passed:
            raise RunFailed("\n".join(["The sparsity check did not pass:", *proven.check.failures, *broken]))
        summary["status"] = "finished"


def _write_inputs(recipe: Recipe, settings: RunSettings, prepared: Prepared, folder: Path) -> None:
    content = yaml.safe_dump(recipe.to_mapping(), sort_keys=False, allow_unicode=True)
    (folder / "recipe.yaml").write_text(content, encoding="utf-8")
    plan_frame(prepared.plan).to_csv(folder / "plan.csv", index=False)
    origin = provenance(
        folder=Path.cwd(),
        seed=settings.seed,
        argv=settings.argv,
        recipe_hash=recipe.hash,
        data_sha256=prepared.data.sha256,
    )
    write_json(folder / "provenance.json", origin)


def _first_line(recipe: Recipe, settings: RunSettings, data: Dataset) -> str:
    note = f" ({data.note})" if data.note else ""
    return f"recipe {recipe.name}, seed {settings.seed}, data {data.source}{note}"


def _tags(recipe: Recipe, data: Dataset) -> dict[str, str]:
    sha, dirty = git_state(Path.cwd())
    tags = {"recipe": recipe.name, "recipe_hash": recipe.hash, "data_source": data.source}
    tags |= {"data_sha256": data.sha256, "sparsity_check": "not made"}
    if data.fell_back:
        tags["data_fallback_for"] = data.requested
    if sha is not None:
        tags["git_sha"] = sha + ("-dirty" if dirty else "")
    return tags


def _results(prepared: Prepared, proven: Proven) -> dict[str, Any]:
    return {
        "data_fallback_for": prepared.data.requested if prepared.data.fell_back else None,
        "test_accuracy": proven.scores.get("accuracy"),
        "test_loss": proven.scores["loss"],
        "dense_accuracy": None,
        "sparsity": proven.sparsity,
        "sparsity_check": check_summary(proven.check),
        "keras_gzip_bytes": proven.keras_gzip_bytes,
        "variants": variants_summary(proven.exported),
    }


def _final_metrics(proven: Proven) -> dict[str, float]:
    metrics = {f"test/{name}": value for name, value in proven.scores.items()}
    for file in proven.exported:
        measured = {
            "bytes": file.bytes,
            "gzip_bytes": file.gzip_bytes,
            "accuracy": file.accuracy,
            "loss": file.loss,
            "latency_ms": file.latency_ms,
        }
        metrics |= {f"tflite_{file.variant}/{name}": v for name, v in measured.items() if v is not None}
    return metrics


def _artifacts(folder: Path, exported: list[Exported]) -> list[tuple[Path, str]]:
    """Lists the files to log, each with its kind in `tracking.artifacts`, which is its folder in MLflow."""
    tables = [(folder / name, "tables") for name in ("plan.csv", "sparsity.csv")]
    recipe = [(folder / name, "recipe") for name in ("recipe.yaml", "provenance.json")]
    plots = [(path, "plots") for path in sorted((folder / "plots").iterdir())]
    return [*tables, *recipe, *plots, *((file.path, "tflite") for file in exported)]


def _show(
    recipe: Recipe, prepared: Prepared, proven: Proven, folder: Path, ui_line: str, display: Display
) -> None:
    display.print(result_table(prepared.plan, proven.check.rows), variants_table(proven.exported))
    accuracy = f"accuracy {proven.scores['accuracy']:.4f}, " if "accuracy" in proven.scores else ""
    note, sparsity = (f" ({prepared.data.note})" if prepared.data.note else ""), proven.sparsity
    display.print(
        f"test set of {prepared.data.source}{note}: {accuracy}loss {proven.scores['loss']:.4f}",
        f"sparsity: pruned layers {sparsity['pruned_layers']:.2%}, model {sparsity['model']:.2%}",
        f"files:  {folder}",
        f"MLflow: {ui_line}",
    )
