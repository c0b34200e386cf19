"""The nineteen defects of TensorFlow Model Optimization 0.8.1 that were reproduced, and the behaviour here.

Each test asserts what this engine does; where TFMOT is installed (the `bench` extra), also what it does, so
that the difference is a fact and not a claim.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner import pruning
from runner.pruning.masks import block_mask, is_m_by_n, unstructured_mask
from runner.pruning.wrapper import wrappers

try:
    from tensorflow_model_optimization.sparsity import keras as tfmot
except ImportError:
    tfmot = None

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype(np.float32)
Y = RNG.normal(size=(64, 2)).astype(np.float32)


def engines() -> list[Any]:
    return [pytest.param(pruning, id="runner")] + (
        [pytest.param(tfmot, id="tfmot")]
        if tfmot
        else [pytest.param(None, id="tfmot", marks=pytest.mark.skip("TFMOT is not installed"))]
    )


both = pytest.mark.parametrize("engine", engines())


def ours(engine: Any) -> bool:
    return engine is pruning


def model(*units: int) -> tf_keras.Sequential:
    tf_keras.utils.set_random_seed(1)
    stack = [layers.Dense(count, name=f"dense_{number}") for number, count in enumerate(units or (16, 2))]
    return tf_keras.Sequential([layers.Input((8,)), *stack])


def fit(
    engine: Any, pruned: tf_keras.Model, steps: int, callbacks: Any = (), optimizer: Any = "adam"
) -> None:
    pruned.compile(optimizer, "mse")
    batches = tf.data.Dataset.from_tensors((X[:8], Y[:8])).repeat(steps)
    pruned.fit(batches, epochs=1, verbose=0, callbacks=[engine.UpdatePruningStep(), *callbacks])


def sparsity(stripped: tf_keras.Model, layer: int = 0) -> float:
    return float(np.mean(stripped.layers[layer].get_weights()[0] == 0))


@both
def test_1_a_run_shorter_than_the_default_frequency(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(model(), engine.ConstantSparsity(0.5, begin_step=5))
    fit(engine, pruned, 4)
    fit(engine, pruned, 76)
    assert sparsity(engine.strip_pruning(pruned)) == 0.5  # from step 5 on, as both say
    pruned = engine.prune_low_magnitude(model(), engine.ConstantSparsity(0.5, begin_step=0))
    fit(engine, pruned, 80)
    assert sparsity(engine.strip_pruning(pruned)) == (0.5 if ours(engine) else 0.0)


@both
def test_2_the_final_sparsity_is_met_off_the_grid(engine: Any) -> None:
    schedule = engine.PolynomialDecay(0.0, 0.8, 0, 79, power=1, frequency=30)
    pruned = engine.prune_low_magnitude(model(), schedule)
    fit(engine, pruned, 100)
    found = sparsity(engine.strip_pruning(pruned))
    assert found == pytest.approx(0.8 if ours(engine) else 0.608, abs=0.01)


@both
def test_3_m_by_n_on_two_input_channels(engine: Any) -> None:
    convolution = tf_keras.Sequential([layers.Input((1, 16, 2)), layers.Conv2D(16, (1, 8))])
    pruned = engine.prune_low_magnitude(convolution, sparsity_m_by_n=(2, 4))
    pruned.compile("adam", "mse")
    pruned.fit(
        RNG.normal(size=(8, 1, 16, 2)),
        RNG.normal(size=(8, 1, 9, 16)),
        verbose=0,
        callbacks=[engine.UpdatePruningStep()],
    )
    kernel = engine.strip_pruning(pruned).layers[0].get_weights()[0]
    assert np.mean(kernel == 0) == (0.5 if ours(engine) else 0.0)
    assert is_m_by_n(kernel, 2, 4) is ours(engine)


@both
def test_4_m_by_n_obeys_its_schedule(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(
        model(), engine.ConstantSparsity(0.5, begin_step=1000), sparsity_m_by_n=(2, 4)
    )
    fit(engine, pruned, 5)
    assert sparsity(engine.strip_pruning(pruned)) == (0.0 if ours(engine) else 0.5)


@both
def test_5_m_by_n_survives_saving(engine: Any, tmp_path: Path) -> None:
    pruned = engine.prune_low_magnitude(model(), sparsity_m_by_n=(2, 4))
    fit(engine, pruned, 3)
    pruned.save(tmp_path / "model.h5")
    with engine.prune_scope():
        again = tf_keras.models.load_model(tmp_path / "model.h5")
    if ours(engine):
        fit(engine, again, 100)
        assert is_m_by_n(engine.strip_pruning(again).layers[0].get_weights()[0], 2, 4)
    else:
        assert again.layers[0].sparsity_m_by_n is None  # it trains on as unstructured


@both
def test_6_m_by_n_on_a_one_dimensional_convolution(engine: Any) -> None:
    def run() -> tf_keras.Model:
        convolution = tf_keras.Sequential([layers.Input((16, 4)), layers.Conv1D(8, 3)])
        pruned = engine.prune_low_magnitude(convolution, sparsity_m_by_n=(2, 4))
        pruned.compile("adam", "mse")
        pruned.fit(
            RNG.normal(size=(8, 16, 4)),
            RNG.normal(size=(8, 14, 8)),
            verbose=0,
            callbacks=[engine.UpdatePruningStep()],
        )
        return engine.strip_pruning(pruned)

    if ours(engine):
        assert is_m_by_n(run().layers[0].get_weights()[0], 2, 4)
    else:
        with pytest.raises(ValueError, match="m_by_n"):
            run()


@both
@pytest.mark.parametrize("pattern", [(4, 4), (5, 4), (-1, 4), (0, 4), (2, 0)])
def test_7_impossible_patterns_are_refused_at_once(engine: Any, pattern: tuple[int, int]) -> None:
    if ours(engine):
        with pytest.raises(ValueError, match="0 < m < n"):
            engine.prune_low_magnitude(model(), sparsity_m_by_n=pattern)
    else:
        engine.prune_low_magnitude(model(), sparsity_m_by_n=pattern)


@both
def test_7_two_structures_are_refused(engine: Any) -> None:
    if ours(engine):
        with pytest.raises(ValueError, match="two structures"):
            engine.prune_low_magnitude(model(), block_size=(4, 1), sparsity_m_by_n=(2, 4))
    else:
        engine.prune_low_magnitude(model(), block_size=(4, 1), sparsity_m_by_n=(2, 4))


@both
def test_8_ties_do_not_keep_everything(engine: Any) -> None:
    constant = model(16)
    constant.layers[0].set_weights([np.ones((8, 16)), np.zeros(16)])
    pruned = engine.prune_low_magnitude(constant, engine.ConstantSparsity(0.5, 1, frequency=1))
    pruned.compile(tf_keras.optimizers.SGD(0.0), "mse")
    pruned.fit(X, np.zeros((64, 16)), verbose=0, callbacks=[engine.UpdatePruningStep()])
    assert sparsity(engine.strip_pruning(pruned)) == (0.5 if ours(engine) else 0.0)


def test_8_a_mostly_zero_tensor_gets_a_mask_of_the_planned_count() -> None:
    weights = np.zeros(100, np.float32)
    weights[:20] = 1
    assert unstructured_mask(weights, 0.5).sum() == 50


def test_9_blocks_lie_from_the_first_weight_on() -> None:
    kernel = np.array([[1, 1, 9, 9, 9], [1, 1, 9, 9, 9]], np.float32).T  # [in=5, out=2], blocks of 4 inputs
    expected = [[0, 0], [0, 0], [0, 0], [0, 0], [1, 1]]
    np.testing.assert_array_equal(block_mask(kernel, 0.5, (4, 2)), expected)
    dense = tf_keras.Sequential([layers.Input((5,)), layers.Dense(2)])
    dense.layers[0].set_weights([kernel, np.zeros(2)])
    pruned = pruning.prune_low_magnitude(dense, pruning.ConstantSparsity(0.5, 0), block_size=(4, 2))
    pruned.compile(tf_keras.optimizers.SGD(0.0), "mse")
    pruned.fit(X[:, :5], Y, verbose=0)
    np.testing.assert_array_equal(pruning.strip_pruning(pruned).layers[0].get_weights()[0] != 0, expected)


@both
def test_9_a_block_as_long_as_a_dimension(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(
        model(), engine.ConstantSparsity(0.5, 1, frequency=1), block_size=(8, 1)
    )
    if ours(engine):
        fit(engine, pruned, 3)
        columns = engine.strip_pruning(pruned).layers[0].get_weights()[0]
        assert (columns == 0).all(axis=0).sum() == 8
    else:
        with pytest.raises(ValueError, match=r"squeeze|rank 2"):
            fit(engine, pruned, 3)


@both
def test_10_a_polynomial_of_no_length_is_a_jump(engine: Any) -> None:
    schedule = engine.PolynomialDecay(0.0, 0.9, 5, 5)
    value = float(schedule(tf.constant(5))[1])
    assert value == pytest.approx(0.9) if ours(engine) else np.isnan(value)
    if ours(engine):
        with pytest.raises(ValueError, match="power"):
            engine.PolynomialDecay(0.0, 0.9, 0, 5, power=-1)


class SparsityAfterBatches(tf_keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.found.append(sparsity(self.model))


@both
def test_11_weights_are_sparse_after_every_batch(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(model(), engine.ConstantSparsity(0.5, 1, frequency=1))
    watch = SparsityAfterBatches()
    fit(engine, pruned, 6, [watch])
    assert (min(watch.found) == 0.5) is ours(engine)


@both
def test_11_train_on_batch_then_strip(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(model(), engine.ConstantSparsity(0.5, 1, frequency=1))
    pruned.compile("adam", "mse")
    if not ours(engine):
        for layer in pruned.layers:
            layer.pruning_step.assign(0)
    for _ in range(5):
        pruned.train_on_batch(X, Y)
    assert (sparsity(engine.strip_pruning(pruned)) == 0.5) is ours(engine)


@pytest.mark.filterwarnings("ignore:.*that training had kept:UserWarning")
@both
def test_12_early_stopping_restores_weights_that_meet_the_target(engine: Any) -> None:
    pruned = engine.prune_low_magnitude(
        model(), engine.PolynomialDecay(0.0, 0.9, 0, 32, power=1, frequency=4)
    )
    pruned.compile(tf_keras.optimizers.SGD(1e-6), "mse")

    class Worsening(tf_keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["fake"] = float(epoch)  # the first epoch is the best one

    stop = tf_keras.callbacks.EarlyStopping("fake", patience=3, mode="min", restore_best_weights=True)
    pruned.fit(
        X, Y, batch_size=8, epochs=10, verbose=0, callbacks=[engine.UpdatePruningStep(), Worsening(), stop]
    )
    found = sparsity(engine.strip_pruning(pruned))  # stopped at step 32 of 80, restored from step 8
    assert found == pytest.approx(0.9 if ours(engine) else 0.225, abs=0.01)


@both
def test_13_the_original_model_is_left_alone(engine: Any) -> None:
    original = model()
    before = original.layers[0].get_weights()[0].copy()
    fit(engine, engine.prune_low_magnitude(original, engine.ConstantSparsity(0.5, 1, frequency=1)), 3)
    assert np.array_equal(original.layers[0].get_weights()[0], before) is ours(engine)


@both
def test_14_a_layer_used_twice_steps_once_a_batch(engine: Any) -> None:
    shared = engine.prune_low_magnitude(layers.Dense(8), engine.ConstantSparsity(0.5, 1))
    inputs = layers.Input((8,))
    twice = tf_keras.Model(inputs, shared(shared(inputs)))
    twice.compile("adam", "mse")
    twice.fit(X, X, batch_size=16, verbose=0, callbacks=[engine.UpdatePruningStep()])
    assert int(shared.pruning_step.numpy()) == (4 if ours(engine) else 8)
    twice(X, training=True)
    assert int(shared.pruning_step.numpy()) == (4 if ours(engine) else 10)


@both
def test_15_activity_regularizers_and_sequence_masks_stay(engine: Any) -> None:
    dense = layers.Dense(4, activity_regularizer=tf_keras.regularizers.L2(1.0))
    wrapped = engine.prune_low_magnitude(dense, engine.ConstantSparsity(0.5, 1), input_shape=(8,))
    regularized = tf_keras.Sequential([wrapped])
    regularized(X)
    assert len(regularized.losses) == (1 if ours(engine) else 0)
    embedding = engine.prune_low_magnitude(
        layers.Embedding(10, 4, mask_zero=True), engine.ConstantSparsity(0.5, 1)
    )
    words = tf.constant([[1, 2, 0]])
    mask = getattr(embedding(words), "_keras_mask", None)
    assert (mask is not None) is ours(engine)
    if ours(engine):
        np.testing.assert_array_equal(mask, [[True, True, False]])


def test_15_mixed_precision_with_a_float32_head() -> None:
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        mixed = tf_keras.Sequential(
            [layers.Input((8,)), layers.Dense(16), layers.Dense(2, dtype="float32", name="head")]
        )
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    pruned = pruning.prune_low_magnitude(mixed, pruning.ConstantSparsity(0.5, 0, frequency=1))
    watch = SparsityAfterBatches()
    fit(pruning, pruned, 4, [watch])
    assert pruned.output.dtype == tf.float32
    assert watch.found == [0.5] * 4


@both
def test_16_wrapped_layers_are_found_wherever_they_are_called(engine: Any) -> None:
    inner = engine.prune_low_magnitude(layers.Dense(4), engine.ConstantSparsity(0.5, 1, frequency=1))
    inside = tf_keras.Sequential([layers.Input((3, 8)), layers.TimeDistributed(inner)])
    inside.compile("adam", "mse")
    x, y = RNG.normal(size=(8, 3, 8)), RNG.normal(size=(8, 3, 4))
    if ours(engine):
        inside.fit(x, y, verbose=0, callbacks=[engine.UpdatePruningStep()])
        assert np.mean(inner.layer.kernel.numpy() == 0) == 0.5
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="UpdatePruningStep"):
            inside.fit(x, y, verbose=0, callbacks=[engine.UpdatePruningStep()])


@both
def test_16_frozen_layers_are_left_alone(engine: Any) -> None:
    frozen = model()
    frozen.layers[0].trainable = False
    pruned = engine.prune_low_magnitude(frozen, engine.ConstantSparsity(0.5, 1, frequency=1))
    fit(engine, pruned, 3)
    assert sparsity(engine.strip_pruning(pruned)) == (0.0 if ours(engine) else 0.5)


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small"])
@both
def test_17_models_of_keras_applications_are_wrapped_whole(engine: Any, name: str) -> None:
    application = getattr(tf_keras.applications, name)(input_shape=(32, 32, 3), weights=None, classes=4)
    if not ours(engine):
        with pytest.raises((ValueError, AttributeError)):
            engine.prune_low_magnitude(application, engine.ConstantSparsity(0.5, 1))
        return
    pruned = engine.prune_low_magnitude(application, engine.ConstantSparsity(0.5, 0))
    assert {type(wrapper.layer).__name__ for wrapper in wrappers(pruned)} == {"Conv2D", "DepthwiseConv2D"} | (
        {"Dense"} if name == "EfficientNetB0" else set()
    )
    image = RNG.normal(size=(1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(pruned(image), application(image))


@both
def test_18_a_misspelled_keyword_is_an_error(engine: Any) -> None:
    misspelled = {"pruning_schedul": engine.ConstantSparsity(0.9, 0)}
    if ours(engine):
        with pytest.raises(TypeError, match="pruning_schedul"):
            engine.prune_low_magnitude(model(), **misspelled)
    else:
        engine.prune_low_magnitude(model(), **misspelled)


@both
def test_18_schedules_come_back_from_their_config(engine: Any) -> None:
    schedule = engine.PolynomialDecay(0.1, 0.9, 2, 8)
    if ours(engine):
        assert engine.PolynomialDecay.from_config(schedule.get_config()).get_config() == schedule.get_config()
    else:
        with pytest.raises(TypeError):
            engine.PolynomialDecay.from_config(schedule.get_config())


@both
def test_19_the_final_sparsity_is_in_the_summaries(engine: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    pruned = engine.prune_low_magnitude(model(), engine.ConstantSparsity(0.5, 4, frequency=1))
    fit(engine, pruned, 8, [engine.PruningSummaries(str(tmp_path))])
    logged: list[float] = []
    for file in sorted(tmp_path.rglob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            logged += [
                float(tf.make_ndarray(value.tensor))
                for value in event.summary.value
                if value.tag.endswith("sparsity") and "threshold" not in value.tag
            ]
    assert (0.5 in logged) is ours(engine)
