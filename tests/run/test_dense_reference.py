"""The dense model that a run begins with: trained or not, and refused where a drop cannot count from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.datasets import Dataset
from runner.export.measure import Exported
from runner.models import build_model
from runner.process.errors import UserError
from runner.recipe.recipe import Model, Recipe
from runner.report.display import Display
from runner.run.dense_reference import dense_trained, guessing, judged
from runner.run.stages import prepare

SMALL_CNN = {"name": "mnist_cnn", "filters": [2, 2], "dense_units": 4}


def with_weights(folder: Path, *ignored: str, **changed: Any) -> Recipe:
    """A recipe whose model begins with the weights of one for five classes; its own data has four."""
    path = folder / "five.weights.h5"
    filters = {key: value for key, value in SMALL_CNN.items() if key != "name"}
    model = Model(name="mnist_cnn", arguments=filters)
    build_model(model, input_shape=(16, 16, 1), num_classes=5 if ignored else 4).save_weights(path)
    mapping = {
        "data": {"name": "random", "samples": 16, "input_shape": [16, 16, 1], "classes": 4},
        "model": {**SMALL_CNN, "weights": str(path), "weights_ignore": list(ignored)},
        "training": {"epochs": 1, "batch_size": 8, "dense_epochs": changed.pop("dense_epochs", 0)},
        "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
        **changed,
    }
    return Recipe.from_mapping(mapping, name="made", source="made.yaml")


DROP = {"variant": "float32", "max_accuracy_drop": 0.01}


def test_a_drop_cannot_count_from_a_random_head(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare(with_weights(tmp_path, "probabilities", budget=DROP), 1, Display())

    assert str(caught.value) == (
        "recipe.budget.max_accuracy_drop: there is no dense accuracy for a drop to count from: of the model"
        " that pruning begins with, probabilities is left as built by recipe.model.weights_ignore, untrained."
        " Train the dense model first (recipe.training.dense_epochs=N), or set a limit that counts from"
        " nothing: recipe.budget.min_accuracy"
    )


@pytest.mark.parametrize(
    ("ignored", "dense_epochs", "budget", "trained"),
    [
        ((), 0, DROP, True),
        (("probabilities",), 1, DROP, True),
        (("probabilities",), 0, {"variant": "float32", "min_accuracy": 0.1}, False),
        (("probabilities",), 0, None, False),
    ],
)
def test_what_dense_accuracy_there_is(
    tmp_path: Path, ignored: tuple[str, ...], dense_epochs: int, budget: Any, trained: bool
) -> None:
    recipe = with_weights(tmp_path, *ignored, dense_epochs=dense_epochs, budget=budget)

    assert dense_trained(recipe, prepare(recipe, 1, Display()).model) == trained


def test_a_model_that_guesses_is_warned_of() -> None:
    labels = np.array([0, 0, 0, 1, 2])
    x = np.zeros((5, 2), np.float32)
    data = Dataset(
        x_train=x, y_train=labels, x_test=x, y_test=labels, num_classes=3, source="made", requested="made"
    )
    told = guessing({"accuracy": 0.6, "loss": 1.0}, data)
    assert told is not None
    assert told.startswith(
        "the model that pruning began with has accuracy 0.6000, no better than always naming the most"
        " frequent class (0.6000)."
    )
    assert guessing({"accuracy": 0.61, "loss": 1.0}, data) is None
    assert guessing({"loss": 1.0}, data) is None


@pytest.mark.parametrize(
    ("budget", "scores", "dense", "reference"),
    [
        (DROP, {"accuracy": 0.8}, {"accuracy": 0.9}, "the dense model"),
        (DROP, {"accuracy": 0.8}, None, "the Keras model before export"),
        (
            {"variant": "float32", "min_accuracy": 0.5},
            {"accuracy": 0.8},
            {"accuracy": 0.9},
            "the Keras model before export",
        ),
        ({"variant": "float32", "max_bytes": 10}, {"loss": 1.0}, {"loss": 0.5}, None),
    ],
)
def test_what_a_drop_counts_from(
    tmp_path: Path,
    budget: dict[str, Any],
    scores: dict[str, float],
    dense: dict[str, float] | None,
    reference: str | None,
) -> None:
    file = Exported("float32", Path("m.tflite"), 9, 1, loads=True, scores={"accuracy": 0.795})
    verdict = judged(with_weights(tmp_path, budget=budget), [file], scores, dense)
    assert verdict is not None
    assert (verdict.reference and verdict.reference.name) == reference
    assert verdict.kept == (dense is None or budget is not DROP)


def test_without_a_budget_there_is_no_verdict(tmp_path: Path) -> None:
    assert judged(with_weights(tmp_path), [], {"accuracy": 0.8}, None) is None
