"""What a run leaves behind: its folder with its files, and its run in MLflow."""

import json
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from runner.export.graph import Inference
from runner.process.errors import RunFailed
from runner.process.interruption import interrupted
from runner.process.unwritable import unwritable_told
from runner.records.names import run_name
from runner.records.provenance import provenance
from runner.records.run_directory import make_run_directory
from runner.report.parts import Run
from runner.report.summary import result_summary, write_json
from runner.report.tables import plan_frame, sparsity_frame

if TYPE_CHECKING:
    from runner.tracking import Store, Tracker

_LONGEST_REASON = 500


@contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Makes the run's folder and its run in MLflow; however the block ends, both say so.

    Raises:
        UserError: The folder or MLflow's store cannot be used; no run has been made then.
        RunFailed: A file cannot be written, or MLflow did not take something.
    """
    settings, name = run.settings, run.recipe.name
    with run.stage("tracking", "opening the MLflow store"):
        from runner.tracking import open_store  # MLflow takes a second to import; a dry run does not need it.

        store = open_store(settings.tracking, settings.outputs)
    run.folder = make_run_directory(settings.outputs, name, datetime.now(), settings.run_dir)
    source = run.prepared.data.source
    run.summary |= {"status": "running", "recipe": name, "seed": settings.seed, "data_source": source}
    try:
        with _logged(run, store):
            yield
    except BaseException as error:
        run.summary["status"] = "killed" if interrupted(error) else "failed"
        run.summary["error"] = _reason(error)
        try:
            _write_summary(run)
        except RunFailed as unwritten:
            error.add_note(str(unwritten))  # Why the run failed weighs more.
        raise
    run.summary["status"] = "finished"
    _write_summary(run)


@contextmanager
def _logged(run: Run, store: "Store") -> Iterator[None]:
    """Writes what is known before training, and opens the run in MLflow, which is closed after the block."""
    from runner.tracking import open_run

    recipe, settings, member = run.recipe, run.settings, run.member
    name = member.name if member else run_name(recipe.name, settings.overrides, settings.seed)
    with ExitStack() as stack:
        stack.enter_context(unwritable_told(run.folder))
        _write_inputs(run)
        with run.stage("tracking", "opening the MLflow run"):
            run.tracker = stack.enter_context(
                open_run(
                    store,
                    run_name=name,
                    params={"seed": settings.seed, **recipe.to_mapping()},
                    tags=run_tags(run),
                    parent_run_id=member.parent_run_id if member else None,
                )
            )
        stack.enter_context(_failure_tagged(run.tracker))
        stack.enter_context(unwritable_told(run.folder))  # Again, so that MLflow gets the same words.
        run.summary["mlflow_run_id"] = run.tracker.run_id
        data = run.prepared.data
        origin = data.source if data.fell_back or recipe.data.path is None else recipe.data.path
        run.tracker.log_data(data.source, data.sha256, origin, run.prepared.split.counts)
        if member:
            member.begun(run.tracker.run_id, run.folder)
        yield


@contextmanager
def _failure_tagged(tracker: "Tracker") -> Iterator[None]:
    """Tags the run in MLflow with the reason where the block fails; comparisons list it."""
    try:
        yield
    except (Exception, SystemExit) as error:  # Only a plugin exits here.
        reason = " ".join(_reason(error).split())
        try:
            tracker.set_tags({"failure": textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ...")})
        except RunFailed as unreported:
            error.add_note(str(unreported))
        raise


def _reason(error: BaseException) -> str:
    words = str(error)
    return f"SystemExit: {words}" if isinstance(error, SystemExit) else words or type(error).__name__


def _write_summary(run: Run) -> None:
    with unwritable_told(run.folder):
        write_json(run.folder / "summary.json", {**run.summary, "seconds": run.seconds})


def _write_inputs(run: Run) -> None:
    """Writes what is known before training: recipe, plan, provenance."""
    content = yaml.safe_dump(run.recipe.to_mapping(), sort_keys=False, allow_unicode=True)
    (run.folder / "recipe.yaml").write_text(content, encoding="utf-8")
    plan_frame(run.prepared.plan).to_csv(run.folder / "plan.csv", index=False)
    (run.folder / "plots").mkdir()
    run.provenance = provenance(run.recipe, run.settings, run.prepared.ingredients, Path.cwd())
    write_json(run.folder / "provenance.json", run.provenance)


def run_tags(run: Run) -> dict[str, str]:
    """Returns the tags that a run starts with in MLflow."""
    recipe, data, ingredients = run.recipe, run.prepared.data, run.prepared.ingredients
    changed = (override.removeprefix("recipe.") for override in sorted(run.settings.overrides))
    tags = {
        "recipe": recipe.name,
        "recipe_hash": recipe.hash,
        "data_source": data.source,
        "data_sha256": data.sha256,
        "sparsity_check": "not made",
        "runner_kind": "run",
        "variation": " ".join([recipe.name, *changed]),
        "fingerprint": ingredients.job_fingerprint(recipe, run.settings.seed),
        "group_fingerprint": ingredients.group_fingerprint(recipe),
        "environment": json.dumps(ingredients.environment, sort_keys=True),
        "folder": str(run.folder),
    }
    tags |= {f"model_{key}_sha256": content for key, content in ingredients.files.items()}
    if data.fell_back:
        tags["data_fallback_for"] = data.requested
    if run.provenance["git_sha"] is not None:
        tags["git_sha"] = run.provenance["git_sha"] + ("-dirty" if run.provenance["git_dirty"] else "")
    return tags


def record_results(run: Run) -> None:
    """Records the numbers of a run whose files are there, good or bad."""
    run.summary |= result_summary(run)
    sparsity_frame(run.check.rows).to_csv(run.folder / "sparsity.csv", index=False)
    tags = {"sparsity_check": "passed" if run.check.passed else "failed"}
    if run.exports.budget is not None:
        tags["budget"] = "kept" if run.exports.budget.kept else "missed"
    with run.stage("record", "recording the results in MLflow"):
        run.tracker.log_metrics(final_metrics(run), run.prepared.plan.total_steps)
        run.tracker.set_tags(tags)


def final_metrics(run: Run) -> dict[str, float]:
    """Returns the metrics of the finished model, by the names that they have in MLflow."""
    size, sparsity, exports = run.proof.size, run.proof.sparsity, run.exports
    metrics = {f"test/{name}": value for name, value in run.proof.scores.items()}
    if sparsity["layers"]:
        # Training logged them too; the latest value is the proven one.
        metrics |= {f"sparsity/{layer}": share for layer, share in sparsity["layers"].items()}
        metrics |= {f"sparsity/_{name}": sparsity[name] for name in ("pruned_layers", "model")}
    metrics |= {
        "model/weights": float(size.weights),
        "model/nonzero_weights": float(size.nonzero_weights),
        "model/keras_gzip_bytes": float(size.gzip_bytes),
        "training/steps": float(run.prepared.plan.total_steps),
        "training/dense_steps": 0.0 if run.dense is None else float(run.dense.result.steps),
    }
    metrics |= {f"test/dense_{name}": value for name, value in (exports.dense_scores or {}).items()}
    if size.macs is not None:
        metrics |= {"model/macs": float(size.macs.total), "model/nonzero_macs": float(size.macs.nonzero)}
    named = {file.variant: file for file in exports.files}
    named |= {f"dense_{file.variant}": file for file in exports.dense}
    for variant, file in named.items():
        known = {name: value for name, value in file.measured().items() if value is not None}
        metrics |= {f"tflite_{variant}/{name}": float(value) for name, value in known.items()}
    return metrics


def record_files(run: Run) -> None:
    """Logs the files to MLflow, those of the kinds that `tracking.artifacts` names."""
    folder, wanted = run.folder, run.settings.tracking.artifacts
    files = {
        "tables": [folder / "plan.csv", folder / "sparsity.csv"],
        "recipe": [folder / "recipe.yaml", folder / "provenance.json"],
        "plots": sorted((folder / "plots").iterdir()),
        "tflite": [file.path for file in run.exports.files if file.path is not None],
        "reports": [folder / "report.html"],
    }
    with run.stage("record", "recording the files in MLflow"):
        for kind, paths in files.items():
            for path in paths if kind in wanted else ():
                run.tracker.log_artifact(path, kind)
        if "model" in wanted:
            model = run.proof.model
            example = run.prepared.split.x_test[:1].astype(model.inputs[0].dtype.as_numpy_dtype)
            run.tracker.log_model(Inference(model), example, run.prepared.plan.total_steps)
