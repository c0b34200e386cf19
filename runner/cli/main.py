"""The command line: `python -m runner` and the console script `runner`.

Only light modules are imported here: `--help`, `--cfg job` and a bad override answer at once, and Ctrl-C is
caught from the first moment.
"""

import os
import sys

from runner import __version__
from runner.process.command import run_command
from runner.process.interruption import interrupted


def main() -> None:
    """Runs the command that `sys.argv` holds and exits with its status."""
    run_command(_answer)


def _answer(arguments: list[str]) -> int:
    # Nobody means the default recipe by a bare command, nor a sweep by a bare `--multirun`.
    if {*arguments} <= {"-m", "--multirun"} or {"-h", "--help"} & {*arguments}:
        from runner.cli.help import help_text

        print(help_text())
        return 0
    if "--version" in arguments:
        print(f"runner {__version__}")
        return 0
    return _run(arguments)


def _run(arguments: list[str]) -> int:
    """Runs what the arguments ask Hydra for, and returns the exit status."""
    from runner.cli.exit_status import quiet_libraries, status_of
    from runner.cli.task import begin_command

    quiet_libraries()
    statuses = begin_command()
    debug = "debug=true" in [argument.lower() for argument in arguments]
    status = status_of(lambda: _run_hydra(arguments), debug=debug, hydra_exits=True)
    if len(statuses) > 1 and any(statuses):
        from runner.sweep.progress import part_of

        failed = [number for number, one in enumerate(statuses) if one]
        print(part_of(len(statuses), "failed", failed), file=sys.stderr)
    # That a run failed weighs more than that another could not start.
    return 1 if 1 in statuses else max([status, *statuses])


def _run_hydra(arguments: list[str]) -> None:
    from runner.cli.command_line import check_arguments

    check_arguments(arguments)
    import hydra

    from runner.cli.hydra_private import options_first
    from runner.cli.sweep_check import opened_sweep
    from runner.cli.task import task
    from runner.process.packaged import packaged_folder
    from runner.recipe import source

    sys.argv[1:] = options_first(arguments)
    # Hydra then raises its errors instead of printing them and exiting with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    source.register()
    settings = str(packaged_folder("conf"))
    error: BaseException | None = None
    try:
        hydra.main(config_path=settings, config_name="config", version_base="1.3")(task)()
    except BaseException as raised:
        error = raised
        raise
    finally:
        # A sweep ends with its table, its run in MLflow, and the status that fits, whatever was raised.
        if (sweep := opened_sweep()) is not None:
            sweep.close(KeyboardInterrupt() if interrupted(error) else error)
