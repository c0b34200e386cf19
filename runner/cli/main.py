"""The command line: `python -m runner` and the console script `runner`.

Only light modules are imported here: `--help`, `--cfg job` and a bad override answer at once, and Ctrl-C is
caught from the first moment.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner import __version__
from runner.process.command import run_command, tell
from runner.process.errors import UserError
from runner.process.interruption import was_interrupted

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from runner.settings import RunSettings
    from runner.sweep.job import Job
    from runner.sweep.session import Session

_USAGE = """\
Trains and prunes the model of a recipe, and proves the zeros in the TFLite file.

usage: runner [--multirun] recipe=NAME [SETTING=VALUE ...] [recipe.KEY=VALUE ...]
       (python -m runner does the same)

  runner recipe=mnist_2x4                                one run
  runner recipe=mnist_2x4 dry_run=true                   the plan; trains nothing
  runner recipe=mnist_2x4 recipe.training.epochs=1 recipe.layers.structural.m_by_n=1x4
  runner --multirun recipe=mnist_constant,mnist_polynomial seed=1,2,3        a sweep

Recipes:
{recipes}

Settings and their defaults:
{settings}

What starts the jobs of a sweep, launch=NAME:
{launchers}

Options:
  -m, --multirun            run every combination of comma-separated values
  --cfg job                 print the composed recipe and settings, run nothing
  --info searchpath         print where recipes and settings are looked for
  -sc install=bash          shell completion: eval "$(runner -sc install=bash)"; fish and zsh too
  --hydra-help              everything Hydra offers beyond this
  --version                 print the version

Exit status: 0 good, 1 the run failed, 2 the input is wrong, 130 interrupted."""

# The native libraries read these when they are loaded; whoever sets one themselves has their way.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}

# The exit status of each job that ran in this process and is in no sweep's records.
_statuses: list[int] = []

# Whether this process is the command; the ones that a launcher starts for a sweep's jobs are not.
_is_command = False


def main() -> None:
    """Runs the command that `sys.argv` holds and exits with its status."""
    global _is_command
    _is_command = True
    run_command(_answer)


def _answer(arguments: list[str]) -> int:
    # Nobody means the default recipe by a bare command, nor a sweep by a bare `--multirun`.
    if {*arguments} <= {"-m", "--multirun"} or {"-h", "--help"} & {*arguments}:
        print(help_text())
        return 0
    if "--version" in arguments:
        print(f"runner {__version__}")
        return 0
    _be_quiet()
    debug = "debug=true" in [argument.lower() for argument in arguments]
    _statuses.clear()
    status = _status_of(lambda: _compose_and_run(arguments), debug=debug, hydra_exits=True)
    if len(_statuses) > 1 and any(_statuses):
        from runner.sweep.standing import told_of

        failed = [number for number, one in enumerate(_statuses) if one]
        print(told_of(len(_statuses), "failed", failed), file=sys.stderr)
    # That a run failed weighs more than that another could not start.
    return 1 if 1 in _statuses else max([status, *_statuses])


def _be_quiet() -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def help_text() -> str:
    """Writes what `--help` prints: usage, every recipe, every setting."""
    from runner.cli.launchers import describe_launchers
    from runner.process.packaged import packaged_folder
    from runner.recipe.library import recipe_listing

    config = (packaged_folder("conf") / "config.yaml").read_text(encoding="utf-8")
    settings = config.partition("# Settings\n")[2].partition("\n\n")[0]
    return _USAGE.format(
        recipes=_indented(recipe_listing()),
        settings=_indented(settings.splitlines()),
        launchers=_indented(_columns(describe_launchers())),
    )


def _columns(described: dict[str, str]) -> list[str]:
    width = max(map(len, described), default=0)
    return [f"{name:<{width}}  {told}" for name, told in described.items()]


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" if line else "" for line in lines)


def _compose_and_run(arguments: list[str]) -> None:
    import hydra

    from runner.cli import sweep_check
    from runner.cli.command_line import arranged, check_arguments
    from runner.process.packaged import packaged_folder
    from runner.recipe import source

    check_arguments(arguments)
    sys.argv[1:] = arranged(arguments)
    # Hydra then raises its errors instead of printing them and exiting with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    source.register()
    settings = str(packaged_folder("conf"))
    try:
        hydra.main(config_path=settings, config_name="config", version_base="1.3")(_job)()
    except BaseException as error:
        _close_sweep(sweep_check.opened_session(), error)
        raise
    _close_sweep(sweep_check.opened_session(), None)


def _close_sweep(session: "Session | None", error: BaseException | None) -> None:
    """Ends a sweep, if the command is one: with its table, its parent run, and the status that fits."""
    if session is not None:
        session.close(KeyboardInterrupt() if was_interrupted() else error)


def _job(config: "DictConfig") -> float | tuple[float, ...] | None:
    """Hydra's task function: one run, or one job of a sweep.

    Returns:
        What a searching sweeper asks for; None from a job that has failed, and without a search.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from runner.cli.sweep_check import sweep_folder
    from runner.records.sweep_records import is_sweep

    # What Hydra hands out is a DictConfig that it types as its own dataclass.
    hydra, debug = cast("DictConfig", HydraConfig.get()), config.get("debug") is True
    if hydra.mode != RunMode.MULTIRUN:
        _statuses.append(_status_of(lambda: _run(config, hydra), debug=debug))
    elif not _is_command:
        _work(config, hydra, debug=debug)
        return _objective_values(hydra)
    elif is_sweep(folder := sweep_folder(hydra)):
        _run_in_sweep(config, hydra, folder, debug=debug)
        return _objective_values(hydra)
    else:
        print(f"job {hydra.job.num}: {_swept(hydra)}", flush=True)
        _statuses.append(_status_of(lambda: _run(config, hydra), debug=debug))
    return None


def _objective_values(hydra: "DictConfig") -> float | tuple[float, ...] | None:
    """Returns what the job has written of the search's objectives."""
    from runner.cli.sweep_check import sweep_folder
    from runner.records.sweep_records import read_record

    record = read_record(sweep_folder(hydra), hydra.job.num)
    if record is None or not (record.succeeded and record.values):
        return None
    return record.values[0] if len(record.values) == 1 else record.values


def _work(config: "DictConfig", hydra: "DictConfig", *, debug: bool) -> None:
    """Does one job of a sweep in a process of its own."""
    from runner.cli.sweep_check import sweep_folder
    from runner.sweep.worker import worker

    _be_quiet()
    folder = sweep_folder(hydra)
    with worker(folder, hydra.job.num, Path(hydra.runtime.cwd)) as number:
        _do_job(config, hydra, folder, number, debug=debug)


def _run_in_sweep(config: "DictConfig", hydra: "DictConfig", folder: Path, *, debug: bool) -> None:
    """Does one job of a sweep in the command's own process."""
    from runner.records.sweep_records import read_sweep
    from runner.sweep.log import logged

    number = read_sweep(folder).number_of(hydra.job.num)
    with logged(folder, number):
        _do_job(config, hydra, folder, number, debug=debug)


def _do_job(config: "DictConfig", hydra: "DictConfig", folder: Path, number: int, *, debug: bool) -> None:
    from runner.cli.composition import task_overrides
    from runner.sweep.job import recorded

    def do() -> None:
        overrides = task_overrides(hydra)
        with recorded(folder, number, overrides) as job:
            print(f"job {number}: {' '.join(overrides)}")
            print("loading TensorFlow")
            _load_tensorflow(job.sweep.threads)
            _run(config, hydra, job)

    # Its record tells the sweep how it ended. Hydra would print a line of its own about an exception.
    _status_of(do, debug=debug)


def _swept(hydra: "DictConfig") -> str:
    from runner.cli.composition import task_overrides

    return " ".join(task_overrides(hydra))


def _run(config: "DictConfig", hydra: "DictConfig", job: "Job | None" = None) -> None:
    from hydra.types import RunMode

    from runner.cli.composition import load_plugins, placed, read_job
    from runner.settings import prepare_outputs

    recipe, settings = read_job(config, hydra, run_dir=Path(hydra.runtime.output_dir) if job else None)
    if hydra.mode != RunMode.MULTIRUN:
        _refuse_sweeping(settings, hydra)
    if _by_default(hydra):
        print(f"note: no recipe=NAME is given; this is {recipe.name}, the default", flush=True)
    if not settings.dry_run:
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


def _by_default(hydra: "DictConfig") -> bool:
    """Tells whether nobody chose the recipe; of a sweep's jobs the first one says so."""
    from hydra.types import RunMode

    from runner.cli.composition import task_overrides

    chosen = any(re.match(r"recipe(@[^=]*)?=", override) for override in task_overrides(hydra))
    return not chosen and (hydra.mode != RunMode.MULTIRUN or hydra.job.num == 0)


def _refuse_sweeping(settings: "RunSettings", hydra: "DictConfig") -> None:
    from runner.cli.launchers import DEFAULT, GROUP

    if settings.resume:
        raise UserError("resume=true continues a sweep: give it with --multirun")
    launcher = hydra.runtime.choices.get(GROUP) or DEFAULT
    if launcher != DEFAULT:
        raise UserError(f"launch={launcher} starts the jobs of a sweep: give it with --multirun")


def _load_tensorflow(threads: int | None) -> None:
    """Imports what computes, quietly, and has it use that many threads; None is all cores."""
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


def _status_of(action: Callable[[], None], *, debug: bool, hydra_exits: bool = False) -> int:
    """Runs an action and tells the user what went wrong, if anything did.

    Args:
        action: What to do.
        debug: Show the traceback of an error.
        hydra_exits: Take SystemExit for Hydra's own way to end. Elsewhere a plugin has raised it, and what
            was to be done is not done.

    Returns:
        The exit status.
    """
    try:
        action()
    except BaseException as error:
        if hydra_exits and isinstance(error, SystemExit):
            # Its argument parser exits with 2, other parts of it with 1 for what is wrong input as well.
            return 2 if error.code == 1 else int(error.code or 0)
        return _tell(error, debug=debug)
    return 0


def _tell(error: BaseException, *, debug: bool) -> int:
    if was_interrupted():
        # The imports below may be torn apart by it.
        raise KeyboardInterrupt from error

    from runner.cli.override_errors import explain
    from runner.cli.sweep_check import SweepRefused

    if isinstance(error, SweepRefused) and error.__cause__ is not None:
        error = error.__cause__
    return tell(error, debug=debug, explain=explain)
