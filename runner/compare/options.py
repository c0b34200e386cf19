"""What `python -m runner.compare` is asked for."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from runner.compare.gather import require_sweep
from runner.compare.where import Condition, read_condition
from runner.process.errors import UserError, did_you_mean
from runner.records.sweep_records import is_sweep

_DESCRIPTION = """\
Compares the runs of sweeps, or of an experiment, from what MLflow holds: which level of each factor is
better, from where on, and by how much. Trains nothing.

  python -m runner.compare outputs/sweeps/2025-01-31_12-00-00-000000
  python -m runner.compare outputs/sweeps/A outputs/sweeps/B --where 'schedule.sparsity >= 0.9'
  python -m runner.compare --experiment tflite-pruning --by schedule.name --metric val/accuracy

The comparison of one whole sweep is written into its folder and logged to its MLflow run; any other into a
new folder, outputs/comparisons/<date>_<time>: comparison.html, comparison.csv, comparison_means.csv,
comparison_differences.csv, plots/."""

_EPILOG = "Exit status: 0 good, 1 it failed, 2 the input is wrong, 130 interrupted."


@dataclass(frozen=True)
class CompareOptions:
    """What to compare, how, and where to write.

    Args:
        sweeps: Folders of sweeps; empty for an experiment.
        experiment: MLflow's experiment; None for sweeps.
        where: What a run must fulfil to be compared, all of it.
        by: The factor to compare, by an ending of its key; None compares every factor.
        metric: What ranks, by MLflow's name; None is test accuracy, or the squared error of regressions.
        outputs: Where comparisons are written and the default store lies, absolute.
        tracking_uri: MLflow's store; None is the sweeps' own, or the default one.
        debug: Whether an error shows its traceback.
    """

    sweeps: tuple[Path, ...]
    experiment: str | None
    where: tuple[Condition, ...]
    by: str | None
    metric: str | None
    outputs: Path
    tracking_uri: str | None
    debug: bool = False

    @property
    def whole_sweep(self) -> bool:
        """Whether one sweep is compared as it is, so that the result belongs into its folder."""
        return len(self.sweeps) == 1 and not self.narrowing

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The options that leave out runs, factors or the usual score, as they are written."""
        where = [part for condition in self.where for part in ("--where", str(condition))]
        by = ["--by", self.by] if self.by else []
        return (*where, *by, *(["--metric", self.metric] if self.metric else []))

    @property
    def command(self) -> str:
        """The command that asks for this comparison, without the store and the output folder."""
        of = ["--experiment", self.experiment] if self.experiment else map(str, self.sweeps)
        return shlex.join(["python", "-m", "runner.compare", *of, *self.narrowing])


class _Parser(argparse.ArgumentParser):
    """Raises our own error for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        known = [option for action in self._actions for option in action.option_strings]
        words = message.removeprefix("unrecognized arguments: ").split()
        near = did_you_mean(words[0].partition("=")[0], known) if words else ""
        raise UserError(f"{message}.{near} See --help")


def parser() -> argparse.ArgumentParser:
    """Returns what reads the command line and writes its help."""
    made = _Parser(
        prog="python -m runner.compare",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("sweep", nargs="*", help="folder of a sweep; several are compared as one")
    made.add_argument("--experiment", metavar="NAME", help="all runs of an MLflow experiment that have ended")
    made.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only runs that fulfil it, as in 'schedule.sparsity >= 0.9' or 'recipe == mnist_*'; repeatable",
    )
    made.add_argument("--by", metavar="FACTOR", help="compare the levels of this factor only")
    made.add_argument(
        "--metric",
        metavar="NAME",
        help="what ranks, such as val/accuracy or tflite_int8/accuracy (default: test/accuracy, for"
        " regressions test/mean_squared_error)",
    )
    made.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="MLflow store (default: where the sweeps logged; for an experiment MLFLOW_TRACKING_URI, else the"
        " database in --outputs)",
    )
    made.add_argument(
        "--outputs", metavar="DIR", default="outputs", help="where comparisons are written (default: outputs)"
    )
    made.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return made


def read_arguments(arguments: Sequence[str]) -> CompareOptions:
    """Reads the command line.

    Args:
        arguments: Without the program's name.

    Raises:
        UserError: Something of it is wrong, nothing is asked for, or a folder is not a sweep's.
        SystemExit: Help was asked for, and printed.
    """
    given = parser().parse_args(list(arguments))
    if given.sweep and given.experiment:
        raise UserError(f"Name sweeps or an experiment, not both: {given.sweep[0]}, {given.experiment}")
    if not given.sweep and not given.experiment:
        sweeps = sorted(path for path in (Path(given.outputs) / "sweeps").glob("*") if is_sweep(path))
        latest = f" The latest sweep is {sweeps[-1]}" if sweeps else ""
        raise UserError(f"Name a sweep's folder or --experiment NAME; see --help.{latest}")
    return CompareOptions(
        sweeps=tuple(dict.fromkeys(_folder(name) for name in given.sweep)),
        experiment=given.experiment,
        where=tuple(read_condition(text) for text in given.where),
        by=given.by,
        metric=given.metric,
        outputs=Path.cwd() / given.outputs,
        tracking_uri=given.tracking_uri,
        debug=given.debug,
    )


def _folder(argument: str) -> Path:
    path = Path(argument)
    try:
        there = path.exists()
    except OSError as error:
        raise UserError(f"'{argument[:80]}...': is no folder ({error.strerror})") from error
    # A bare word that is no folder is rather an experiment, or a slip.
    if not there and "/" not in argument:
        raise UserError(f"'{argument}' is no folder. --experiment {argument} names an experiment.")
    folder = path.parent if path.is_file() else path
    require_sweep(folder)
    return folder
