"""Pruning while training: exact zeros, schedules that are met, wrapping, saving, stripping."""

from collections.abc import Callable
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
    PruneLowMagnitude,
    PruningSummaries,
    UpdatePruningStep,
    prune_low_magnitude,
    prune_scope,
    strip_pruning,
)
from runner.pruning.masks import is_m_by_n
from runner.pruning.wrapper import wrappers


def data(samples: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, 8)).astype(np.float32), rng.normal(size=(samples, 2)).astype(np.float32)


def dense_model() -> tf_keras.Sequential:
    tf_keras.utils.set_random_seed(3)
    return tf_keras.Sequential(
        [layers.Dense(16, "relu", input_shape=(8,), name="a"), layers.Dense(2, name="b")]
    )


def zeros(model: tf_keras.Model) -> list[int]:
    return [int(np.count_nonzero(layer.get_weights()[0] == 0)) for layer in model.layers]


def fit(model: tf_keras.Model, epochs: int = 2, optimizer: Any = "adam", **kwargs: Any) -> None:
    model.compile(optimizer, "mse", **kwargs)
    x, y = data()
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[UpdatePruningStep()])


class ZerosAfterEveryStep(tf_keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.counts: list[list[int]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.counts.append(zeros(self.model))


def test_zeros_follow_the_schedule_after_every_optimizer_step() -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.75, 2, 6, power=1, frequency=2))
    model.compile("adam", "mse")
    watch = ZerosAfterEveryStep()
    x, y = data()
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[watch])
    # Steps 1 to 8; updates at 2, 4 and 6 to 0, 0.375 and 0.75 of 128 and of 32 weights.
    assert watch.counts == [[0, 0], [0, 0], [0, 0], [48, 12], [48, 12], [96, 24], [96, 24], [96, 24]]


def test_a_frequency_longer_than_training_still_meets_the_target() -> None:
    model = prune_low_magnitude(dense_model(), ConstantSparsity(0.5, begin_step=0))
    fit(model)
    assert zeros(model) == [64, 16]


def test_training_that_ends_before_the_schedule_settles_at_its_value() -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.8, 0, 16, power=1, frequency=100))
    fit(model)  # 8 of 16 steps
    assert zeros(model) == [51, 13]  # 0.4 of 128 and of 32 weights


@pytest.mark.filterwarnings("ignore:.*that training had kept:UserWarning")
def test_strip_settles_where_the_callback_was_left_out() -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.8, 0, 16, power=1, frequency=100))
    model.compile("adam", "mse")
    model.fit(*data(), batch_size=16, epochs=2, verbose=0)
    assert zeros(strip_pruning(model)) == [51, 13]


def test_training_that_ends_before_begin_prunes_nothing() -> None:
    model = prune_low_magnitude(dense_model(), ConstantSparsity(0.5, begin_step=100))
    fit(model)
    assert zeros(strip_pruning(model)) == [0, 0]


def test_a_second_fit_goes_on() -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.8, 0, 16, power=1, frequency=4))
    fit(model)
    fit(model)
    assert zeros(model) == [102, 26]
    assert int(wrappers(model)[0].pruning_step.numpy()) == 16


def test_m_by_n_obeys_its_schedule() -> None:
    model = prune_low_magnitude(
        dense_model(), PolynomialDecay(0.0, 0.5, 0, 8, power=1, frequency=4), sparsity_m_by_n=(2, 4)
    )
    watch = ZerosAfterEveryStep()
    model.compile("adam", "mse")
    model.fit(*data(), batch_size=16, epochs=2, verbose=0, callbacks=[watch])
    assert [count[0] for count in watch.counts] == [8, 8, 8, 32, 32, 32, 32, 64]  # 0 fires in step 1: 1/16
    kernels = [layer.get_weights()[0] for layer in model.layers]
    assert all(is_m_by_n(kernel, 2, 4) for kernel in kernels)


def test_m_by_n_without_a_schedule_is_set_once_at_the_first_step() -> None:
    model = prune_low_magnitude(dense_model(), sparsity_m_by_n=(2, 4))
    model.compile("sgd", "mse")
    x, y = data()
    model.train_on_batch(x, y)
    wrapper = wrappers(model)[0]
    first = wrapper.masked_weights[0].mask.numpy()
    assert is_m_by_n(first, 2, 4)
    for _ in range(120):
        model.train_on_batch(x, y)
    np.testing.assert_array_equal(wrapper.masked_weights[0].mask.numpy(), first)


def test_m_by_n_on_two_input_channels_reaches_half() -> None:
    model = tf_keras.Sequential([layers.Conv2D(16, (1, 8), input_shape=(1, 16, 2))])
    pruned = prune_low_magnitude(model, sparsity_m_by_n=(2, 4))
    pruned.compile("adam", "mse")
    rng = np.random.default_rng(0)
    pruned.fit(rng.normal(size=(8, 1, 16, 2)), rng.normal(size=(8, 1, 9, 16)), verbose=0)
    kernel = strip_pruning(pruned).get_weights()[0]
    assert np.count_nonzero(kernel == 0) == kernel.size // 2


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: tf_keras.optimizers.Adam(0.01),
    "adamw": lambda: tf_keras.optimizers.AdamW(0.01, clipnorm=1.0),
    "momentum": lambda: tf_keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "legacy": lambda: tf_keras.optimizers.legacy.Adam(0.01),
    "ema": lambda: tf_keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
def test_zeros_are_exact_under_every_optimizer(optimizer: Callable[[], Any]) -> None:
    model = prune_low_magnitude(dense_model(), ConstantSparsity(0.5, 0, frequency=3))
    model.compile(optimizer(), "mse")
    watch = ZerosAfterEveryStep()
    model.fit(*data(), batch_size=16, epochs=2, verbose=0, callbacks=[watch, UpdatePruningStep()])
    assert watch.counts == [[64, 16]] * 8
    assert zeros(strip_pruning(model)) == [64, 16]


@pytest.mark.parametrize("how", [{"steps_per_execution": 4}, {"jit_compile": True}, {"run_eagerly": True}])
def test_zeros_are_exact_however_the_step_is_run(how: dict[str, Any]) -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.75, 1, 8, frequency=3))
    fit(model, **how)
    assert zeros(model) == [96, 24]
    assert int(wrappers(model)[0].pruning_step.numpy()) == 8


def test_an_existing_constraint_stays_in_force() -> None:
    layer = layers.Dense(4, kernel_constraint=tf_keras.constraints.MaxNorm(0.1), input_shape=(8,))
    model = prune_low_magnitude(tf_keras.Sequential([layer, layers.Dense(2)]), ConstantSparsity(0.5, 0))
    fit(model)
    kernel = strip_pruning(model).layers[0].get_weights()[0]
    assert np.count_nonzero(kernel == 0) == 16
    assert np.linalg.norm(kernel, axis=0).max() <= 0.1 + 1e-6


def test_the_original_is_left_untouched_and_its_weights_copied() -> None:
    original = dense_model()
    before = original.get_weights()
    pruned = prune_low_magnitude(original, ConstantSparsity(0.5, 0))
    np.testing.assert_array_equal(pruned.layers[0].get_weights()[0], before[0])
    fit(pruned)
    for now, then in zip(original.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert original.layers[0].kernel.constraint is None


def test_a_functional_model_with_branches_keeps_names_and_outputs() -> None:
    inputs = layers.Input((8,), name="x")
    left, right = layers.Dense(4, name="left")(inputs), layers.Dense(4, name="right")(inputs)
    outputs = layers.Dense(2, name="out")(layers.Add(name="sum")([left, tf.nn.relu(right)]))
    model = tf_keras.Model(inputs, outputs, name="branches")
    pruned = prune_low_magnitude(model, ConstantSparsity(0.5, 0))
    fit(pruned)
    stripped = strip_pruning(pruned)
    assert stripped.name == "branches"
    assert [layer.name for layer in stripped.layers] == [layer.name for layer in model.layers]
    x, _ = data()
    np.testing.assert_array_equal(stripped.predict(x, verbose=0), pruned.predict(x, verbose=0))
    assert np.count_nonzero(stripped.get_layer("left").kernel.numpy() == 0) == 16


def test_a_stripped_model_has_no_masks_and_the_wrapped_one_trains_on() -> None:
    pruned = prune_low_magnitude(dense_model(), ConstantSparsity(0.5, 0, frequency=1))
    fit(pruned)
    stripped = strip_pruning(pruned)
    kept = stripped.get_weights()[0].copy()
    assert len(stripped.weights) == 4
    fit(pruned)
    np.testing.assert_array_equal(stripped.get_weights()[0], kept)
    assert not np.array_equal(pruned.layers[0].get_weights()[0], kept)


def test_a_nested_model_is_pruned_and_stripped() -> None:
    inner = tf_keras.Sequential([layers.Dense(8, input_shape=(8,), name="deep")], name="inner")
    model = tf_keras.Sequential([inner, layers.Dense(2, name="top")])
    pruned = prune_low_magnitude(model, ConstantSparsity(0.5, 0))
    fit(pruned)
    stripped = strip_pruning(pruned)
    assert np.count_nonzero(stripped.get_layer("inner").get_layer("deep").kernel.numpy() == 0) == 32


def test_a_layer_wrapped_inside_a_sequential_model() -> None:
    model = tf_keras.Sequential(
        [prune_low_magnitude(layers.Dense(16), ConstantSparsity(0.5, 0), input_shape=(8,)), layers.Dense(2)]
    )
    assert model.built
    fit(model)
    assert zeros(strip_pruning(model)) == [64, 0]


def test_lists_and_built_layers() -> None:
    built = layers.Dense(4, name="built")
    built.build((None, 8))
    unbuilt = layers.Dense(2, name="unbuilt")
    first, second, third = prune_low_magnitude([built, layers.ReLU(), unbuilt], ConstantSparsity(0.5, 0))
    assert first.layer is not built
    np.testing.assert_array_equal(first.layer.get_weights()[0], built.get_weights()[0])
    assert isinstance(second, layers.ReLU)
    assert third.layer is unbuilt


def test_a_layer_without_prunable_weights_is_said_to_stay() -> None:
    norm = layers.BatchNormalization()
    with pytest.warns(UserWarning, match="no weights that can be pruned"):
        assert prune_low_magnitude(norm) is norm


def test_only_the_named_weights_are_pruned() -> None:
    model = tf_keras.Sequential(
        [
            prune_low_magnitude(
                layers.LSTM(4), ConstantSparsity(0.5, 0), weights=["recurrent_kernel"], input_shape=(3, 8)
            )
        ]
    )
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(8, 3, 8)), rng.normal(size=(8, 4)), verbose=0)
    kernel, recurrent, _ = strip_pruning(model).get_weights()
    assert np.count_nonzero(kernel == 0) == 0
    assert np.count_nonzero(recurrent == 0) == 32


def test_a_frozen_layer_is_left_alone() -> None:
    model = dense_model()
    model.layers[0].trainable = False
    pruned = prune_low_magnitude(model, ConstantSparsity(0.5, 0))
    fit(pruned)
    assert zeros(strip_pruning(pruned)) == [0, 16]


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "saved_model"])
def test_training_goes_on_from_a_saved_model(tmp_path: Path, name: str) -> None:
    model = prune_low_magnitude(
        dense_model(), PolynomialDecay(0.0, 0.5, 0, 16, power=1, frequency=4), sparsity_m_by_n=(2, 4)
    )
    fit(model)
    model.save(tmp_path / name)
    with prune_scope():
        again = tf_keras.models.load_model(tmp_path / name)
    assert zeros(again) == zeros(model) == [32, 8]
    again.fit(*data(), batch_size=16, epochs=2, verbose=0)
    assert zeros(again) == [64, 16]
    assert is_m_by_n(again.layers[0].get_weights()[0], 2, 4)


def test_masks_hold_after_set_weights_and_clone() -> None:
    model = prune_low_magnitude(dense_model(), ConstantSparsity(0.5, 0, end_step=1, frequency=1))
    fit(model)
    model.layers[0].set_weights([np.ones((8, 16)), np.zeros(16)])
    fit(model, epochs=1)
    assert zeros(model)[0] == 64
    clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    fit(clone, epochs=1)
    assert zeros(clone)[0] == 64


def test_summaries_have_the_final_sparsity(tmp_path: Path) -> None:
    model = prune_low_magnitude(dense_model(), PolynomialDecay(0.0, 0.5, 0, 100, power=1, frequency=100))
    model.compile("adam", "mse")
    model.fit(*data(), batch_size=16, epochs=2, verbose=0, callbacks=[PruningSummaries(str(tmp_path))])
    logged = {}
    for file in (tmp_path / "pruning").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                logged[value.tag] = float(tf.make_ndarray(value.tensor))
    assert logged["a/kernel/sparsity"] == pytest.approx(5 / 128)  # 0.04 of 128 weights
    assert logged["a/kernel/threshold"] > 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pruning_schedul": None}, TypeError, "no argument 'pruning_schedul'"),
        ({"pruning_schedule": 0.5}, ValueError, "must be a PruningSchedule"),
        ({"sparsity_m_by_n": (4, 4)}, ValueError, "0 < m < n"),
        ({"sparsity_m_by_n": (2, 4), "block_size": (4, 1)}, ValueError, "two structures"),
        ({"block_size": (2, 2), "block_pooling_type": "MIN"}, ValueError, "'AVG' or 'MAX'"),
        ({"m_by_n_axis": "rows", "sparsity_m_by_n": (2, 4)}, ValueError, "m_by_n_axis is 'rows'"),
    ],
)
def test_bad_arguments_are_refused_when_wrapping(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prune_low_magnitude(dense_model(), **arguments)


def test_what_cannot_be_pruned_is_refused_when_built() -> None:
    model = tf_keras.Sequential([layers.Conv2D(4, 1, input_shape=(4, 4, 2))])
    with pytest.raises(ValueError, match="can zero nothing"):
        prune_low_magnitude(model, sparsity_m_by_n=(2, 4), m_by_n_axis="input_channels")


def test_a_subclassed_model_is_told_where_to_wrap() -> None:
    class Own(tf_keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(ValueError, match="wrap the layers where the model makes them"):
        prune_low_magnitude(Own())


def test_wrappers_found_in_nested_models_count_once() -> None:
    shared = PruneLowMagnitude(layers.Dense(8))
    inputs = layers.Input((8,))
    model = tf_keras.Model(inputs, shared(shared(inputs)))
    assert wrappers(model) == [shared]
    model.compile("adam", "mse")
    x, _ = data()
    model.fit(x, x, batch_size=16, verbose=0)
    assert int(shared.pruning_step.numpy()) == 4  # not twice a batch
