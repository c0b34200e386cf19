"""Training as people do it: in each way zeros are exact after every optimizer step and the target is met."""

import os
import subprocess
import sys
from collections.abc import Iterator
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
    UpdatePruningStep,
    prune_low_magnitude,
    strip_pruning,
)
from runner.pruning.masks import is_m_by_n
from runner.pruning.wrapper import wrappers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype(np.float32)
Y = RNG.normal(size=(64, 2)).astype(np.float32)


def pruned(schedule: Any = None, **wrap: Any) -> tf_keras.Model:
    tf_keras.utils.set_random_seed(2)
    dense = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="a"), layers.Dense(2, name="b")])
    return prune_low_magnitude(
        dense, schedule or PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=3), **wrap
    )


def zeros(model: tf_keras.Model) -> list[int]:
    return [int(np.count_nonzero(layer.get_weights()[0] == 0)) for layer in model.layers]


TARGET = [96, 24]


def batches() -> Iterator[tuple[Any, Any]]:
    for start in range(0, 64, 8):
        yield X[start : start + 8], Y[start : start + 8]


def test_a_generator() -> None:
    model = pruned()
    model.compile("adam", "mse")
    model.fit(batches(), verbose=0, callbacks=[UpdatePruningStep()])
    assert zeros(model) == TARGET


def test_train_on_batch_needs_no_callback() -> None:
    model = pruned(ConstantSparsity(0.75, 0, frequency=1))
    model.compile("adam", "mse")
    for x, y in batches():
        model.train_on_batch(x, y)
        assert zeros(model) == TARGET


def test_a_legacy_optimizer_with_an_embedding() -> None:
    words = RNG.integers(0, 20, (64, 4))
    stack = [layers.Input((4,)), layers.Embedding(20, 8), layers.Flatten(), layers.Dense(2)]
    model = prune_low_magnitude(tf_keras.Sequential(stack), ConstantSparsity(0.5, 0))
    model.compile(tf_keras.optimizers.legacy.Adam(), "mse")
    for _ in range(2):
        model.fit(words, Y, batch_size=16, verbose=0, callbacks=[UpdatePruningStep()])
    assert np.count_nonzero(strip_pruning(model).layers[0].embeddings.numpy() == 0) == 80


def test_an_average_of_weights_is_masked_when_it_is_written_back() -> None:
    model = pruned()
    model.compile(tf_keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9), "mse")
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    assert zeros(model) == TARGET
    assert zeros(strip_pruning(model)) == TARGET


def test_a_skipped_step_of_mixed_precision_does_not_miss_the_target() -> None:
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = pruned()
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    scaled = tf_keras.mixed_precision.LossScaleOptimizer(tf_keras.optimizers.Adam(), initial_scale=2.0**30)
    model.compile(scaled, "mse")
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    assert float(scaled.loss_scale.numpy()) < 2.0**30  # gradients overflowed, and their steps were skipped
    assert zeros(model) == TARGET


def test_nan_weights_stop_training_with_layer_and_step() -> None:
    model = pruned(ConstantSparsity(0.5, 0, frequency=1))
    model.compile("sgd", "mse")
    x = X.copy()
    x[40] = np.nan  # batch 6 of 8
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"[ab]: kernel holds NaN or infinite .*step\] \[6\]"
    ):
        model.fit(x, Y, batch_size=8, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    "wrap", [{}, {"sparsity_m_by_n": (2, 4)}, {"block_size": (4, 1)}], ids=["single", "m:n", "block"]
)
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "saved_model", "weights.h5", "checkpoint"])
def test_saving_in_the_middle(tmp_path: Path, name: str, wrap: dict[str, Any]) -> None:
    schedule = PolynomialDecay(0.0, 0.5, 0, 16, power=1, frequency=4)
    model = pruned(schedule, **wrap)
    model.compile("adam", "mse")
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    middle = zeros(model)
    assert middle == [32, 8]
    path = str(tmp_path / name)
    if name in ("weights.h5", "checkpoint"):
        model.save_weights(path)
        again = pruned(schedule, **wrap)
        again.compile("adam", "mse")
        again.load_weights(path)
    else:
        model.save(path)
        again = tf_keras.models.load_model(path)
    assert zeros(again) == middle
    assert int(wrappers(again)[0].pruning_step.numpy()) == 8
    again.fit(X, Y, batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    assert zeros(again) == [64, 16]
    kernel = strip_pruning(again).layers[0].get_weights()[0]
    if "sparsity_m_by_n" in wrap:
        assert is_m_by_n(kernel, 2, 4)
    if "block_size" in wrap:
        assert ((kernel.reshape(2, 4, 16) == 0).all(axis=1)).sum() == 16


MIRRORED = """
import numpy as np, tensorflow as tf, tf_keras
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from runner.pruning import PolynomialDecay, UpdatePruningStep, prune_low_magnitude, strip_pruning
counts, agree = [], []
class Watch(tf_keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        kernels = [layer.layer.kernel.values for layer in self.model.layers]
        zeros = [[replica.numpy() == 0 for replica in replicas] for replicas in kernels]
        counts.append([int(np.count_nonzero(replica)) for replica in zeros[0]])
        agree.append(all((one == two).all() and one.any() for one, two in zeros))
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    dense = tf_keras.Sequential([tf_keras.layers.Input((8,)), tf_keras.layers.Dense(16)])
    schedule = PolynomialDecay(0.0, 0.75, 0, 8, power=1, frequency=4)
    model = prune_low_magnitude(dense, schedule)
    model.add(prune_low_magnitude(tf_keras.layers.Dense(16), schedule, importance="random"))
    model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(64, 8))
model.fit(x, np.tile(x, 2), batch_size=8, verbose=0, callbacks=[UpdatePruningStep(), Watch()])
print(counts, np.count_nonzero(strip_pruning(model).get_weights()[0] == 0), all(agree))
"""


def test_two_replicas_hold_the_same_zeros_after_every_step() -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", MIRRORED]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("\n")[-2] == f"{[[12, 12]] * 3 + [[48, 48]] * 4 + [[96, 96]]} 96 True"
