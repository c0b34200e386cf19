"""Runs whose parts are made by hand: nothing is trained, written or logged."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from rich.console import RenderableType

from runner.datasets import Dataset
from runner.export.advice import Advice, Ratios
from runner.export.measure import Exported
from runner.plan import Plan, PlannedWeight
from runner.pruning.schedules import ConstantSparsity
from runner.pruning.structures import Unstructured
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.report.parts import Exports, Fitted, ModelSize, Prepared, Proof, Run
from runner.settings import RunSettings
from runner.training import History, Progress
from runner.verify import CheckRow, SparsityCheck

RECIPE = Recipe.from_mapping(
    {
        "data": {"name": "random"},
        "model": {"name": "two_conv"},
        "training": {"epochs": 1, "batch_size": 100},
        "layers": {"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.75}}},
    },
    name="mine",
    source="here",
)
# 750 of 1000 weights.
WEIGHT = PlannedWeight(
    layer="dense",
    layer_type="Dense",
    weight="kernel",
    shape=(25, 40),
    kernel_shape=(25, 40),
    rule="all",
    structure=Unstructured(),
    schedule=ConstantSparsity(0.75, 0, 0),
    total_steps=100,
)
PLAN = Plan((WEIGHT,), (), steps_per_epoch=100, total_steps=100)
FILE = Exported("float32", Path("a"), 900, 400, loads=True, scores={"accuracy": 0.9})
RATIOS = Ratios(0.12, 0.1, 1.3, told_apart=True)
ADVICE = Advice(RATIOS, "float32", RATIOS, True, "everywhere", "zeros take room", None)
PROVENANCE = {
    "argv": ["runner", "recipe=mine"],
    "git_sha": "abc",
    "git_dirty": False,
    "versions": {"python": "3.11"},
    "platform": "Linux",
    "threads": 2,
    "recipe_hash": "0123",
    "data_sha256": "4567",
    "model_sha256": {},
}


class Reported:
    """A reporter that keeps what it gets."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.printed: list[RenderableType] = []
        self.notes: list[tuple[str, str]] = []
        self.steps: list[tuple[int, int, int]] = []

    def say(self, shown: str) -> None:
        self.said.append(shown)

    def training(self, progress: Progress, epochs: int, total_steps: int) -> None:
        self.steps.append((progress.step, epochs, total_steps))

    def print(self, *what: RenderableType) -> None:
        self.printed += what

    def note(self, text: str, kind: str = "note") -> None:
        self.notes.append((kind, text))


def row(point: str, zeros: int = 750, problem: str | None = None) -> CheckRow:
    return CheckRow(
        layer="dense",
        weight="kernel",
        point=point,
        shape=(25, 40),
        planned_zeros=750,
        zeros=zeros,
        sparsity=zeros / 1000,
        pattern="unstructured",
        pattern_ok=None,
        passed=problem is None,
        problem=problem,
    )


def samples(count: int = 10_000) -> Dataset:
    """Three classes."""
    x, y = np.zeros((count, 2), np.float32), np.zeros(count, np.int64)
    return Dataset(
        x_train=x[:9], y_train=y[:9], x_test=x, y_test=y, num_classes=3, source="made", requested="made"
    )


def made_run(
    folder: Path = Path("run"),
    *,
    recipe: Recipe = RECIPE,
    data: Dataset | None = None,
    prepared: Mapping[str, Any] | None = None,
    proof: Mapping[str, Any] | None = None,
    exports: Mapping[str, Any] | None = None,
) -> Run:
    """Makes a run that went well.

    Args:
        folder: Its own.
        recipe: Its own.
        data: What it was trained and tested on; by default 10,000 test samples.
        prepared: What differs in this part.
        proof: Likewise.
        exports: Likewise.
    """
    data = data or samples()
    content = Ingredients("4567", {}, {}, {}, {})
    anything: Any = None
    run = Run(recipe, RunSettings(seed=3), Reported())
    run.folder, run.provenance, run.dense = folder, PROVENANCE, None
    tracker: Any = SimpleNamespace(run_id="cafe", shown_at=("MLflow: there",))
    run.tracker = tracker
    run.prepared = replace(
        Prepared(data, data.split(0.0), anything, True, anything, PLAN, anything, content), **(prepared or {})
    )
    run.fitted = Fitted(anything, History(()))
    run.proof = replace(
        Proof(
            model=anything,
            outputs=np.zeros(0),
            scores={"accuracy": 0.9, "loss": 0.3},
            expected=(),
            rows=[row(point) for point in ("trained", "stripped", "saved")],
            sparsity={"pruned_layers": 0.75, "model": 0.5, "layers": {"dense": 0.75}},
            size=ModelSize(1500, 750, None, "no layer is known", 4000),
        ),
        **(proof or {}),
    )
    run.exports = replace(
        Exports(
            files=[FILE],
            dense=[replace(FILE, bytes=7500)],
            check=SparsityCheck((row("tflite_float32"),)),
            advice={"float32": ADVICE},
            dense_scores={"accuracy": 0.95, "loss": 0.2},
            budget=None,
        ),
        **(exports or {}),
    )
    return run
