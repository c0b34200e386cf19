"""A step is one application of gradients: with accumulation in train steps, optimizers and loops."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import PolynomialDecay, UpdatePruningStep, prune_low_magnitude, strip_pruning
from runner.pruning.wrapper import wrappers

X = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(64, 16)).astype(np.float32)
EVERY = 4
"""Batches whose gradients are accumulated."""


def pruned(end_step: int = 32) -> tf_keras.Model:
    """128 weights; 75 % at the end, by equal steps, an update in each."""
    tf_keras.utils.set_random_seed(1)
    dense = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="dense")])
    return prune_low_magnitude(dense, PolynomialDecay(0.0, 0.75, 0, end_step, power=1, frequency=1))


def state(model: tf_keras.Model) -> tuple[int, int]:
    """Returns the steps and zeros of the first layer."""
    [wrapper] = wrappers(model)
    return wrapper.steps, int(np.count_nonzero(wrapper.layer.kernel.numpy() == 0))


class Accumulation:
    """Sums gradients up, and applies them with every EVERY-th batch."""

    def __init__(self, variables: list[tf.Variable]) -> None:
        self.sums = [tf.Variable(tf.zeros_like(each), trainable=False) for each in variables]
        self.batch = tf.Variable(0, trainable=False)

    def add(self, gradients: list[tf.Tensor], apply: Callable[[list[tf.Tensor]], Any]) -> None:
        self.batch.assign_add(1)
        for total, gradient in zip(self.sums, gradients, strict=True):
            total.assign_add(gradient)

        def apply_sums() -> bool:
            apply([tf.convert_to_tensor(total) for total in self.sums])
            for total in self.sums:
                total.assign(tf.zeros_like(total))
            return True

        tf.cond(self.batch % EVERY == 0, apply_sums, lambda: False)


class Accumulating(tf_keras.Model):
    """A model whose own train step accumulates."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        variables = self.trainable_variables

        def apply(sums: list[tf.Tensor]) -> None:
            self.optimizer.apply_gradients(zip(sums, variables, strict=True))

        self.accumulation.add(tape.gradient(loss, variables), apply)
        return {"loss": loss}


def accumulating_train_step() -> tf_keras.Model:
    inner = pruned()
    model = Accumulating(inner.inputs, inner.outputs)
    model.accumulation = Accumulation(model.trainable_variables)
    optimizer = tf_keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse")
    return model


class AccumulatingAdam(tf_keras.optimizers.Adam):
    """An optimizer that accumulates."""

    def build(self, var_list: list[tf.Variable]) -> None:
        super().build(var_list)
        if not hasattr(self, "accumulation"):
            self.accumulation = Accumulation(var_list)

    def apply_gradients(self, grads_and_vars: Any, *args: Any, **keywords: Any) -> Any:
        gradients, variables = zip(*grads_and_vars, strict=True)
        with tf.init_scope():
            self.build(list(variables))
        parent = super().apply_gradients
        self.accumulation.add(list(gradients), lambda sums: parent(zip(sums, variables, strict=True)))
        return self.iterations


def accumulating_optimizer() -> tf_keras.Model:
    model = pruned()
    model.compile(AccumulatingAdam(0.01), "mse")
    return model


def accumulating_in_executions_of_several_steps() -> tf_keras.Model:
    model = pruned()
    model.compile(AccumulatingAdam(0.01), "mse", steps_per_execution=2)
    return model


@pytest.mark.parametrize(
    "build",
    [accumulating_train_step, accumulating_optimizer, accumulating_in_executions_of_several_steps],
)
def test_the_end_of_fit_counts_what_was_applied(build: Callable[[], tf_keras.Model]) -> None:
    model = build()
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    # 16 batches are 4 steps of 32: 4/32 of 75 % of 128 weights.
    assert state(model) == (4, 12)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    assert state(model) == (8, 24)
    assert np.count_nonzero(strip_pruning(model).get_weights()[0] == 0) == 24


def test_an_epoch_in_which_nothing_is_applied_prunes_nothing() -> None:
    seen = []

    class Watch(tf_keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(state(self.model))

    model = accumulating_optimizer()
    model.fit(X[:24], Y[:24], batch_size=8, epochs=4, verbose=0, callbacks=[UpdatePruningStep(), Watch()])
    assert seen == [(0, 0), (1, 3), (2, 6), (3, 9)]  # 3, 6, 9 and 12 batches


def by_hand(model: tf_keras.Model, batches: int, apply: Callable[[list[tf.Tensor]], Any]) -> Iterator[None]:
    """A loop with TFMOT's calls of the callback, and accumulation; yields at each epoch's end."""
    callback = UpdatePruningStep()
    callback.set_model(model)
    callback.on_train_begin()
    accumulation = Accumulation(model.trainable_variables)
    for _ in range(3):
        for _ in range(batches):
            callback.on_train_batch_begin(batch=-1)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(X, training=True)))
            accumulation.add(tape.gradient(loss, model.trainable_variables), apply)
        callback.on_epoch_end(batch=-1)
        yield
    callback.on_train_end()


@pytest.mark.parametrize("batches", [3, 4, 8])
@pytest.mark.parametrize("optimizer", [True, False], ids=["optimizer", "assigned"])
def test_a_loop_by_hand_that_accumulates(batches: int, optimizer: bool) -> None:
    model, adam = pruned(), tf_keras.optimizers.Adam(0.01)
    adam.build(model.trainable_variables)

    def apply(sums: list[tf.Tensor]) -> None:
        if optimizer:
            adam.apply_gradients(zip(sums, model.trainable_variables, strict=True))
            return
        for weight, total in zip(model.trainable_variables, sums, strict=True):
            weight.assign_sub(0.01 * total)

    expected = [batches * epoch // EVERY for epoch in (1, 2, 3)]
    seen = [state(model) for _ in by_hand(model, batches, apply)]
    assert seen == [(steps, 3 * steps) for steps in expected]  # Of 32: 1/32 of 75 % of 128 each.
    assert state(model) == seen[-1]


def test_what_a_loss_scale_skips_counts_at_the_end_and_is_said() -> None:
    model = pruned()
    scaled = tf_keras.mixed_precision.LossScaleOptimizer(
        tf_keras.optimizers.Adam(0.01), initial_scale=2.0**126
    )
    model.compile(scaled, "mse")
    told = (
        r"UpdatePruningStep has pruned .*dense: kernel .* -> 37\.5%\. What.* Training steps that the masks"
        r" did not see were counted"
    )
    with pytest.warns(UserWarning, match=told) as warned:
        model.fit(X * 30, Y, batch_size=8, epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    assert "The weights had been restored" not in str(warned[0].message)
    skipped = round(126 - np.log2(float(scaled.loss_scale)))
    assert 0 < skipped < 16
    assert state(model) == (16, 48)


def test_a_step_that_a_loss_scale_skips_is_silent_where_it_prunes_next_to_nothing() -> None:
    model = pruned(end_step=8)  # Long over when the last step is skipped.
    scaled = tf_keras.mixed_precision.LossScaleOptimizer(tf_keras.optimizers.Adam(0.01), initial_scale=2.0)
    model.compile(scaled, "mse")
    callback = UpdatePruningStep()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[callback])
        scaled.iterations.assign_add(2)
        callback.on_train_end()
    assert state(model) == (10, 96)
