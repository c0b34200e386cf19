from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.datasets import Dataset
from runner.process.errors import RunFailed
from runner.recipe.recipe import Optimizer, Training
from runner.training import Progress, make_deterministic, task_for
from runner.training.dense import dense_steps, train_dense
from runner.training.dense_checkpoint import DenseResult


def blobs() -> Dataset:
    """Three classes, 40 samples for training and 10 for testing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 50)
    x = (rng.normal(size=(50, 4)) + 2 * np.eye(3, 4)[y]).astype(np.float32)
    return Dataset(
        x_train=x[:40],
        y_train=y[:40],
        x_test=x[40:],
        y_test=y[40:],
        num_classes=3,
        source="blobs",
        requested="blobs",
    )


def classifier() -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(8, activation="tanh", name="hidden"),
            layers.Dropout(0.5, name="dropout"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ]
    )


TRAINING = Training(
    epochs=7, batch_size=8, optimizer=Optimizer("sgd", 0.1, {"momentum": 0.9}), dense_epochs=3
)


class Trained:
    """A dense training and all that it said."""

    def __init__(self, training: Training = TRAINING, data: Dataset | None = None, split: float = 0.25):
        self.data = data or blobs()
        make_deterministic(3)
        self.model = classifier()
        self.first = self.model.get_weights()
        self.task = task_for(training, self.model, 3)
        self.seen: list[Progress] = []
        self.recorded: list[tuple[int, dict[str, float]]] = []
        self.weights, self.result = self._train(training, split)

    def _train(self, training: Training, split: float) -> tuple[list[Any], DenseResult]:
        return train_dense(
            self.model,
            self.data.split(split),
            self.task,
            training,
            watch=self.seen.append,
            record=lambda step, metrics: self.recorded.append((step, metrics)),
        )


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained()


def test_the_weights_are_those_of_keras_own_fit(trained: Trained) -> None:
    make_deterministic(3)
    classifier()  # The copy that is trained is the second model.
    model = classifier()
    model.set_weights(trained.first)
    optimizer = tf_keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    x, y, *_ = trained.data.split(0.25)
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)

    assert [a.tobytes() for a in trained.weights] == [b.tobytes() for b in model.get_weights()]


def test_the_model_itself_is_left_as_it_was(trained: Trained) -> None:
    after = trained.model.get_weights()

    assert [a.tobytes() for a in after] == [b.tobytes() for b in trained.first]
    assert not any(np.array_equal(a, b) for a, b in zip(trained.weights, trained.first, strict=True))
    assert getattr(trained.model, "optimizer", None) is None


def test_what_it_is_worth_is_measured_on_the_test_set(trained: Trained) -> None:
    model = classifier()
    model.set_weights(trained.weights)
    outputs = model.predict(trained.data.x_test, verbose=0)
    labels = trained.data.y_test

    assert trained.result.accuracy == float(np.mean(outputs.argmax(-1) == labels))
    assert trained.result.loss == pytest.approx(float(-np.log(outputs[np.arange(10), labels]).mean()))
    # Steps of 8 of 30 samples: four an epoch.
    assert trained.result.steps == dense_steps(TRAINING, trained.data.split(0.25)) == 12
    assert 0 < trained.result.seconds < 120


def test_each_epoch_is_recorded_by_keras_names_and_kept(trained: Trained) -> None:
    assert [step for step, _ in trained.recorded] == [4, 8, 12]
    assert [sorted(metrics) for _, metrics in trained.recorded] == [
        ["accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    ] * 3
    assert trained.result.history == tuple(trained.recorded)


def test_progress_counts_the_dense_epochs(trained: Trained) -> None:
    ends = [(seen.epoch, seen.step) for seen in trained.seen if seen.epoch_ended]

    assert ends == [(1, 4), (2, 8), (3, 12)]
    assert len(trained.seen) == 15
    assert trained.seen[-1].sparsity == {}


def test_without_a_validation_set_only_training_is_recorded() -> None:
    run = Trained(Training(1, 8, dense_epochs=1), split=0.0)

    assert [(step, sorted(metrics)) for step, metrics in run.recorded] == [
        (5, ["accuracy", "learning_rate", "loss"])
    ]


def test_a_loss_that_is_not_finite_is_said_to_be_the_dense_trainings() -> None:
    told = (
        r"^dense training: the loss became (nan|inf) at training step \d+ \(epoch 1 of 2\)\. The usual remedy"
    )

    with pytest.raises(RunFailed, match=told):
        Trained(Training(1, 8, Optimizer("sgd", 1e30), dense_epochs=2))


def test_a_test_loss_that_is_not_finite_fails() -> None:
    data = blobs()
    data.x_test[0, 0] = np.nan

    with pytest.raises(RunFailed, match=r"^dense training: the loss on the test set is nan after 4 "):
        Trained(Training(1, 8, dense_epochs=1), data)
