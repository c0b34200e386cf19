"""One run as a value: what was asked, and the part that each of its stages completes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tf_keras
from rich.console import RenderableType

from runner.datasets import Dataset, ResolvedData, Split
from runner.export.advice import Advice
from runner.export.budget import BudgetResult
from runner.export.measure import Exported
from runner.plan import Plan
from runner.process.interruption import stop_if_interrupted
from runner.pruning.macs import Macs
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.settings import RunSettings
from runner.training import History, Progress, Task
from runner.training.dense_checkpoint import DenseCheckpoint
from runner.verify import CheckRow, PrunedWeight, SparsityCheck

if TYPE_CHECKING:
    from runner.tracking import Tracker


class Reporter(Protocol):
    """What stages report to, such as `runner.report.display.Display`."""

    def say(self, shown: str) -> None:
        """Shows what is being done."""

    def training(self, progress: Progress, epochs: int, total_steps: int) -> None:
        """Shows how far a training is."""

    def print(self, *what: RenderableType) -> None:
        """Prints results: text as it is, tables and curves."""

    def note(self, text: str, kind: str = "note") -> None:
        """Prints what the user should know, and passes it on to the sweep, if there is one."""


@dataclass(frozen=True)
class Membership:
    """What a sweep gives one of its runs.

    Args:
        name: The run's name in MLflow: the values of what was swept.
        parent_run_id: The sweep's run in MLflow.
        data: The content that the recipe's data must have; None where the sweep does not know it.
        begun: Called with the run's id in MLflow and its folder, as soon as it has them.
        noted: Called with each note and warning that the run prints.
    """

    name: str
    parent_run_id: str
    data: ResolvedData | None
    begun: Callable[[str | None, Path | None], None]
    noted: Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is known before anything is trained or written.

    Args:
        data: The loaded data.
        split: Its samples to train on, to validate and to test.
        model: The dense model; the dense stage puts trained weights into it.
        trained: Whether pruning begins with trained weights, so that the dense accuracy has a meaning.
        task: Loss and metrics.
        plan: The rules resolved against the model.
        optimizer: To prune with; not used yet.
        ingredients: What the result is computed from, by content.
    """

    data: Dataset
    split: Split
    model: tf_keras.Model
    trained: bool
    task: Task
    plan: Plan
    optimizer: tf_keras.optimizers.Optimizer
    ingredients: Ingredients


@dataclass(frozen=True, eq=False)
class Fitted:
    """The trained model with its wrappers, and what training measured."""

    model: tf_keras.Model
    history: History


@dataclass(frozen=True, eq=False)
class Proof:
    """The Keras model after training, checked and evaluated.

    Args:
        model: Stripped; also in `model.keras`.
        outputs: For the test set `[n, ...]`.
        scores: Of these outputs; see `Task.score`.
        expected: The pruned weights and their masks, which every file must contain.
        rows: The sparsity check after training, after strip and in `model.keras`.
        sparsity: Measured shares of zeros after strip; see `sparsity_summary`.
        size: Its size.
    """

    model: tf_keras.Model
    outputs: np.ndarray
    scores: Mapping[str, float]
    expected: Sequence[PrunedWeight]
    rows: Sequence[CheckRow]
    sparsity: Mapping[str, Any]
    size: "ModelSize"


@dataclass(frozen=True)
class ModelSize:
    """The size of a Keras model: its weights (biases and statistics included) and `model.keras` after gzip.

    Args:
        macs: Multiply-accumulates of one inference; None where they cannot be counted.
        macs_unknown: Why not; empty where they are counted.
    """

    weights: int
    nonzero_weights: int
    macs: Macs | None
    macs_unknown: str
    gzip_bytes: int


@dataclass(frozen=True)
class Exports:
    """The TFLite files, measured and checked.

    Args:
        files: The pruned model's.
        dense: The dense model's, by the same names; empty where they were not asked for.
        check: The sparsity check of `files`.
        advice: On each of `files`, by variant.
        dense_scores: Of the weights that pruning began with; None where these are not trained.
        budget: Whether the recipe's budget was kept; None where it has none.
    """

    files: Sequence[Exported]
    dense: Sequence[Exported]
    check: SparsityCheck
    advice: Mapping[str, Advice]
    dense_scores: Mapping[str, float] | None
    budget: BudgetResult | None

    @property
    def dense_float32(self) -> bool:
        """Whether the dense float32 file, which others are compared with, was made."""
        return any(file.variant == "float32" and file.bytes is not None for file in self.dense)


def errors(files: Sequence[Exported]) -> list[tuple[str, str]]:
    """Returns what is wrong with files, each error once, after the names of the files that have it."""
    names: dict[str, list[str]] = {}
    for file in files:
        if file.error is not None:
            names.setdefault(file.error, []).append(file.variant)
    return [(", ".join(variants), error) for error, variants in names.items()]


@dataclass(eq=False, repr=False)
class Run:
    """One run. A part is there when its stage is done; to read it before is an AttributeError.

    Args:
        recipe: The experiment.
        settings: Seed, folders, tracking.
        reporter: Shows what is done.
        member: The sweep that it is a job of; None for a run by itself.

    Attributes:
        seconds: How long each stage took, by name.
        summary: The content of `summary.json` so far.
        folder: Where its files are.
        provenance: The content of `provenance.json`.
        tracker: Logs to its run in MLflow.
        dense: The dense weights that pruning began with; None without dense training.
    """

    recipe: Recipe
    settings: RunSettings
    reporter: Reporter
    member: Membership | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    prepared: Prepared = field(init=False)
    folder: Path = field(init=False)
    provenance: Mapping[str, Any] = field(init=False)
    tracker: "Tracker" = field(init=False)
    dense: DenseCheckpoint | None = field(init=False)
    fitted: Fitted = field(init=False)
    proof: Proof = field(init=False)
    exports: Exports = field(init=False)

    @contextmanager
    def stage(self, name: str, shown: str) -> Iterator[None]:
        """Times a stage, or a part of one.

        Args:
            name: Its key in `seconds`.
            shown: What is reported meanwhile.

        Raises:
            KeyboardInterrupt: The command is to end.
        """
        self.say(shown)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - began, 3)

    def say(self, shown: str) -> None:
        """Reports what is being done; raises KeyboardInterrupt where the command is to end."""
        stop_if_interrupted()
        self.reporter.say(shown)

    def watch(self, epochs: int, total_steps: int) -> Callable[[Progress], None]:
        """Returns what a training calls after each step: it reports, and ends where the command is to end."""

        def watch(progress: Progress) -> None:
            stop_if_interrupted()
            self.reporter.training(progress, epochs, total_steps)

        return watch

    def record(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs what was measured at a training step."""
        self.tracker.log_metrics(metrics, step)

    @property
    def check(self) -> SparsityCheck:
        """The sparsity check at all of its points."""
        return SparsityCheck((*self.proof.rows, *self.exports.check.rows), self.exports.check.problems)

    @property
    def failures(self) -> list[str]:
        """What makes the run a failed one, with headings; empty for a good run."""
        budget = self.exports.budget
        found = {
            "The sparsity check did not pass:": self.check.failures,
            "These TFLite files could not be made, or do not run:": [
                f"{names}: {error}" for names, error in errors(self.exports.files)
            ],
            "The budget was not kept:": budget.misses if budget else (),
        }
        return [line for heading, lines in found.items() if lines for line in (heading, *lines)]
