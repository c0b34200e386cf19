"""Settling says what it pruned of what training had kept, and only then."""

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
    PolynomialDecay,
    PruningSchedule,
    UpdatePruningStep,
    prune_low_magnitude,
    settle_masks,
    strip_pruning,
)

X = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(64, 16)).astype(np.float32)
TO_75 = PolynomialDecay(0.0, 0.75, 0, 32, power=1, frequency=1)
"""In 4 epochs of 8 steps: 18.75 % after each."""


def pruned(schedule: PruningSchedule = TO_75, optimizer: Any = "adam") -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    dense = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="dense")])
    model = prune_low_magnitude(dense, schedule)
    model.compile(optimizer, "mse")
    return model


def fit(model: tf_keras.Model, *callbacks: tf_keras.callbacks.Callback, epochs: int = 4) -> None:
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks))


def zeros(model: tf_keras.Model) -> int:
    return int(np.count_nonzero(model.layers[0].get_weights()[0] == 0))


class Worsening(tf_keras.callbacks.Callback):
    """Reports a metric that is best in the second epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_loss"] = abs(epoch - 1)


def restoring() -> tf_keras.callbacks.Callback:
    return tf_keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)


RESTORED = (
    r"dense: kernel 37\.5% -> 75\.0%\. What was.* evaluate the model again\. The weights had been restored"
)
NAMED = r".*runner\.pruning\.EarlyStopping and runner\.pruning\.ModelCheckpoint"


@pytest.mark.parametrize("settle", [strip_pruning, settle_masks])
def test_restored_weights_that_are_pruned_once_more_are_said(settle: Any) -> None:
    model = pruned()
    fit(model, UpdatePruningStep(), Worsening(), restoring())
    assert zeros(model) == 48
    with pytest.warns(UserWarning, match=f"{settle.__name__} has pruned .*{RESTORED}{NAMED}"):
        settled = settle(model) or model
    assert zeros(settled) == 96


def test_so_are_those_that_the_end_of_fit_prunes() -> None:
    model = pruned()
    with pytest.warns(UserWarning, match=f"UpdatePruningStep has pruned .*{RESTORED}"):
        fit(model, Worsening(), restoring(), UpdatePruningStep())
    assert zeros(model) == 96
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        strip_pruning(model)


OUTSIDE = r"\. The weights were changed outside the optimizer, by hand or by averages of them that"


@pytest.mark.parametrize("whole", [True, False], ids=["checkpoint", "kernels"])
def test_weights_that_are_loaded_or_assigned_later_are_no_secret(tmp_path: Path, whole: bool) -> None:
    model = pruned()
    fit(model, UpdatePruningStep(), epochs=2)
    early = model.layers[0].layer.kernel.numpy()
    model.save_weights(tmp_path / "best.weights.h5")
    fit(model, UpdatePruningStep(), epochs=2)
    if whole:
        model.load_weights(tmp_path / "best.weights.h5")
    else:
        model.layers[0].layer.kernel.assign(early)
    with pytest.warns(UserWarning, match=f"strip_pruning has pruned .*{RESTORED if whole else OUTSIDE}"):
        strip_pruning(model)


@pytest.mark.parametrize("overwrite", [None, 4], ids=["at the end", "every 4 steps"])
def test_averages_that_are_written_back_are_named_and_nothing_was_restored(overwrite: int | None) -> None:
    average = {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": overwrite}
    model = pruned(optimizer=tf_keras.optimizers.Adam(0.01, **average))
    fit(model)
    with pytest.warns(UserWarning, match=f"strip_pruning has pruned .*{OUTSIDE}") as told:
        strip_pruning(model)
    assert "restored" not in str(told[0].message)
    assert len(told) == 1


def test_averages_and_a_schedule_that_went_on_are_both_named() -> None:
    average = tf_keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
    model = pruned(PolynomialDecay(0.0, 0.75, 0, 32, power=1, frequency=12), average)
    fit(model, epochs=2)
    model.layers[0].masked_weights[0].step.assign(20)
    with pytest.warns(UserWarning, match=OUTSIDE) as told:
        strip_pruning(model)
    assert "had gone on since the last update" in str(told[0].message)


SETTLING = {
    "by the callback": (lambda model: fit(model, UpdatePruningStep(), epochs=2), settle_masks),
    "by hand": (lambda model: fit(model, epochs=2), settle_masks),
    "by stripping": (lambda model: fit(model, epochs=2), strip_pruning),
}


@pytest.mark.parametrize("how", SETTLING)
def test_a_training_from_the_first_weights_once_more_is_a_training_of_its_own(how: str) -> None:
    train, settle = SETTLING[how]
    model = pruned()
    first = model.get_weights()
    fit(model, UpdatePruningStep())
    settle(model)
    assert zeros(model) == 96
    model.set_weights(first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model)
        settle(model)
    assert (model.layers[0].steps, zeros(model)) == (16, 48)


def test_so_is_one_that_no_optimizer_counts() -> None:
    model = pruned()
    first = model.get_weights()
    for epochs, expected in ((4, (32, 96)), (2, (16, 48))):
        model.set_weights(first)
        callback = UpdatePruningStep()
        callback.set_model(model)
        callback.on_train_begin()
        for _ in range(epochs * 8):
            callback.on_train_batch_begin(-1)
            model.layers[0].layer.kernel.assign_add(tf.ones((8, 16)))
        callback.on_epoch_end()
        callback.on_train_end()
        assert (model.layers[0].steps, zeros(model)) == expected


def test_a_training_goes_on_from_the_step_that_a_checkpoint_holds(tmp_path: Path) -> None:
    model = pruned()
    fit(model, UpdatePruningStep(), epochs=1)
    model.save_weights(tmp_path / "early.weights.h5")
    fit(model, UpdatePruningStep(), epochs=3)
    model.load_weights(tmp_path / "early.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, UpdatePruningStep(), epochs=1)
    assert (model.layers[0].steps, zeros(model)) == (16, 48)


class TakingBack(tf_keras.callbacks.Callback):
    """Restores the first epoch's weights after the third, and lets training go on."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.first = self.model.get_weights()
        if epoch == 2:
            self.model.set_weights(self.first)


def test_steps_that_are_taken_back_in_the_middle_of_training_count_and_are_said() -> None:
    model = pruned()
    told = r"kernel 37\.5% -> 75\.0%.*that a callback took back as it restored earlier weights in the middle"
    with pytest.warns(UserWarning, match=told):
        fit(model, UpdatePruningStep(), TakingBack())
    assert (model.layers[0].steps, zeros(model)) == (32, 96)


def test_a_frozen_layer_of_an_earlier_step_is_no_reason() -> None:
    stack = [layers.Dense(8, name="frozen"), layers.Dense(16, name="dense")]
    model = prune_low_magnitude(tf_keras.Sequential([layers.Input((8,)), *stack]), TO_75)
    first = model.layers[0].masked_weights[0].step.numpy()
    model.compile("adam", "mse")
    fit(model, UpdatePruningStep())
    model.layers[0].masked_weights[0].step.assign(first)
    model.layers[0].trainable = False
    model.layers[1].layer.kernel.assign(tf.ones((8, 16)))
    with pytest.warns(UserWarning, match=OUTSIDE) as told:
        settle_masks(model)
    assert "restored" not in str(told[0].message)


def test_a_schedule_that_went_on_after_the_last_update_is_said() -> None:
    model = pruned(PolynomialDecay(0.0, 0.75, 0, 16, power=1, frequency=100))
    fit(model, epochs=1)
    with pytest.warns(UserWarning, match=r"kernel 4\.7% -> 37\.5%.*had gone on since the last update"):
        strip_pruning(model)


def test_nine_layers_are_not_all_listed() -> None:
    stack = [layers.Dense(8, name=f"dense_{number}") for number in range(9)]
    model = prune_low_magnitude(tf_keras.Sequential([layers.Input((8,)), *stack]), TO_75)
    for wrapper in model.layers:
        wrapper.masked_weights[0].step.assign(16)
    with pytest.warns(UserWarning, match=r"dense_7: kernel 0\.0% -> 37\.5% and 1 more\. What"):
        settle_masks(model)


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        (TO_75, 4),
        (TO_75, 5),
        (TO_75, 2),  # Ended early, and settled by the callback.
        (ConstantSparsity(0.5, 0), 2),
        (ConstantSparsity(0.5, 0, frequency=3), 2),
        (ConstantSparsity(0.5, 100), 1),
        (PolynomialDecay(0.0, 0.75, 0, 16, frequency=100), 2),
    ],
)
@pytest.mark.parametrize(
    "optimizer",
    [lambda: "adam", lambda: tf_keras.optimizers.SGD(0.01, use_ema=True, ema_momentum=0.5)],
    ids=["adam", "averaged"],
)
def test_an_ordinary_training_ends_in_silence(schedule: PruningSchedule, epochs: int, optimizer: Any) -> None:
    model = pruned(schedule, optimizer())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, UpdatePruningStep(), epochs=epochs)
        settle_masks(model)
        if schedule is not None and not (isinstance(schedule, ConstantSparsity) and schedule.begin_step):
            assert zeros(strip_pruning(model)) > 0


def test_without_the_callback_too_where_the_masks_were_up_to_date() -> None:
    for schedule in (TO_75, ConstantSparsity(0.5, 0)):
        model = pruned(schedule)
        fit(model)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            strip_pruning(model)


def test_a_change_by_rounding_is_not_worth_a_word() -> None:
    model = pruned(PolynomialDecay(0.50, 0.504, 0, 16, power=1, frequency=100))
    fit(model, epochs=2)  # One weight of 128.
    model.layers[0].masked_weights[0].step.assign(16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        strip_pruning(model)
