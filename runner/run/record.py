"""What a run leaves behind: its files, and its names in MLflow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from runner.datasets import Dataset
from runner.export.measure import Exported
from runner.plan import Plan
from runner.process.threads import available_cores
from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import environment, group_fingerprint, job_fingerprint
from runner.records.provenance import git_state, provenance
from runner.report.display import Display
from runner.report.files import advice_lines, variants_table
from runner.report.summary import check_summary, variants_summary, write_json
from runner.report.tables import plan_frame, result_table
from runner.run.stages import Prepared, Proven
from runner.settings import RunSettings
from runner.training.dense_checkpoint import DenseCheckpoint


def write_inputs(recipe: Recipe, settings: RunSettings, prepared: Prepared, folder: Path) -> None:
    """Writes what is known before training: recipe, plan, where all comes from."""
    content = yaml.safe_dump(recipe.to_mapping(), sort_keys=False, allow_unicode=True)
    (folder / "recipe.yaml").write_text(content, encoding="utf-8")
    plan_frame(prepared.plan).to_csv(folder / "plan.csv", index=False)
    (folder / "plots").mkdir()
    origin = provenance(
        folder=Path.cwd(),
        seed=settings.seed,
        threads=settings.threads or available_cores(),
        argv=settings.argv,
        recipe_hash=recipe.hash,
        data_sha256=prepared.data.sha256,
        model_sha256=prepared.model_sha256,
        plugins=plugin_content(settings.plugins),
    )
    write_json(folder / "provenance.json", origin)


def run_tags(recipe: Recipe, settings: RunSettings, prepared: Prepared, folder: Path) -> dict[str, str]:
    """Returns the tags that a run starts with in MLflow."""
    sha, dirty = git_state(Path.cwd())
    data = prepared.data
    tags = {"recipe": recipe.name, "recipe_hash": recipe.hash, "data_source": data.source}
    tags |= {"data_sha256": data.sha256, "sparsity_check": "not made"}
    tags |= {
        "runner_kind": "run",
        "variation": variation(recipe, settings),
        "fingerprint": job_fingerprint(recipe, settings, data.sha256, prepared.model_sha256),
        "group_fingerprint": group_fingerprint(recipe, settings, data.sha256, prepared.model_sha256),
        "environment": json.dumps(environment(settings), sort_keys=True),
        "folder": str(folder),
    }
    tags |= {f"model_{key}_sha256": content for key, content in prepared.model_sha256.items()}
    if data.fell_back:
        tags["data_fallback_for"] = data.requested
    if sha is not None:
        tags["git_sha"] = sha + ("-dirty" if dirty else "")
    return tags


def data_origin(recipe: Recipe, data: Dataset) -> str:
    """Says where a run's data came from: the file that the recipe names, else the data set's name."""
    return data.source if data.fell_back or recipe.data.path is None else recipe.data.path


def data_profile(recipe: Recipe, data: Dataset) -> dict[str, int]:
    """Counts the samples of a run's data by what they are for."""
    x_train, _, x_validation, _ = data.split(recipe.data.validation_split)
    return {"train": len(x_train), "validation": len(x_validation), "test": len(data.x_test)}


def verdict_tags(proven: Proven) -> dict[str, str]:
    """Returns the tags that say what a finished run is good for."""
    tags = {"sparsity_check": "passed" if proven.check.passed else "failed"}
    if proven.budget is not None:
        tags["budget"] = "kept" if proven.budget.kept else "missed"
    return tags


def variation(recipe: Recipe, settings: RunSettings) -> str:
    """Names what a run tries, apart from its seed: the recipe, and what the command changed of it."""
    changed = (override.removeprefix("recipe.") for override in sorted(settings.overrides))
    return " ".join([recipe.name, *changed])


def results(prepared: Prepared, proven: Proven, dense: DenseCheckpoint | None) -> dict[str, Any]:
    """Returns what `summary.json` says of the result."""
    return {
        "data_fallback_for": prepared.data.requested if prepared.data.fell_back else None,
        "test_accuracy": proven.scores.get("accuracy"),
        "test_loss": proven.scores["loss"],
        "test_mean_squared_error": proven.scores.get("mean_squared_error"),
        "dense_accuracy": (proven.dense_scores or {}).get("accuracy"),
        "dense_loss": (proven.dense_scores or {}).get("loss"),
        "dense_checkpoint": None if dense is None else dense.key,
        "sparsity": proven.sparsity,
        "sparsity_check": check_summary(proven.check),
        "keras_gzip_bytes": proven.keras_gzip_bytes,
        "macs": None if proven.macs is None else proven.macs.total,
        "nonzero_macs": None if proven.macs is None else proven.macs.nonzero,
        "variants": variants_summary(proven.exported, proven.advice),
        "dense_variants": variants_summary(proven.dense_exported),
        "budget": None if proven.budget is None else proven.budget.to_json(),
    }


def final_metrics(proven: Proven, plan: Plan, dense: DenseCheckpoint | None) -> dict[str, float]:
    """Returns the metrics of the finished model, by the names that they have in MLflow."""
    metrics = {f"test/{name}": value for name, value in proven.scores.items()}
    if proven.sparsity["layers"]:
        # Training logged them too; what was proven is what stands.
        metrics |= {f"sparsity/{layer}": share for layer, share in proven.sparsity["layers"].items()}
        metrics["sparsity/_pruned_layers"] = proven.sparsity["pruned_layers"]
        metrics["sparsity/_model"] = proven.sparsity["model"]
    metrics |= {
        "model/weights": float(proven.weights),
        "model/nonzero_weights": float(proven.nonzero_weights),
        "model/keras_gzip_bytes": float(proven.keras_gzip_bytes),
        "training/steps": float(plan.total_steps),
        "training/dense_steps": 0.0 if dense is None else float(dense.result.steps),
    }
    metrics |= {f"test/dense_{name}": value for name, value in (proven.dense_scores or {}).items()}
    if proven.macs is not None:
        metrics |= {
            "model/macs": float(proven.macs.total),
            "model/nonzero_macs": float(proven.macs.nonzero),
        }
    named = {file.variant: file for file in proven.exported}
    named |= {f"dense_{file.variant}": file for file in proven.dense_exported}
    for variant, file in named.items():
        known = {name: value for name, value in file.measured().items() if value is not None}
        metrics |= {f"tflite_{variant}/{name}": float(value) for name, value in known.items()}
    return metrics


def artifacts(folder: Path, exported: list[Exported]) -> list[tuple[Path, str]]:
    """Lists the files to log, each with its kind in `tracking.artifacts`, which is its folder in MLflow."""
    tables = [(folder / name, "tables") for name in ("plan.csv", "sparsity.csv")]
    recipe = [(folder / name, "recipe") for name in ("recipe.yaml", "provenance.json")]
    plots = [(path, "plots") for path in sorted((folder / "plots").iterdir())]
    files = [(file.path, "tflite") for file in exported if file.path is not None]
    return [*tables, *recipe, *plots, *files, (folder / "report.html", "reports")]


def show_results(
    prepared: Prepared,
    proven: Proven,
    folder: Path,
    shown_at: tuple[str, ...],
    display: Display,
) -> None:
    """Prints the tables at the end of a run, where its files are, and what shows it in MLflow."""
    display.print(result_table(prepared.plan, proven.check.rows))
    display.print(variants_table(proven.exported, proven.dense_exported, proven.advice))
    display.print(*advice_lines(proven.exported, proven.dense_exported, proven.advice))
    show_scores(prepared, proven, display)
    display.print(f"files:  {folder}", *shown_at)


def show_scores(prepared: Prepared, proven: Proven, display: Display) -> None:
    """Prints what a run amounts to, in two lines: all that is shown of a job of a sweep."""
    accuracy = f"accuracy {proven.scores['accuracy']:.4f}, " if "accuracy" in proven.scores else ""
    loss = f"loss {proven.scores['loss']:.4f}{_beside(proven.dense_scores, proven.scores)}"
    note, sparsity = (f" ({prepared.data.note})" if prepared.data.note else ""), proven.sparsity
    display.print(
        f"test set of {prepared.data.source}{note}: {accuracy}{loss}",
        f"sparsity: pruned layers {sparsity['pruned_layers']:.2%}, model {sparsity['model']:.2%}",
    )


def _beside(dense: Mapping[str, float] | None, scores: Mapping[str, float]) -> str:
    """Sets the dense weights beside the pruned ones: by accuracy, or by loss where there is none."""
    if dense is None:
        return ""
    if "accuracy" in dense and "accuracy" in scores:
        return f"; dense {dense['accuracy']:.4f}, {_change('drop', dense, scores, 'accuracy')}"
    return f"; dense loss {dense['loss']:.4f}, {_change('rise', dense, scores, 'loss')}"


def _change(usual: str, dense: Mapping[str, float], scores: Mapping[str, float], name: str) -> str:
    """Says by how much pruning moved a score, and which way: `usual` also where it did not move."""
    change = scores[name] - dense[name]
    way = "rise" if change > 0 else "fall" if name == "loss" else "drop"
    return f"{way if change else usual} {abs(change):.4f}"
