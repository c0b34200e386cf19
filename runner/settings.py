"""The runner's own settings: what is not science and so not in a recipe."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.objective import read_objectives
from runner.recipe.problems import Invalid, problems_of, written_fields
from runner.recipe.section import Flag, Number, OneOf, Placed, Section, Text, Texts, Whole, section

ARTIFACTS = ("tables", "plots", "recipe", "tflite", "reports", "model")

# What NumPy and TensorFlow both take.
_LARGEST_SEED = 2**32 - 1
_MOST_THREADS = 4_096


def _folder(written: object) -> Path:
    if isinstance(written, Path):
        return written
    path = TypeAdapter(Text).validate_python(written)
    if path.startswith("~"):
        raise ValueError(f"is {shown(path)}, which the shell did not expand; write it as $HOME/...")
    return Path.cwd() / path


@section
class Tracking(Section):
    """Where results are logged."""

    uri: Text | None = None
    """MLflow's store or server; by default `MLFLOW_TRACKING_URI`, else a database in `outputs`."""
    experiment: Text | None = None
    """MLflow's experiment; by default `MLFLOW_EXPERIMENT_NAME`, else the runner's own."""
    artifacts: tuple[Annotated[str, OneOf(ARTIFACTS)], ...] = ARTIFACTS
    """What to log beside numbers; empty logs none."""


@section
class RunSettings(Section):
    """The settings of one run."""

    seed: Whole = 0
    """Of everything random, in [0, 2**32)."""
    outputs: Annotated[Path, BeforeValidator(_folder)] = field(default_factory=lambda: Path.cwd() / "outputs")
    """The folder for runs, sweeps and the MLflow store, absolute."""
    dry_run: Flag = False
    """Print the plan and train nothing."""
    debug: Flag = False
    """Show the traceback of an error."""
    plugins: Texts = ()
    """Modules that register schedules, models and datasets."""
    threads: Whole | None = None
    """Threads that each job computes with; by default all cores, in a sweep divided by the jobs that
    run at once on a machine. Sums of floating-point numbers depend on it in their last bits.
    """
    resume: Flag = False
    """In a sweep: take the results of equal jobs that have finished before."""
    on_failure: Annotated[str, OneOf(("continue", "stop"))] = "continue"
    """In a sweep: whether a failed job stops the others."""
    objective: Texts = ("val/accuracy",)
    """What a search optimizes: one or two of MLflow's metrics, with a minus in front where
    less is better.
    """
    export_timeout: Annotated[Number, Field(gt=0)] = 600.0
    """After how many seconds without a sign of life TensorFlow's converter or interpreter is given up."""
    tracking: Tracking = Tracking()
    """Where results are logged."""
    # The command as it was given, for the record.
    argv: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    # What of the recipe the command changes, as it was given.
    overrides: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    # The folder of this run; None makes `outputs/runs/<date>_<time>_<recipe>`.
    run_dir: Annotated[Path | None, Field(exclude=True)] = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise Invalid({"seed": f"is {self.seed}, but must be in [0, 2**32)"})
        if not self.outputs.is_absolute():
            raise Invalid({"outputs": f"is {self.outputs}, but must be absolute here"})
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            least = "at least 1" if self.threads < 1 else f"at most {_MOST_THREADS:,}"
            raise Invalid({"threads": f"is {self.threads}, but must be {least}, or null for all cores"})
        try:
            read_objectives(self.objective)
        except ValueError as error:
            raise Invalid({"objective": str(error)}) from error

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, Any],
        *,
        argv: tuple[str, ...] = (),
        overrides: tuple[str, ...] = (),
        run_dir: Path | None = None,
    ) -> "RunSettings":
        """Reads settings from plain, resolved data.

        Args:
            mapping: The composed configuration without the recipe; a relative `outputs` is taken from
                where the command is given.
            argv: See the class.
            overrides: See the class.
            run_dir: See the class.

        Raises:
            UserError: One message that names every problem found.
        """
        try:
            given = {"argv": argv, "overrides": overrides, "run_dir": run_dir}
            return TypeAdapter(cls).validate_python(Placed(mapping, given))
        except ValidationError as error:
            raise UserError("; ".join(map(" ".join, problems_of(error, cls)))) from error


def setting_names() -> list[str]:
    """Returns the dotted names of all settings that the command line takes, the groups among them."""
    top = [name for name in written_fields(RunSettings) if name != "tracking"]
    return ["recipe", "launch", *top, *(f"tracking.{name}" for name in written_fields(Tracking))]


def prepare_outputs(folder: Path) -> None:
    """Makes the output folder and proves that files can be written there.

    Raises:
        UserError: They cannot; nothing of a run exists yet then.
    """
    prepare_folder(folder, f"outputs={folder}", "Choose another folder with outputs=DIR.")


def prepare_folder(folder: Path, written: str, way_out: str) -> None:
    """Makes a folder and proves that files can be written there.

    Args:
        folder: The folder.
        written: The setting that names it, as messages begin with it.
        way_out: What to do where it cannot be written.

    Raises:
        UserError: No files can be written there.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{written}: is a file, not a folder. {way_out}")
        folder.mkdir(parents=True, exist_ok=True)
        # Permission bits do not tell: root passes them all, and a file system may be mounted read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"{written}: cannot write there ({reason}). {way_out}") from error
