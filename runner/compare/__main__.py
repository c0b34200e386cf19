"""`python -m runner.compare`: compares the recipes of a sweep, or of an experiment, from what is logged."""

from runner.command import run_command, tell
from runner.compare.arguments import read_arguments

_USAGE = """\
Sets recipes side by side over seeds, from what MLflow holds: a table, the differences with their
intervals and p-values, a verdict for each pair, and plots. Trains nothing.

usage: python -m runner.compare outputs/sweeps/DIR [OPTION=VALUE ...]
       python -m runner.compare experiment=NAME [OPTION=VALUE ...]

  python -m runner.compare outputs/sweeps/2025-01-31_12-00-00-000000
  python -m runner.compare experiment=tflite-pruning 'recipe=mnist_*'

A sweep's comparison is written into its folder and logged to its MLflow run; an experiment's, of all its
runs that have ended, to outputs/comparisons/<date>_<time>_<experiment>/: comparison.html, .md, .csv,
comparison_pairs.csv, plots/.

Options and their defaults:
  recipe=GLOB[,GLOB...]     recipes, or variations of them, to compare: all
  tracking.uri=URI          MLflow store: the one that the sweep logged to; for an experiment
                            MLFLOW_TRACKING_URI, else the database in `outputs`
  outputs=DIR               where an experiment's comparison is written: outputs
  debug=true                show the traceback of an error: false
  --help                    print this

Exit status: 0 good, 1 it failed, 2 the input is wrong, 130 interrupted."""


def _answer(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(_USAGE)
        return 0
    try:
        _compare(arguments)
    except BaseException as error:
        return tell(error, debug="debug=true" in [argument.lower() for argument in arguments])
    return 0


def _compare(arguments: list[str]) -> None:
    asked = read_arguments(arguments)
    from runner.compare.comparing import compare_experiment, compare_sweep
    from runner.console import open_console

    console = open_console()
    if asked.sweep is not None:
        compare_sweep(asked.sweep, console, tracking_uri=asked.tracking_uri, recipes=asked.recipes)
    elif asked.experiment is not None:
        compare_experiment(
            asked.experiment,
            asked.outputs,
            console,
            tracking_uri=asked.tracking_uri,
            recipes=asked.recipes,
        )


if __name__ == "__main__":
    run_command(_answer)
