"""Opens a sweep: its data, its folder, its run in MLflow, and the jobs that it reuses."""

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from runner.datasets import ResolvedData, data_key, resolve
from runner.process.errors import UserError
from runner.recipe.plugin_content import plugin_content
from runner.records.names import job_names, sweep_name
from runner.records.source_content import source_content
from runner.records.sweep_records import Sweep, is_sweep, write_record, write_sweep
from runner.records.swept_keys import sweep_factors
from runner.search.search import Search, check_objectives
from runner.settings import prepare_folder
from runner.sweep.job import PlannedJob
from runner.sweep.launching import Launch
from runner.sweep.reuse import find_equal, reused
from runner.sweep.session import ParentRun, Session
from runner.tracking import LoggedRun, Store, open_run, open_store


def open_sweep(
    folder: Path, jobs: Sequence[PlannedJob], launch: Launch, search: Search | None = None
) -> Session:
    """Opens a sweep.

    Args:
        folder: The sweep's folder, not there yet or empty.
        jobs: What is to run; of a search examples of it.
        launch: How they are started.
        search: The search, where a sweeper chooses the jobs by results.

    Raises:
        UserError: The folder is taken, data or store cannot be had, or the jobs disagree on where they log.
    """
    settings = jobs[0].settings
    _require_empty(folder)
    _require_one_store(jobs)
    data = _resolve_data(jobs)
    if search is not None:
        check_objectives(search.objectives, [job.recipe for job in jobs], data)
    store = open_store(settings.tracking, settings.outputs)
    prepare_folder(folder, f"hydra.sweep.dir={folder}", "Leave the folder to the runner, or choose another.")
    sweep = _describe(jobs, launch, search, data, store)
    with ExitStack() as stack:
        tracker = stack.enter_context(
            open_run(
                store,
                run_name=search.name if search else sweep_name(sweep.factors),
                params={
                    "command": shlex.join(sweep.argv),
                    "jobs": sweep.count,
                    "resume": settings.resume,
                    **({"objective": ", ".join(settings.objective)} if search else {}),
                },
                tags={"runner_kind": "sweep", "folder": str(folder)},
            )
        )
        sweep = replace(sweep, parent_run_id=tracker.run_id)
        equals = _find_equals(jobs, sweep, store) if settings.resume and not search else {}
        if equals:
            sweep = replace(sweep, started=tuple(n for n in range(len(jobs)) if n not in equals))
        write_sweep(folder, sweep)
        for number, run in equals.items():
            write_record(folder, reused(number, sweep.name_of(number), run))
        parent = ParentRun(store, tracker, settings.tracking.artifacts, stack.pop_all())
        return Session(folder, sweep, launch, parent)
    raise AssertionError("a sweep opens or raises")


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        holds = "holds an earlier sweep" if is_sweep(folder) else "is not an empty folder"
        raise UserError(
            f"hydra.sweep.dir={folder}: {holds}, and nothing is overwritten. Leave the folder"
            " to the runner; resume=true continues an earlier sweep from any folder."
        )


def _require_one_store(jobs: Sequence[PlannedJob]) -> None:
    first = jobs[0].settings
    for job in jobs:
        if (job.settings.tracking, job.settings.outputs) != (first.tracking, first.outputs):
            raise UserError(
                f"the sweep's job {' '.join(job.overrides)}: logs to another place than the first one. A"
                " sweep has one store and one experiment, else its jobs could not be compared."
            )


def _resolve_data(jobs: Sequence[PlannedJob]) -> dict[str, ResolvedData]:
    """Resolves each data set once; the one resolved last is kept in memory for the jobs in this process."""
    requests = {data_key(job.recipe.data): job.recipe.data for job in jobs}
    return {key: resolve(request) for key, request in reversed(requests.items())}


def _describe(
    jobs: Sequence[PlannedJob],
    launch: Launch,
    search: Search | None,
    data: dict[str, ResolvedData],
    store: Store,
) -> Sweep:
    """Returns the sweep as `sweep.json` holds it, without a run in MLflow yet."""
    settings = jobs[0].settings
    factors = () if search else sweep_factors([job.overrides for job in jobs])
    return Sweep(
        argv=settings.argv,
        jobs=() if search else job_names(factors, len(jobs)),
        tracking_uri=store.uri,
        experiment=store.experiment,
        parent_run_id="",
        data={key: asdict(found) for key, found in data.items()},
        threads=launch.threads,
        plugins=plugin_content(settings.plugins),
        source=source_content(),
        factors={factor.name: factor.levels for factor in factors},
        objective=settings.objective if search else (),
        fixed=search.fixed if search else (),
        trials=search.trials if search else None,
    )


def _find_equals(jobs: Sequence[PlannedJob], sweep: Sweep, store: Store) -> dict[int, LoggedRun]:
    found = (find_equal(job.recipe, job.settings, sweep, store) for job in jobs)
    return {number: run for number, run in enumerate(found) if run is not None}
