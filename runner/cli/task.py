"""Hydra's task function: one run, or one job of a sweep in the command's process or in a launcher's."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from runner.cli.composition import load_plugins, placed, read_job, task_overrides
from runner.cli.exit_status import quiet_libraries, status_of
from runner.cli.launchers import DEFAULT, GROUP
from runner.cli.sweep_check import sweep_folder
from runner.process.errors import UserError
from runner.records.sweep_records import is_sweep, read_record, read_sweep

if TYPE_CHECKING:
    from runner.settings import RunSettings
    from runner.sweep.job import Job

# The exit status of each job that ran in this process and is in no sweep's records.
_statuses: list[int] = []

# Whether this process is the command's; those that a launcher starts for a sweep's jobs are not.
_is_command = False


def begin_command() -> list[int]:
    """Declares this process the command's.

    Returns:
        A list to which the task adds the exit status of each job that is in no sweep's records.
    """
    global _is_command
    _is_command = True
    _statuses.clear()
    return _statuses


def task(config: DictConfig) -> float | tuple[float, ...] | None:
    """Does one run, or one job of a sweep.

    Args:
        config: As Hydra has composed it.

    Returns:
        The values of a search's objectives; None for a job that has failed, and without a search.
    """
    # What Hydra hands out is a DictConfig that it types as its own dataclass.
    hydra, debug = cast("DictConfig", HydraConfig.get()), config.get("debug") is True
    if hydra.mode != RunMode.MULTIRUN:
        _statuses.append(status_of(lambda: _run(config, hydra), debug=debug))
        return None
    folder = sweep_folder(hydra)
    if not _is_command:
        from runner.sweep.worker import worker

        quiet_libraries()
        with worker(folder, hydra.job.num, Path(hydra.runtime.cwd)) as number:
            _run_job(config, hydra, number, debug=debug)
    elif is_sweep(folder):
        from runner.sweep.job_log import logged

        number = read_sweep(folder).number_of(hydra.job.num)
        with logged(folder, number):
            _run_job(config, hydra, number, debug=debug)
    else:  # A dry sweep.
        print(f"job {hydra.job.num}: {' '.join(task_overrides(hydra))}", flush=True)
        _statuses.append(status_of(lambda: _run(config, hydra), debug=debug))
        return None
    return _objective_values(folder, hydra.job.num)


def _objective_values(folder: Path, number: int) -> float | tuple[float, ...] | None:
    record = read_record(folder, number)
    if record is None or not (record.succeeded and record.values):
        return None
    return record.values[0] if len(record.values) == 1 else record.values


def _run_job(config: DictConfig, hydra: DictConfig, number: int, *, debug: bool) -> None:
    """Runs one job of a sweep, with its record."""
    from runner.sweep.job import recorded

    def run() -> None:
        overrides = task_overrides(hydra)
        with recorded(sweep_folder(hydra), number, overrides) as job:
            print(f"job {number}: {' '.join(overrides)}")
            print("loading TensorFlow")
            _load_tensorflow(job.sweep.threads)
            _run(config, hydra, job)

    # The record tells the sweep how the job ended. Hydra would print a line of its own about an exception.
    status_of(run, debug=debug)


def _run(config: DictConfig, hydra: DictConfig, job: "Job | None" = None) -> None:
    """Reads the recipe and the settings, and runs the experiment."""
    recipe, settings = read_job(config, hydra, run_dir=Path(hydra.runtime.output_dir) if job else None)
    if hydra.mode != RunMode.MULTIRUN:
        _refuse_sweeping(settings, hydra)
    if _by_default(hydra):
        print(f"note: no recipe=NAME is given; this is {recipe.name}, the default", flush=True)
    if not settings.dry_run:
        from runner.settings import prepare_outputs

        prepare_outputs(settings.outputs)
    if job is None:
        _load_tensorflow(settings.threads)
    from runner.run.experiment import run_experiment

    load_plugins(settings.plugins)
    try:
        if job is None:
            run_experiment(recipe, settings)
        else:
            job.run(recipe, settings)
    except UserError as error:
        raise UserError(placed(str(error), config, hydra)) from error


def _by_default(hydra: DictConfig) -> bool:
    """Tells whether nobody chose the recipe; of a sweep's jobs the first one says so."""
    chosen = any(re.match(r"recipe(@[^=]*)?=", override) for override in task_overrides(hydra))
    return not chosen and (hydra.mode != RunMode.MULTIRUN or hydra.job.num == 0)


def _refuse_sweeping(settings: "RunSettings", hydra: DictConfig) -> None:
    if settings.resume:
        raise UserError("resume=true continues a sweep: give it with --multirun")
    launcher = hydra.runtime.choices.get(GROUP) or DEFAULT
    if launcher != DEFAULT:
        raise UserError(f"launch={launcher} starts the jobs of a sweep: give it with --multirun")


def _load_tensorflow(threads: int | None) -> None:
    """Imports TensorFlow quietly, and limits it to a number of threads; None is all cores."""
    from runner.process.chatter import hush_retracing, silenced_stderr
    from runner.process.threads import announce_threads, limit_tensorflow
    from runner.records.source_content import source_content

    hush_retracing()
    if threads is not None:
        announce_threads(threads)
    # TensorFlow's libraries greet before they have read how quiet they should be.
    with silenced_stderr():
        import runner.run.experiment  # noqa: F401
    source_content()  # Now: what is edited later does not compute here.
    if threads is not None:
        limit_tensorflow(threads)
