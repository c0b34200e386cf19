from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.process.errors import UserError
from runner.recipe.recipe import Training
from runner.training import Task, task_for


def model(*last: layers.Layer) -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input((4,)), *last])


def logits() -> tf_keras.Model:
    return model(layers.Dense(3))


def task(classes: int | None = 3, *, of: tf_keras.Model | None = None, **keys: Any) -> Task:
    return task_for(Training(1, 8, **keys), of or logits(), classes)


def test_classes_are_scored_by_crossentropy_and_accuracy() -> None:
    outputs = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], np.float32))
    made = task()

    scores = made.score(np.array([0, 2]), outputs)

    assert (made.metrics, made.classifies) == (("accuracy",), True)
    assert scores["loss"] == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert scores["accuracy"] == 0.5


def test_probabilities_are_not_taken_for_logits() -> None:
    made = task(of=model(layers.Dense(3, activation="softmax")))

    scores = made.score(np.array([0, 2]), np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], np.float32))

    assert scores["loss"] == pytest.approx((np.log(2) + np.log(4)) / 2)


def test_regression_reports_the_mean_squared_error_and_no_accuracy() -> None:
    made = task(None)

    scores = made.score(np.zeros((2, 2), np.float32), np.array([[1, 1], [3, 1]], np.float32))

    assert (made.metrics, made.classifies) == (("mean_squared_error",), False)
    assert scores == {"loss": 3.0, "mean_squared_error": 3.0}


def test_every_regression_has_the_mean_squared_error_whatever_its_loss() -> None:
    targets, outputs = np.zeros((2, 2), np.float32), np.array([[1, 1], [3, 1]], np.float32)
    by_loss = {
        loss: task(None, loss=loss).score(targets, outputs)
        for loss in ("mean_squared_error", "mean_absolute_error", "huber")
    }

    assert {loss: scores["loss"] for loss, scores in by_loss.items()} == {
        "mean_squared_error": 3.0,
        "mean_absolute_error": 1.5,
        "huber": 1.0,
    }
    assert {scores["mean_squared_error"] for scores in by_loss.values()} == {3.0}


def test_errors_of_large_outputs_are_squared_without_overflow() -> None:
    made = task(None, loss="mean_absolute_error")
    scores = made.score(np.zeros((1, 1), np.float32), np.full((1, 1), 1e30, np.float32))
    assert scores["mean_squared_error"] == pytest.approx(1e60)


def test_the_recipe_can_name_loss_and_metrics() -> None:
    made = task(None, loss="mean_absolute_error", metrics=("mean_squared_error",))

    assert made.metrics == ("mean_squared_error",)
    assert made.score(np.zeros((1, 2), np.float32), np.array([[1, 3]], np.float32)) == {
        "loss": 2.0,
        "mean_squared_error": 5.0,
    }
    assert task(metrics=()).metrics == ()
    assert task(metrics=("crossentropy", "accuracy")).metrics == ("crossentropy", "accuracy")


def test_a_named_crossentropy_still_follows_the_models_output() -> None:
    outputs = np.log(np.array([[0.5, 0.25, 0.25]], np.float32))

    assert task(loss="sparse_categorical_crossentropy").score(np.array([0]), outputs)[
        "loss"
    ] == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["crossentropy", "ce", "sparse_categorical_crossentropy"])
@pytest.mark.parametrize("last", [layers.Dense(3), layers.Dense(3, activation="softmax")])
def test_a_crossentropy_among_the_metrics_follows_the_models_output_too(
    name: str, last: layers.Layer
) -> None:
    tf_keras.utils.set_random_seed(1)
    built = model(last)
    made = task(of=built, metrics=(name,))
    x, y = np.random.default_rng(0).normal(0, 3, (8, 4)), np.arange(8) % 3

    built.compile(loss=made.loss, metrics=made.compiled_metrics())

    found = built.evaluate(x, y, verbose=0, return_dict=True)
    assert found[name] == pytest.approx(found["loss"], rel=1e-5)
    assert made.score(y, built(x).numpy())["loss"] == pytest.approx(found["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"loss": "mean_square"},
            "recipe.training.loss: Keras has no loss called 'mean_square'. Did you mean 'mean_squared_error'?"
            " Usual ones: sparse_categorical_crossentropy, mean_squared_error, mean_absolute_error, huber,"
            " log_cosh.",
        ),
        (
            {"metrics": ("acuracy",)},
            "recipe.training.metrics: Keras has no metric called 'acuracy'. Did you mean 'accuracy'? Usual"
            " ones: accuracy, sparse_categorical_crossentropy, sparse_top_k_categorical_accuracy,"
            " mean_squared_error, mean_absolute_error.",
        ),
        (
            {"loss": "accuracy"},
            "recipe.training.loss: Keras has no loss called 'accuracy'. Usual ones: sparse_categ",
        ),
        (
            {"loss": "mean_squared_error"},
            "recipe.training.loss: mean_squared_error does not fit class numbers and outputs of shape (3,).",
        ),
        (
            {"loss": "categorical_crossentropy"},
            "recipe.training.loss: categorical_crossentropy does not fit class numbers and outputs of shape",
        ),
    ],
)
def test_losses_and_metrics_that_cannot_be_are_told(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        task(**keys)

    assert str(caught.value).startswith(told)


def test_a_crossentropy_does_not_fit_a_regression() -> None:
    two_axes = tf_keras.Sequential([layers.Input((None, 4)), layers.Dense(3)])

    with pytest.raises(UserError) as caught:
        task(None, of=two_axes, loss="sparse_categorical_crossentropy")

    assert str(caught.value).startswith(
        "recipe.training.loss: sparse_categorical_crossentropy does not fit targets of shape (None, 3)"
    )
