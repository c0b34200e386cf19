"""The callbacks: the steps they count, the masks they settle, what they write for TensorBoard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import PolynomialDecay, PruningSummaries, UpdatePruningStep, prune_low_magnitude
from runner.pruning.wrapper import wrappers

X = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)


def model(**options: Any) -> tf_keras.Model:
    """128 weights; to 75 % at step 8 by equal steps, in an update of every second step."""
    dense = tf_keras.Sequential([layers.Dense(16, input_shape=(8,), name="dense", **options)])
    return prune_low_magnitude(dense, PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=2))


def zeros(pruned: tf_keras.Model) -> int:
    return int(np.count_nonzero(pruned.layers[0].get_weights()[0] == 0))


def step(pruned: tf_keras.Model) -> int:
    return int(wrappers(pruned)[0].pruning_step.numpy())


def assign(pruned: tf_keras.Model) -> None:
    """One step of a loop that has no optimizer."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(pruned(X, training=True)))
    for weight, gradient in zip(
        pruned.trainable_variables, tape.gradient(loss, pruned.trainable_variables), strict=True
    ):
        weight.assign_sub(0.01 * gradient)


@pytest.mark.parametrize(
    "end", [{"batch": -1}, {"epoch": 0}, {}], ids=["TFMOT's name", "Keras's name", "none"]
)
def test_a_loop_without_an_optimizer_is_pruned_at_each_epochs_end(end: dict[str, int]) -> None:
    pruned = model()
    callback = UpdatePruningStep()
    callback.set_model(pruned)
    callback.on_train_begin()
    seen = []
    for _ in range(3):
        for _ in range(3):
            callback.on_train_batch_begin(batch=-1)
            assign(pruned)
        callback.on_epoch_end(**end)
        seen.append((step(pruned), zeros(pruned)))
    assert seen == [(3, 36), (6, 72), (9, 96)]  # 3/8 and 6/8 of 0.75 of 128, and the target


def test_an_optimizer_that_counts_is_left_to_it() -> None:
    pruned = model()
    optimizer = tf_keras.optimizers.SGD(0.01)
    callback = UpdatePruningStep()
    callback.set_model(pruned)
    callback.on_train_begin()
    for _ in range(3):
        callback.on_train_batch_begin(batch=-1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(pruned(X, training=True)))
        optimizer.minimize(loss, pruned.trainable_variables, tape=tape)
    callback.on_epoch_end(batch=-1)
    assert (step(pruned), zeros(pruned)) == (3, 24)  # the update of step 2; step 3 is off the grid


def test_a_second_training_counts_on_from_the_first() -> None:
    pruned = model()
    pruned.compile("sgd", "mse")
    callback = UpdatePruningStep()
    for expected in (36, 72, 96):
        pruned.fit(X, np.zeros((32, 16)), batch_size=11, verbose=0, callbacks=[callback])  # 3 steps
        assert zeros(pruned) == expected


def test_what_was_frozen_meanwhile_goes_on_from_its_own_step() -> None:
    schedule = PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=2)
    stack = [layers.Input((8,)), layers.Dense(16, name="early"), layers.Dense(16, name="late")]
    pruned = prune_low_magnitude(tf_keras.Sequential(stack), schedule)
    early, late = wrappers(pruned)
    for frozen in (late, early):
        early.trainable = late.trainable = True
        frozen.trainable = False
        pruned.compile("sgd", "mse")
        pruned.fit(X, np.zeros((32, 16)), batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    assert [int(wrapper.pruning_step.numpy()) for wrapper in (early, late)] == [4, 4]
    assert [int(np.count_nonzero(w.layer.kernel.numpy() == 0)) for w in (early, late)] == [48, 96]


def events(folder: Path) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, round(float(tf.make_ndarray(value.tensor)), 6))
        for file in sorted((folder / "pruning").iterdir())
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]


def test_summaries_are_written_as_epochs_begin_and_end(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    pruned = model()
    pruned.compile("sgd", "mse")
    pruned.fit(
        X, np.zeros((32, 16)), batch_size=11, epochs=2, verbose=0, callbacks=[PruningSummaries(str(tmp_path))]
    )
    sparsities = [(at, value) for tag, at, value in events(tmp_path) if tag == "dense/kernel/sparsity"]
    assert sparsities == [(0, 0.0), (3, 0.1875), (6, 0.5625)]  # each once, though an epoch begins at 3 too
    thresholds = [value for tag, _, value in events(tmp_path) if tag == "dense/kernel/threshold"]
    assert thresholds == sorted(thresholds)
    assert len(thresholds) == 3
    assert thresholds[-1] > 0.01


@pytest.mark.parametrize("optimizer", [None, lambda: tf_keras.optimizers.SGD(0.01)], ids=["none", "set"])
def test_a_loop_by_hand_writes_when_its_epochs_begin(
    tmp_path: Path, optimizer: Callable[[], Any] | None
) -> None:
    pytest.importorskip("tensorboard")
    pruned = model()
    pruned.optimizer = optimizer and optimizer()
    steps, log = UpdatePruningStep(), PruningSummaries(log_dir=str(tmp_path))
    steps.set_model(pruned)
    log.set_model(pruned)
    steps.on_train_begin()
    for _ in range(2):
        log.on_epoch_begin(epoch=-1)
        for _ in range(4):
            steps.on_train_batch_begin(batch=-1)
            if optimizer is None:
                assign(pruned)
                continue
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(pruned(X, training=True)))
            pruned.optimizer.minimize(loss, pruned.trainable_variables, tape=tape)
        steps.on_epoch_end(batch=-1)
    sparsities = [(at, value) for tag, at, value in events(tmp_path) if tag == "dense/kernel/sparsity"]
    assert sparsities == [(0, 0.0), (4, 0.375)]


@pytest.mark.parametrize("folder", ["", None, 7])
def test_summaries_need_the_path_of_a_directory(folder: Any) -> None:
    with pytest.raises(ValueError, match="must be the path of a directory"):
        PruningSummaries(log_dir=folder)
