"""One run: its stages in order, recorded as they go; whatever happens, its status is right."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.datasets import ResolvedData
from runner.export.graph import Inference
from runner.plan import Plan
from runner.plan.schedule_builders import drop_leftovers
from runner.process.errors import RunFailed
from runner.process.interruption import was_interrupted
from runner.process.unwritable import unwritable_told
from runner.recipe.recipe import Recipe
from runner.records.names import run_name
from runner.records.run_directory import make_run_directory
from runner.report.curves import PlanCurves
from runner.report.display import Display
from runner.report.summary import write_json
from runner.report.tables import plan_table, sparsity_frame
from runner.run.dense import dense_plan, start_dense
from runner.run.finished import FinishedRun
from runner.run.record import (
    artifacts,
    data_origin,
    data_profile,
    final_metrics,
    results,
    run_tags,
    show_results,
    show_scores,
    verdict_tags,
    write_inputs,
)
from runner.run.report import report_run
from runner.run.stages import Prepared, fit, prepare, prove
from runner.settings import RunSettings
from runner.training.graphs import graphs_freed

if TYPE_CHECKING:
    from runner.tracking import Store, Tracker


_LONGEST_REASON = 500


@dataclass(frozen=True)
class Membership:
    """What a sweep tells one of its runs.

    Args:
        name: What was swept: the run's name in MLflow.
        parent_run_id: The sweep's run in MLflow.
        data: What the sweep found for the recipe's data; None where it did not look.
        begun: Called with the run's id in MLflow and its folder, as soon as it has them.
        noted: Called with each note and warning that the run prints.
    """

    name: str
    parent_run_id: str
    data: ResolvedData | None
    begun: Callable[[str | None, Path | None], None]
    noted: Callable[[str], None]


def run_experiment(recipe: Recipe, settings: RunSettings, member: Membership | None = None) -> None:
    """Runs one recipe.

    Args:
        recipe: The experiment.
        settings: Seed, folders, tracking.
        member: The sweep that it is a job of; None for a run by itself.

    Raises:
        UserError: The recipe does not fit its data or model, or MLflow's store cannot be used; no run has
            been made then.
        RunFailed: The loss was not finite, an export failed, the sparsity check did not pass, or the budget
            was not kept.
    """
    recipe, notes = drop_leftovers(recipe)
    with graphs_freed(), Display(noted=member.noted if member else None) as display:
        for note in notes:
            display.note(note)
        prepared = prepare(recipe, settings.seed, display, member.data if member else None)
        if settings.dry_run:
            before = dense_plan(prepared, recipe, settings)
            display.print(*([before] if before else []), plan_table(prepared.plan))
            _show_curves(prepared.plan, display)
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
            _run_and_record(recipe, settings, prepared, store, folder, summary, display, member)
        except BaseException as error:
            killed = was_interrupted() or isinstance(error, KeyboardInterrupt)
            summary["status"] = "killed" if killed else "failed"
            summary["error"] = _reason(error)
            try:
                _write_summary(folder, summary, display)
            except RunFailed as unwritten:
                error.add_note(str(unwritten))  # Why the run failed weighs more.
            raise
        _write_summary(folder, summary, display)


def _write_summary(folder: Path, summary: Mapping[str, Any], display: Display) -> None:
    with unwritable_told(folder):
        write_json(folder / "summary.json", {**summary, "seconds": display.seconds})


def _reason(error: BaseException) -> str:
    told = str(error)
    return f"SystemExit: {told}" if isinstance(error, SystemExit) else told or type(error).__name__


def _show_curves(plan: Plan, display: Display) -> None:
    """Prints each rule's schedule, and the plan's warnings."""
    display.print(PlanCurves(plan))
    _show_notes(plan, display)


def _show_notes(plan: Plan, display: Display) -> None:
    for warning in plan.warnings:
        display.note(warning)


def _open_store(settings: RunSettings) -> "Store":
    from runner.tracking import open_store  # MLflow takes a second to import; a dry run has no use for it.

    return open_store(settings.tracking, settings.outputs)


@contextmanager
def _failure_tagged(tracker: "Tracker") -> Iterator[None]:
    """Says in MLflow why a run fails: whoever compares runs must know which have no result, and why."""
    try:
        yield
    except (Exception, SystemExit) as error:  # Only a plugin exits here.
        reason = " ".join(_reason(error).split())
        try:
            tracker.set_tags({"failure": textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ...")})
        except RunFailed as unreported:
            error.add_note(str(unreported))
        raise


def _run_and_record(
    recipe: Recipe,
    settings: RunSettings,
    prepared: Prepared,
    store: "Store",
    folder: Path,
    summary: dict[str, Any],
    display: Display,
    member: Membership | None,
) -> None:
    from runner.tracking import open_run

    plan, sweep = prepared.plan, member.parent_run_id if member else None
    with ExitStack() as stack:
        stack.enter_context(unwritable_told(folder))
        write_inputs(recipe, settings, prepared, folder)
        with display.stage("tracking", "opening the MLflow run"):
            tracker = stack.enter_context(
                open_run(
                    store,
                    run_name=member.name
                    if member
                    else run_name(recipe.name, settings.overrides, settings.seed),
                    params={"seed": settings.seed, **recipe.to_mapping()},
                    tags=run_tags(recipe, settings, prepared, folder),
                    parent_run_id=sweep,
                )
            )
        stack.enter_context(_failure_tagged(tracker))
        stack.enter_context(unwritable_told(folder))  # Within, so that MLflow gets the same words.
        summary["mlflow_run_id"] = tracker.run_id
        data = prepared.data
        tracker.log_data(data.source, data.sha256, data_origin(recipe, data), data_profile(recipe, data))
        if member:
            member.begun(tracker.run_id, folder)
            _show_notes(plan, display)
        else:
            _show_curves(plan, display)

        def record(step: int, metrics: dict[str, float]) -> None:
            tracker.log_metrics(metrics, step)

        dense = start_dense(prepared, recipe, settings, display, record, sweep)
        if dense is not None:
            tracker.set_tags({"dense_checkpoint": dense.key})
        with display.stage("train", "training"):
            wrapped, history = fit(prepared, recipe, display, record)
        proven = prove(
            wrapped,
            recipe,
            prepared,
            folder,
            display,
            dense_scores=None if dense is None else dense.result.scores,
            export_timeout=settings.export_timeout,
        )
        summary |= results(prepared, proven, dense)
        sparsity_frame(proven.check.rows).to_csv(folder / "sparsity.csv", index=False)
        with display.stage("record", "recording the results in MLflow"):
            tracker.log_metrics(final_metrics(proven, plan, dense), plan.total_steps)
            tracker.set_tags(verdict_tags(proven))
        with display.stage("report", "drawing the pictures and the report"):
            known = recipe, prepared, wrapped, history, proven, dense, folder, tracker.run_id
            report_run(FinishedRun(*known, seconds=dict(display.seconds)))
        with display.stage("record", "recording the files in MLflow"):
            for path, kind in artifacts(folder, proven.exported):
                if kind in settings.tracking.artifacts:
                    tracker.log_artifact(path, kind)
            if "model" in settings.tracking.artifacts:
                tracker.log_model(Inference(proven.model), proven.example, plan.total_steps)
        if member:
            show_scores(prepared, proven, display)
        else:
            show_results(prepared, proven, folder, tracker.shown_at, display)
        if failures := proven.failures():
            raise RunFailed("\n".join(failures))
        summary["status"] = "finished"
