"""Training loops written by hand: what needs nothing, and what the two calls of `loops` do."""

from collections.abc import Callable, Iterator
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
    prune_low_magnitude,
    settle_masks,
    update_masks,
)
from runner.pruning.wrapper import wrappers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype(np.float32)
Y = RNG.normal(size=(64, 2)).astype(np.float32)

both = pytest.mark.parametrize("decorate", [lambda f: f, tf.function], ids=["eager", "graph"])


def pruned(schedule: PruningSchedule) -> tf_keras.Model:
    tf_keras.utils.set_random_seed(2)
    dense = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="a"), layers.Dense(2, name="b")])
    return prune_low_magnitude(dense, schedule)


def zeros(model: tf_keras.Model) -> list[int]:
    return [int(np.count_nonzero(layer.get_weights()[0] == 0)) for layer in model.layers]


def steps(model: tf_keras.Model) -> list[int]:
    return [int(wrapper.pruning_step.numpy()) for wrapper in wrappers(model)]


def batches() -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    for start in range(0, 64, 8):
        yield tf.constant(X[start : start + 8]), tf.constant(Y[start : start + 8])


def gradients(model: tf_keras.Model, x: Any, y: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
    return list(tape.gradient(loss, model.trainable_variables))


@both
@pytest.mark.parametrize("built", [True, False], ids=["built", "built by the first step"])
def test_a_loop_with_an_optimizer_needs_nothing(decorate: Callable[[Any], Any], built: bool) -> None:
    model = pruned(PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=3))
    optimizer = tf_keras.optimizers.Adam(0.01)
    if built:
        optimizer.build(model.trainable_variables)

    @decorate
    def step(x: Any, y: Any) -> None:
        optimizer.apply_gradients(zip(gradients(model, x, y), model.trainable_variables, strict=True))

    seen = []
    for x, y in batches():
        step(x, y)
        seen.append(zeros(model)[0])
    assert seen == [12, 12, 36, 36, 36, 72, 72, 96]  # 1 (begin 0), 3, 6 and the end


@both
def test_a_loop_that_changes_weights_by_itself(decorate: Callable[[Any], Any]) -> None:
    model = pruned(PolynomialDecay(0.0, 0.75, 0, 16, power=1, frequency=4))

    @decorate
    def step(x: Any, y: Any) -> None:
        for weight, gradient in zip(model.trainable_variables, gradients(model, x, y), strict=True):
            weight.assign_sub(0.01 * gradient)
        update_masks(model)

    seen = []
    for x, y in batches():
        step(x, y)
        seen.append(zeros(model)[0])
    assert seen == [6, 6, 6, 24, 24, 24, 24, 48]
    settle_masks(model)
    assert zeros(model) == [48, 12]


def test_zeros_stay_between_updates() -> None:
    model = pruned(ConstantSparsity(0.5, 0, frequency=100))
    update_masks(model)
    mask = wrappers(model)[0].masked_weights[0].mask.numpy()
    kernel = wrappers(model)[0].layer.kernel
    kernel.assign(tf.ones_like(kernel))
    update_masks(model)
    np.testing.assert_array_equal(kernel.numpy(), mask.astype(np.float32))
    assert steps(model) == [2, 2]


def test_a_frozen_layer_neither_counts_nor_is_pruned() -> None:
    model = pruned(ConstantSparsity(0.5, 0, frequency=1))
    wrappers(model)[0].trainable = False
    for _ in range(3):
        update_masks(model)
    settle_masks(model)
    assert steps(model) == [0, 3]
    assert zeros(model) == [0, 16]


def test_settling_before_the_schedule_begins_prunes_nothing() -> None:
    model = pruned(ConstantSparsity(0.5, begin_step=3))
    for count, expected in ((2, [0, 0]), (1, [64, 16])):
        for _ in range(count):
            update_masks(model)
        settle_masks(model)
        assert zeros(model) == expected


@pytest.mark.filterwarnings("ignore:.*that training had kept:UserWarning")
def test_settling_goes_to_the_schedules_value_and_training_goes_on() -> None:
    model = pruned(PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=100))
    found = []
    for _ in range(3):
        for _ in range(3):
            update_masks(model)
        before = zeros(model)[0]
        settle_masks(model)
        once = model.get_weights()
        settle_masks(model)
        for now, then in zip(model.get_weights(), once, strict=True):
            np.testing.assert_array_equal(now, then)
        found.append((before, zeros(model)[0]))
    # 0.75 * 128 * step / 8 when settled; in between only steps 1 and 8 update.
    assert found == [(12, 36), (36, 72), (96, 96)]
    assert steps(model) == [9, 9]


def test_both_take_a_single_layer_and_a_model_without_wrappers() -> None:
    layer = prune_low_magnitude(layers.Dense(4), ConstantSparsity(0.5, 0))
    layer.build((None, 8))
    update_masks(layer)
    assert np.count_nonzero(layer.layer.kernel.numpy() == 0) == 16
    plain = tf_keras.Sequential([layers.Dense(4, input_shape=(8,))])
    before = plain.get_weights()
    update_masks(plain)
    settle_masks(plain)
    np.testing.assert_array_equal(plain.get_weights()[0], before[0])


def test_wrappers_in_nested_models_count_once() -> None:
    inner = tf_keras.Sequential([layers.Input((8,)), layers.Dense(8, name="deep")])
    x = layers.Input((8,))
    model = prune_low_magnitude(tf_keras.Model(x, inner(inner(x))), ConstantSparsity(0.5, 0))
    update_masks(model)
    assert steps(model) == [1]
    assert np.count_nonzero(wrappers(model)[0].layer.kernel.numpy() == 0) == 32
