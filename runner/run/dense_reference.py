"""The dense model that pruning begins with: whether it was trained, how good it is, what counts from it."""

from collections.abc import Mapping, Sequence

import numpy as np
import tf_keras

from runner.datasets import Dataset
from runner.export.budget import BudgetResult, Reference, judge_budget
from runner.export.measure import Exported
from runner.plan.matching import listed, named_layers
from runner.process.errors import UserError
from runner.recipe.pattern import fits_any
from runner.recipe.schema import Recipe
from runner.training import Task, predicted


def dense_trained(recipe: Recipe, model: tf_keras.Model) -> bool:
    """Says whether pruning begins with trained weights, so that the dense model's accuracy has a meaning.

    Args:
        recipe: The experiment.
        model: Its model, dense.
    """
    if recipe.training.dense_epochs:
        return True
    loaded = recipe.model.path is not None or recipe.model.weights is not None
    return loaded and not _left_as_built(recipe, model)


def check_reference(recipe: Recipe, model: tf_keras.Model) -> None:
    """Refuses a budget whose drop would count from a model of which a part is random.

    Args:
        recipe: The experiment.
        model: Its model, dense.

    Raises:
        UserError: It asks for a `max_accuracy_drop`, and its weights file was kept from some layers.
    """
    asked = recipe.budget is not None and recipe.budget.max_accuracy_drop is not None
    left = _left_as_built(recipe, model)
    if asked and left and not recipe.training.dense_epochs:
        raise UserError(
            "recipe.budget.max_accuracy_drop: there is no dense accuracy for a drop to count from: of the"
            f" model that pruning begins with, {listed(left)} {'is' if len(left) == 1 else 'are'} left as"
            " built by recipe.model.weights_ignore, untrained. Train the dense model first"
            " (recipe.training.dense_epochs=N), or set a limit that counts from nothing:"
            " recipe.budget.min_accuracy"
        )


def measured_scores(
    model: tf_keras.Model, data: Dataset, task: Task, files: Sequence[Exported]
) -> Mapping[str, float]:
    """Scores the dense model on the test set.

    Args:
        model: The dense model.
        data: Its test set counts.
        task: Judges outputs.
        files: The dense model's files; where float32 was scored, that is taken.

    Returns:
        `loss` and, for classification, `accuracy`.
    """
    for file in files:
        if file.variant == "float32" and file.scores:
            return file.scores
    return task.score(data.y_test, predicted(model, data.x_test))


def guessing(dense: Mapping[str, float], data: Dataset) -> str | None:
    """Warns of a model that is no better than chance: a file does not say whether its head was trained.

    Args:
        dense: Its scores.
        data: What it was scored on.

    Returns:
        The warning; None for a model that has learnt something, and for a regression.
    """
    if "accuracy" not in dense or data.num_classes is None:
        return None
    guessed = np.unique(data.y_test, return_counts=True)[1].max() / len(data.y_test)
    if dense["accuracy"] > guessed:
        return None
    return (
        f"the model that pruning began with has accuracy {dense['accuracy']:.4f}, no better than always"
        f" naming the most frequent class ({guessed:.4f}). If a part of it is untrained, a drop from it means"
        " nothing; recipe.training.dense_epochs=N trains it first"
    )


def judged(
    recipe: Recipe,
    files: Sequence[Exported],
    scores: Mapping[str, float],
    dense: Mapping[str, float] | None,
) -> BudgetResult | None:
    """Holds a run's files against the budget of its recipe.

    Args:
        recipe: The experiment.
        files: Its TFLite files.
        scores: Of the stripped Keras model.
        dense: Of the dense model; None where there is no trained one.

    Returns:
        The verdict; a drop in accuracy counts from the dense model where the recipe limits one and it is
        known, else from the stripped one. None where the recipe has no budget.
    """
    if recipe.budget is None:
        return None
    reference = None
    if "accuracy" in scores:
        reference = Reference(scores["accuracy"], "the Keras model before export")
        if recipe.budget.max_accuracy_drop is not None and dense is not None:
            reference = Reference(dense["accuracy"], "the dense model")
    return judge_budget(recipe.budget, files, reference)


def _left_as_built(recipe: Recipe, model: tf_keras.Model) -> list[str]:
    """Names the layers that a weights file was kept from, such as another head: nothing has trained them."""
    ignored = recipe.model.weights_ignore
    return [
        named.name for named in named_layers(model) if named.layer.weights and fits_any(ignored, named.name)
    ]
