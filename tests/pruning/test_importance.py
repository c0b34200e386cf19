"""Masks by chance: the control that magnitude has to beat."""

import random
from itertools import pairwise
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
    UpdatePruningStep,
    graph_masks,
    prune_low_magnitude,
    settle_masks,
    strip_pruning,
)
from runner.pruning.importance import derived_seed, random_scores
from runner.pruning.layouts import transposed_layout
from runner.pruning.mask_update import MaskSpec, new_mask, shared_updates, updated_mask
from runner.pruning.structures import Block, MByN, Structure, Unstructured
from runner.pruning.wrapper import wrappers

STRUCTURES = [Unstructured(), MByN(2, 4), MByN(1, 4, "flattened"), Block(4, 1), Block(2, 2, "MAX")]
RAGGED = Block(5, 3)
SPARSITIES = [0.0, 0.1, 0.24, 0.5, 0.875, 0.99]
SEED = 2**64 - 3


def mask_by_chance(structure: Structure, shape: tuple[int, ...], sparsity: float, seed: int) -> np.ndarray:
    """The specification: the structure's own mask, of scores in the place of weights."""
    return np.asarray(structure.mask(structure.shared(random_scores(shape, seed)), sparsity)) != 0


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, 8)).astype(np.float32), rng.normal(size=(64, 2)).astype(np.float32)


def dense_model(seed: int = 3) -> tf_keras.Sequential:
    tf_keras.utils.set_random_seed(seed)
    return tf_keras.Sequential(
        [layers.Dense(16, "relu", input_shape=(8,), name="a"), layers.Dense(2, name="b")]
    )


def pruned(schedule: Any = None, seed: int | None = 5, **arguments: Any) -> tf_keras.Model:
    return prune_low_magnitude(
        dense_model(), schedule, importance="random", importance_seed=seed, **arguments
    )


def trained(model: tf_keras.Model, epochs: int = 2, **how: Any) -> tf_keras.Model:
    """Eight steps."""
    model.compile("adam", "mse", **how)
    model.fit(*data(), batch_size=16, epochs=epochs, verbose=0, callbacks=[UpdatePruningStep()])
    return model


def masks_of(model: tf_keras.Model) -> list[list[int]]:
    """The flat positions of the pruned weights, of each layer."""
    return [
        np.flatnonzero(~masked.mask.numpy()).tolist()
        for wrapper in wrappers(model)
        for masked in wrapper.masked_weights
    ]


def test_scores_are_the_published_generators() -> None:
    # SplitMix64 from state 0 gives e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f, ...
    expected = [0xE220A8 / 2**24, 0x6E789E / 2**24, 0x06C45D / 2**24]
    assert random_scores((3,), 0).tolist() == expected
    assert random_scores((3, 1), 0).shape == (3, 1)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("seed", [0, 7, SEED])
def test_the_graphs_scores_are_the_specifications(seed: int, jit_compile: bool) -> None:
    draw = tf.function(graph_masks.random_scores, jit_compile=jit_compile)
    found = draw(tf.constant(5000), tf.constant(seed, tf.uint64)).numpy()
    np.testing.assert_array_equal(found, random_scores((5000,), seed))


def test_scores_are_even_and_unlike_from_seed_to_seed() -> None:
    first, second = (random_scores((50_000,), derived_seed(1, name)) for name in ("a/kernel", "b/kernel"))
    assert (first >= 0).all()
    assert (first < 1).all()
    for scores in (first, second):
        shares = np.histogram(scores, 10, (0, 1))[0] / scores.size
        assert np.abs(shares - 0.1).max() < 0.005
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("shape", [(12, 8), (3, 3, 4, 10)], ids=str)
@pytest.mark.parametrize("structure", [*STRUCTURES, RAGGED], ids=lambda structure: structure.label)
def test_masks_are_the_specifications_and_count_as_those_of_magnitude(
    structure: Structure, shape: tuple[int, ...]
) -> None:
    weights = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for sparsity in SPARSITIES:
        level = tf.constant(sparsity, tf.float32)
        found = new_mask(tf.constant(weights), level, MaskSpec(structure, seed=SEED)).numpy()
        by_magnitude = np.asarray(structure.mask(weights, sparsity)) != 0
        np.testing.assert_array_equal(found, mask_by_chance(structure, shape, sparsity, SEED))
        assert structure.agrees(found, sparsity)
        assert structure.agrees(by_magnitude, sparsity)
        if structure is not RAGGED:
            assert np.count_nonzero(found) == np.count_nonzero(by_magnitude)
        if 0.2 < sparsity < 0.9:
            assert (found != by_magnitude).any()


@pytest.mark.parametrize("structure", [*STRUCTURES, RAGGED], ids=lambda structure: structure.label)
def test_what_is_pruned_stays_pruned_as_sparsity_rises(structure: Structure) -> None:
    before = np.ones((3, 3, 4, 10), bool)
    for sparsity in SPARSITIES:
        mask = mask_by_chance(structure, before.shape, sparsity, SEED)
        assert not (mask & ~before).any()
        before = mask


def test_every_block_is_as_likely_as_any_other() -> None:
    # A row of nine in blocks of four: the last block has one weight, whose mean would vary the most.
    alone = [mask_by_chance(Block(4, 1), (9, 1), 0.67, seed)[8, 0] for seed in range(3000)]
    assert np.mean(alone) == pytest.approx(1 / 3, abs=0.03)


def test_the_mask_goes_with_the_stored_weight_whatever_its_layout() -> None:
    weights, level = tf.zeros((3, 3, 8, 4)), tf.constant(0.5)  # [*spatial, out, in]
    layout = transposed_layout(4)
    found = new_mask(weights, level, MaskSpec(Unstructured(), layout, 9)).numpy()
    np.testing.assert_array_equal(found, mask_by_chance(Unstructured(), (3, 3, 8, 4), 0.5, 9))
    found = new_mask(weights, level, MaskSpec(MByN(2, 4), layout, 9)).numpy().transpose(0, 1, 3, 2)
    scores = random_scores((3, 3, 8, 4), 9).transpose(0, 1, 3, 2)
    np.testing.assert_array_equal(found, MByN(2, 4).mask(scores, 0.5) != 0)


def test_weights_of_equal_shape_share_a_function_and_differ_by_seed() -> None:
    updates, step = shared_updates(ConstantSparsity(0.5, begin_step=0)), tf.constant(1, tf.int64)
    weights, mask = tf.ones((6, 4)), tf.ones((6, 4), tf.bool)
    found = [
        updated_mask(weights, mask, step, MaskSpec(Unstructured(), seed=seed), updates)[0]
        .numpy()
        .ravel()
        .tolist()
        for seed in (1, 2, 1, None)
    ]
    assert found[0] == mask_by_chance(Unstructured(), (6, 4), 0.5, 1).ravel().tolist()
    assert found[0] == found[2]
    assert found[0] != found[1]
    assert found[3] == [True] * 12 + [False] * 12  # By magnitude, all equal: the lower index stays.


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"steps_per_execution": 3}], ids=str)
def test_training_meets_the_masks_of_the_seed(how: dict[str, Any]) -> None:
    model = trained(pruned(PolynomialDecay(0.0, 0.75, 2, 6, power=1, frequency=2)), **how)
    expected = [
        np.flatnonzero(
            ~mask_by_chance(Unstructured(), shape, 0.75, derived_seed(5, f"{name}/kernel"))
        ).tolist()
        for name, shape in (("a", (8, 16)), ("b", (16, 2)))
    ]
    assert masks_of(model) == expected
    kernels = [layer.get_weights()[0] for layer in strip_pruning(model).layers]
    assert [np.flatnonzero(kernel == 0).tolist() for kernel in kernels] == expected


def test_masks_are_nested_along_a_training() -> None:
    model = pruned(PolynomialDecay(0.0, 0.8, 1, 8, frequency=1))
    model.compile("adam", "mse")
    seen, (x, y) = [], data()
    for _ in range(8):
        model.train_on_batch(x, y)
        seen.append([set(mask) for mask in masks_of(model)])
    assert [len(mask) for mask in seen[-1]] == [102, 26]
    for earlier, later in pairwise(seen):
        assert all(less <= more for less, more in zip(earlier, later, strict=True))


def test_training_that_ends_early_settles_by_the_same_scores() -> None:
    model = trained(pruned(PolynomialDecay(0.0, 0.8, 0, 16, power=1, frequency=100)))
    # 0.4 of 128 and of 32 weights: the share at step 8 of 16, at which no update lies.
    settled = [set(mask) for mask in masks_of(model)]
    assert [len(mask) for mask in settled] == [51, 13]
    trained(model)
    assert [len(mask) for mask in masks_of(model)] == [102, 26]
    assert all(less <= set(more) for less, more in zip(settled, masks_of(model), strict=True))


def test_the_same_seed_gives_the_same_masks_and_another_others() -> None:
    schedule = ConstantSparsity(0.5, begin_step=0)
    first, again, other = (masks_of(trained(pruned(schedule, seed))) for seed in (1, 1, 2))
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_layers_of_equal_shape_get_masks_of_their_own() -> None:
    model = tf_keras.Sequential([layers.Dense(8, input_shape=(8,), name=name) for name in ("a", "b")])
    model = prune_low_magnitude(model, importance="random", importance_seed=0)
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 8)), np.ones((4, 8)))
    first, second = masks_of(model)
    assert len(first) == len(second) == 32
    assert first != second


def test_without_a_seed_the_global_one_decides() -> None:
    def drawn(seed: int) -> list[list[int]]:
        tf_keras.utils.set_random_seed(seed)
        layer = PruneLowMagnitude(layers.Dense(8, name="a"), importance="random")
        layer.build((None, 8))
        layer.settle(1)
        return masks_of(layer)

    assert drawn(1) == drawn(1) != drawn(2)
    state = random.getstate()
    PruneLowMagnitude(layers.Dense(8, name="a"))
    assert random.getstate() == state, "magnitude takes nothing from it"


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_seed_survives_saving_and_cloning(tmp_path: Path, name: str) -> None:
    model = pruned(PolynomialDecay(0.0, 0.8, 0, 16, power=1, frequency=4), seed=None)
    trained(model)
    model.save(tmp_path / name)
    loaded = tf_keras.models.load_model(tmp_path / name)
    cloned = tf_keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    configs = [[wrapper.get_config() for wrapper in wrappers(one)] for one in (model, loaded, cloned)]
    seeds = [[config["importance_seed"] for config in config_list] for config_list in configs]
    assert seeds[0] == seeds[1] == seeds[2]
    assert None not in seeds[0]
    assert all(config["importance"] == "random" for config in configs[1])
    loaded.fit(*data(), batch_size=16, epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    trained(model)
    assert masks_of(loaded) == masks_of(model)
    assert [len(mask) for mask in masks_of(loaded)] == [102, 26]


def test_a_model_saved_before_importance_was_there_ranks_by_magnitude() -> None:
    config = PruneLowMagnitude(layers.Dense(4, name="a")).get_config()
    assert (config.pop("importance"), config.pop("importance_seed")) == ("magnitude", None)
    assert PruneLowMagnitude.from_config(config).get_config()["importance"] == "magnitude"


@pytest.mark.filterwarnings("ignore:.*that training had kept:UserWarning")
def test_settling_by_hand() -> None:
    model = pruned(ConstantSparsity(0.5, begin_step=0))
    wrappers(model)[0].pruning_step.assign(1)
    settle_masks(model)
    seed = derived_seed(5, "a/kernel")
    assert masks_of(model)[0] == np.flatnonzero(~mask_by_chance(Unstructured(), (8, 16), 0.5, seed)).tolist()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"importance": "randm"},
            ValueError,
            "importance is 'randm'; it must be one of magnitude, random. Did you mean 'random'",
        ),
        ({"importance": "random", "importance_seed": -1}, ValueError, "importance_seed is -1; it must be a"),
        ({"importance": "random", "importance_seed": 1.5}, ValueError, "importance_seed is 1.5"),
        ({"importance_seed": 1}, ValueError, "importance_seed is for importance='random'"),
        ({"importanc": "random"}, TypeError, "no argument 'importanc'.* Did you mean 'importance'"),
    ],
)
def test_bad_arguments_are_refused_when_made(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prune_low_magnitude(dense_model(), **arguments)
