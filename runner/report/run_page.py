"""`report.html`: one run as one page, from what was asked to how it was made."""

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.process.wording import counted
from runner.recipe.recipe import Budget
from runner.report.files import benchmarks, files_table
from runner.report.findings import findings, next_steps
from runner.report.page import Picture, page_environment
from runner.report.parts import Run
from runner.report.table_style import page_grid
from runner.report.tables import check_table, plan_table, rules_grid
from runner.training.description import described

Pairs = list[tuple[str, str]]
"""Lines of a name and a text."""


def write_run_page(run: Run, training: Sequence[Picture], masks: Sequence[Picture], masks_about: str) -> None:
    """Writes `report.html` into the run's folder, as one file with its pictures inside.

    Args:
        run: A run whose files are there, good or bad.
        training: Pictures of what was measured along training.
        masks: Pictures of pruned tensors.
        masks_about: What these are taken from, and what is left out.
    """
    plan, exports, found = run.prepared.plan, run.exports, findings(run)
    template = page_environment(Path(__file__).parent, html=True).get_template("report.html.j2")
    page = template.render(
        run=run,
        made_at=f"{datetime.now():%Y-%m-%d %H:%M}",
        answer=" ".join(found[:2]),
        asked=_asked(run),
        rules=rules_grid(run.recipe.layers, plan),
        plan=page_grid(plan_table(plan)),
        scores=_scores(run),
        check=page_grid(check_table(plan, run.check.rows), dim=False),
        files=page_grid(files_table(exports)),
        benchmarks=benchmarks(exports),
        budget=_budget(run),
        training_pictures=training,
        mask_pictures=masks,
        masks_about=masks_about,
        findings=found,
        next_steps=next_steps(run),
        made=_made(run),
        recipe=(run.folder / "recipe.yaml").read_text(encoding="utf-8"),
    )
    (run.folder / "report.html").write_text(page, encoding="utf-8")


def _asked(run: Run) -> Pairs:
    recipe, data, plan = run.recipe, run.prepared.data, run.prepared.plan
    x, _, x_val, _, x_test, _ = run.prepared.split
    counts = f"{len(x):,} samples to train on, {len(x_val):,} to validate, {len(x_test):,} to test"
    note = f"; {data.note}" if data.note else ""
    model = recipe.model
    built = f"{model.name}{_arguments(model.arguments)}" if model.name else f"the file {model.path}"
    weights = f", weights from {model.weights}" if model.weights else ""
    epochs = f"{counted(recipe.training.epochs, 'epoch')} of {plan.steps_per_epoch} steps"
    before = counted(recipe.training.dense_epochs, "epoch")
    how = described(recipe.training, plan.total_steps, plan.steps_per_epoch)
    lines = [
        ("recipe", f"{recipe.name}{f': {recipe.description}' if recipe.description else ''}"),
        ("seed", str(run.settings.seed)),
        ("data", f"{data.source}{_arguments(recipe.data.arguments)}: {counts}{note}"),
        ("model", f"{built}: {run.proof.size.weights:,} weights{weights}"),
        ("dense training", f"{before}, before pruning" if recipe.training.dense_epochs else "none"),
        ("training", f"{epochs}, batches of {recipe.training.batch_size}; {how}"),
        ("TFLite files", ", ".join(recipe.export.variants)),
    ]
    if recipe.budget is not None:
        lines.append(("budget", _limits(recipe.budget)))
    if data.fell_back:
        lines.append(("not asked", f"the recipe names {data.requested}; {data.source} stands in for it"))
    return lines


def _arguments(arguments: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in arguments.items())})" if arguments else ""


def _scores(run: Run) -> Pairs:
    dense, sparsity, size = run.exports.dense_scores, run.proof.sparsity, run.proof.size
    lines = [(f"test {name}", f"{value:.4f}") for name, value in sorted(run.proof.scores.items())]
    if dense is not None:
        name = "accuracy" if "accuracy" in dense else "loss"
        trained = "trained before the run"
        if run.dense is not None:
            trained = f"after {counted(run.dense.result.steps, 'step')} of dense training"
        lines.append(("dense weights", f"{name} {dense[name]:.4f}, {trained}"))
    macs = f"not counted: {size.macs_unknown}"
    if size.macs is not None:
        macs = f"{size.macs.total:,} for one sample; {size.macs.nonzero:,} with weights that are not zero"
    nonzero = f"{size.nonzero_weights:,} of {size.weights:,} weights are not zero"
    return [
        *lines,
        ("sparsity, pruned layers", f"{sparsity['pruned_layers']:.2%}"),
        ("sparsity, whole model", f"{sparsity['model']:.2%}; {nonzero}"),
        ("multiply-accumulates", macs),
        ("model.keras, gzipped", f"{size.gzip_bytes:,} bytes"),
        ("sparsity check", "passed" if run.check.passed else "FAILED"),
    ]


def _budget(run: Run) -> Pairs:
    verdict = run.exports.budget
    if verdict is None:
        return []
    reference = verdict.reference
    size = "no file" if verdict.bytes is None else f"{verdict.bytes:,} bytes"
    accuracy = "no accuracy" if verdict.accuracy is None else f"accuracy {verdict.accuracy:.4f}"
    against = f"; {reference.name}: {reference.accuracy:.4f}" if reference else ""
    return [
        ("asked", _limits(verdict.budget)),
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


def _made(run: Run) -> Pairs:
    origin = run.provenance
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
