"""Choosing among epochs: only those count from where every schedule stays at its final level."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import (
    ConstantSparsity,
    EarlyStopping,
    ExponentialSparsity,
    ModelCheckpoint,
    PolynomialDecay,
    PruningSchedule,
    UpdatePruningStep,
    prune_low_magnitude,
    strip_pruning,
    update_masks,
)
from runner.pruning.best_epochs import at_final_level

X = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(64, 16)).astype(np.float32)
TO_75 = PolynomialDecay(0.0, 0.75, 0, 24, power=1, frequency=1)
"""At its end with the third epoch of 8 steps."""


def pruned(schedule: PruningSchedule = TO_75, **wrap: Any) -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    dense = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="dense")])
    model = prune_low_magnitude(dense, schedule, **wrap)
    model.compile("adam", "mse")
    return model


def fit(model: tf_keras.Model, *callbacks: tf_keras.callbacks.Callback, epochs: int) -> int:
    """Trains on; returns how many epochs were run."""
    steps = UpdatePruningStep()
    done = model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[steps, Rising(), *callbacks])
    return len(done.epoch)


def zeros(model: tf_keras.Model) -> int:
    return int(np.count_nonzero(model.layers[0].get_weights()[0] == 0))


class Rising(tf_keras.callbacks.Callback):
    """Reports a loss that is the better the earlier the epoch, as denser models' are."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_loss"] = float(epoch)


def test_early_stopping_waits_for_the_final_level_and_restores_from_there() -> None:
    model = pruned()
    assert fit(model, EarlyStopping(patience=2, restore_best_weights=True), epochs=9) == 5
    assert model.layers[0].steps == 24  # Restored: the end of the third epoch.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert zeros(strip_pruning(model)) == zeros(model) == 96


def test_keras_own_stops_and_restores_too_early() -> None:
    model = pruned()
    keras = tf_keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    assert fit(model, keras, epochs=9) == 3
    assert zeros(model) == 32


@pytest.mark.parametrize("save_freq", ["epoch", 4])
def test_the_best_checkpoint_is_at_the_final_level(tmp_path: Path, save_freq: Any) -> None:
    model, path = pruned(), str(tmp_path / "best.weights.h5")
    watched = "loss" if save_freq == 4 else "val_loss"
    best = ModelCheckpoint(
        path, monitor=watched, save_best_only=True, save_weights_only=True, save_freq=save_freq
    )
    fit(model, best, epochs=5)
    again = pruned()
    again.load_weights(path)
    assert zeros(again) == 96
    assert again.layers[0].steps >= 24


def test_checkpoints_of_every_epoch_are_all_saved(tmp_path: Path) -> None:
    each = ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    fit(pruned(), each, epochs=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]


def test_that_no_epoch_counted_is_said(tmp_path: Path) -> None:
    saved = tmp_path / "best.keras"
    for callback, told in (
        (
            EarlyStopping(restore_best_weights=True),
            "EarlyStopping has stopped and restored nothing: in no epoch",
        ),
        (
            ModelCheckpoint(str(saved), save_best_only=True),
            f"ModelCheckpoint has saved nothing to {saved}: in",
        ),
    ):
        with pytest.warns(UserWarning, match=told):
            assert fit(pruned(), callback, epochs=2) == 2
    assert not saved.exists()


def test_without_pruning_they_are_keras_own() -> None:
    plain = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16)])
    plain.compile("adam", "mse")
    assert fit(plain, EarlyStopping(patience=2), epochs=9) == 3


class Stairs(PruningSchedule):
    """Of a user: no end is named, and the masks follow every fourth step."""

    def __call__(self, step: Any) -> tuple[Any, Any]:
        rise = tf.where(tf.cast(step, tf.int64) < 10, 0.25, 0.5)
        return self._should_prune_in_step(step, 0, -1, 4), rise

    def get_config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("schedule", "first"),
    [
        (PolynomialDecay(0.0, 0.75, 2, 9, frequency=100), 9),
        (PolynomialDecay(0.5, 0.5, 2, 9, frequency=3), 2),
        (ConstantSparsity(0.5, 3), 3),
        (ConstantSparsity(0.5, 0, end_step=12, frequency=5), 1),
        (ConstantSparsity(0.5, 5, end_step=12, frequency=5), 5),
        (ExponentialSparsity(0.75, 0, 12, rate=0.3, frequency=2), 8),  # Capped before its end.
        (Stairs(), 12),  # The value rises at step 10, the mask at 12.
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, PruningSchedule) else str(value),
)
@pytest.mark.parametrize("wrap", [{}, {"block_size": (4, 1)}], ids=["single", "block"])
def test_the_first_step_at_the_final_level(
    schedule: PruningSchedule, first: int, wrap: dict[str, Any]
) -> None:
    model, final = pruned(schedule, **wrap), []
    for step in range(1, 17):
        update_masks(model)
        final.append(at_final_level(model, steps_left=16 - step))
    assert final == [step >= first for step in range(1, 17)]


def test_where_nobody_knows_the_end_as_many_steps_again_are_asked_for() -> None:
    model = pruned(Stairs())
    final = []
    for _ in range(1, 17):
        update_masks(model)
        final.append(at_final_level(model, steps_left=None))
    # Step 4 sets the first mask, and up to step 8 the value is the same; step 12 sets the last one.
    assert final == [False] * 3 + [True] + [False] * 7 + [True] * 5


def test_frozen_layers_do_not_count_and_all_others_do() -> None:
    model = pruned()
    model.layers[0].trainable = False
    assert at_final_level(model, 8)
    stack = [layers.Input((8,)), layers.Dense(8, name="late"), layers.Dense(8, name="early")]
    both = prune_low_magnitude(tf_keras.Sequential(stack), TO_75)
    both.layers[1].settle(24)
    assert not at_final_level(both, 8)
    both.layers[0].settle(24)
    assert at_final_level(both, 8)
