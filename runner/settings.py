"""The runner's own settings: what is not science and so not in a recipe."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown
from runner.recipe.objective import read_objectives
from runner.recipe.section import Invalid, Problem, Section, flag, number, text, texts, whole

ON_FAILURE = ("continue", "stop")
ARTIFACTS = ("tables", "plots", "recipe", "tflite", "reports", "model")

# What the command line is, rather than says.
_NOT_WRITTEN = ("tracking", "argv", "overrides", "run_dir")

# What NumPy and TensorFlow both take.
_LARGEST_SEED = 2**32 - 1
_MOST_THREADS = 4_096


@dataclass(frozen=True)
class Tracking:
    """Where results are logged.

    Args:
        uri: MLflow's store or server; None is `MLFLOW_TRACKING_URI`, else a database in `outputs`.
        experiment: MLflow's experiment; None is `MLFLOW_EXPERIMENT_NAME`, else the runner's own.
        artifacts: What to log beside numbers, among `ARTIFACTS`; empty logs none.
    """

    uri: str | None = None
    experiment: str | None = None
    artifacts: tuple[str, ...] = ARTIFACTS

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.artifacts if kind not in ARTIFACTS]
        if unknown:
            raise Invalid({"artifacts": f"has {shown(unknown[0])}, but knows only {', '.join(ARTIFACTS)}"})


@dataclass(frozen=True)
class RunSettings:
    """The settings of one run.

    Args:
        seed: Of everything random, in [0, 2**32).
        outputs: The folder for runs, sweeps and the MLflow store, absolute.
        dry_run: Print the plan and train nothing.
        debug: Show the traceback of an error.
        plugins: Modules that register schedules, models and datasets.
        resume: In a sweep: take the results of equal jobs that have finished before.
        threads: That each job computes with, at least 1; None is all cores, in a sweep divided by the jobs
            that run at once on a machine. Sums of floating-point numbers depend on it in their last bits.
        on_failure: In a sweep: whether a failed job lets the others `continue`, or makes them `stop`.
        objective: What a searching sweeper looks for: one or two of MLflow's metrics, with a minus in front
            where less is better.
        export_timeout: > 0; after how many seconds without a sign of life TensorFlow's converter or
            interpreter is given up.
        tracking: See `Tracking`.
        argv: The command as it was given, for the record.
        overrides: What of the recipe the command changes, as it was given.
        run_dir: The folder of this run; None makes `outputs/runs/<date>_<time>_<recipe>`.
    """

    seed: int = 0
    outputs: Path = field(default_factory=lambda: Path.cwd() / "outputs")
    dry_run: bool = False
    debug: bool = False
    plugins: tuple[str, ...] = ()
    threads: int | None = None
    resume: bool = False
    on_failure: str = "continue"
    objective: tuple[str, ...] = ("val/accuracy",)
    export_timeout: float = 600.0
    tracking: Tracking = field(default_factory=Tracking)
    argv: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    run_dir: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise Invalid({"seed": f"is {self.seed}, but must be in [0, 2**32)"})
        if not self.outputs.is_absolute():
            raise Invalid({"outputs": f"is {self.outputs}, but must be absolute here"})
        if not self.export_timeout > 0:
            raise Invalid({"export_timeout": f"is {self.export_timeout:g}, but must be above 0"})
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            least = "at least 1" if self.threads < 1 else f"at most {_MOST_THREADS:,}"
            raise Invalid({"threads": f"is {self.threads}, but must be {least}, or null for all cores"})
        if self.on_failure not in ON_FAILURE:
            told = f"is {shown(self.on_failure)}, but must be {' or '.join(ON_FAILURE)}"
            near = did_you_mean(self.on_failure, ON_FAILURE)
            raise Invalid({"on_failure": f"{told}.{near}" if near else told})
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
        problems: list[Problem] = []
        section = Section(mapping, "settings", problems)
        section.optional("seed", whole)
        section.optional("outputs", _folder)
        section.optional("dry_run", flag)
        section.optional("debug", flag)
        section.optional("plugins", texts)
        section.optional("threads", whole)
        section.optional("resume", flag)
        section.optional("on_failure", text)
        section.optional("objective", texts)
        section.optional("export_timeout", number)
        section.put("tracking", _read_tracking(section.section("tracking")))
        section.put("argv", argv)
        section.put("overrides", overrides)
        section.put("run_dir", run_dir)
        settings = section.build(cls)
        if settings is None:
            lines = [f"{key.removeprefix('settings.')} {told}" for key, told in problems]
            raise UserError("; ".join(lines))
        return settings


def setting_names() -> list[str]:
    """Returns the dotted names of all settings that the command line takes, the groups among them."""
    top = [own.name for own in fields(RunSettings) if own.name not in _NOT_WRITTEN]
    return ["recipe", "launch", *top, *(f"tracking.{own.name}" for own in fields(Tracking))]


def _folder(value: object) -> Path:
    path = text(value)
    if path.startswith("~"):
        raise ValueError(f"is {shown(path)}, which the shell did not expand; write it as $HOME/...")
    return Path.cwd() / path


def _read_tracking(section: Section) -> Tracking | None:
    section.optional("uri", text)
    section.optional("experiment", text)
    section.optional("artifacts", texts)
    return section.build(Tracking)


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
