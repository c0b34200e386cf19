"""One run, stage by stage. Read this first: a stage is a module here, its result a part in `report.parts`."""

from runner.export.exporter import Exporter
from runner.plan.schedule_builders import drop_leftovers
from runner.process.errors import RunFailed
from runner.recipe.recipe import Recipe
from runner.report.display import Display
from runner.report.parts import Membership, Run
from runner.run.dense import start_dense
from runner.run.export import export
from runner.run.fit import fit
from runner.run.prepare import prepare
from runner.run.prove import prove
from runner.run.record import record_files, record_results, recorded
from runner.run.report import report, show_plan, show_results, show_start
from runner.settings import RunSettings
from runner.training.graphs import graphs_freed


def run_experiment(recipe: Recipe, settings: RunSettings, member: Membership | None = None) -> None:
    """Runs one recipe: trains the dense weights, prunes, proves the sparsity, exports, and reports.

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
        run = Run(recipe, settings, display, member)
        run.prepared = prepare(run)  # Data, model, plan; nothing is written yet.
        if settings.dry_run:
            show_plan(run)
            return
        with recorded(run):  # The run's folder, and its run in MLflow.
            show_start(run)
            run.dense = start_dense(run)
            run.fitted = fit(run)
            with Exporter(settings.export_timeout) as exporter:  # It starts up while the model is proven.
                run.proof = prove(run)
                run.exports = export(run, exporter)
            record_results(run)
            report(run)
            record_files(run)
            show_results(run)
            if run.failures:
                raise RunFailed("\n".join(run.failures))
