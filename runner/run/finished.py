"""A run whose results are known, for what shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tf_keras

from runner.recipe.recipe import Recipe
from runner.run.stages import Prepared, Proven
from runner.training import History
from runner.training.dense_checkpoint import DenseCheckpoint


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run whose results are known, good or bad.

    Args:
        recipe: The experiment.
        prepared: What it began with; its model is the dense one.
        wrapped: The trained model, its wrappers on.
        history: What training measured.
        proven: What was shown.
        dense: The dense weights that pruning began with; None without dense training.
        folder: The run's, with recipe, provenance and TFLite files.
        run_id: In MLflow.
        seconds: How long each stage took, by name.
    """

    recipe: Recipe
    prepared: Prepared
    wrapped: tf_keras.Model
    history: History
    proven: Proven
    dense: DenseCheckpoint | None
    folder: Path
    run_id: str
    seconds: Mapping[str, float]
