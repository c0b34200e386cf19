"""A mask's update as one shared function."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.pruning import ConstantSparsity, prune_low_magnitude
from runner.pruning.layouts import KernelLayout, transposed_layout
from runner.pruning.mask_update import MaskSpec, shared_updates, updated_mask
from runner.pruning.masks import m_by_n_mask, unstructured_mask
from runner.pruning.structures import Block, MByN, Structure, Unstructured

SHAPES = [(6, 4), (3, 3, 2, 8), (12,), (5, 7)]


def graph_of(structure: Structure, schedule: ConstantSparsity, *, jit_compile: bool) -> tf.Graph:
    """Traces the masks of all shapes in one function, and returns its graph."""

    updates = shared_updates(schedule)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def step() -> list[tf.Tensor]:
        found = []
        for shape in SHAPES:
            weights = tf.random.stateless_normal(shape, (1, 2))
            mask = tf.ones(shape, tf.bool)
            found.append(
                updated_mask(weights, mask, tf.constant(1, tf.int64), MaskSpec(structure), updates)[0]
            )
        return found

    return step.get_concrete_function().graph


def calls(graph: tf.Graph) -> list[str]:
    """Names the functions that a graph calls, one for each call."""
    return [op.get_attr("f").name for op in graph.get_operations() if "PartitionedCall" in op.type]


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_specification(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    schedule = ConstantSparsity(0.5, begin_step=0)
    before = tf.ones(shape, tf.bool)
    mask, finite = updated_mask(
        tf.constant(weights),
        before,
        tf.constant(1, tf.int64),
        MaskSpec(Unstructured()),
        shared_updates(schedule),
    )
    assert mask.numpy().astype(np.float32).tolist() == unstructured_mask(weights, 0.5).tolist()
    assert bool(finite)


def test_the_axes_of_a_pattern_are_the_layouts() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 3, 8, 4)).astype(np.float32)  # [*spatial, out, in]
    step, schedule = tf.constant(1, tf.int64), ConstantSparsity(0.5, begin_step=0)
    layout = transposed_layout(4)
    mask, _ = updated_mask(
        tf.constant(weights),
        tf.ones(weights.shape, tf.bool),
        step,
        MaskSpec(MByN(2, 4), layout),
        shared_updates(schedule),
    )
    expected = m_by_n_mask(weights.transpose(0, 1, 3, 2), 2, 4).transpose(0, 1, 3, 2)
    assert mask.numpy().astype(np.float32).tolist() == expected.tolist()


def test_between_updates_the_mask_stays_and_nothing_is_checked() -> None:
    mask = tf.constant([True, False, True])
    broken = tf.constant([np.nan, 1.0, np.inf])
    schedule = ConstantSparsity(0.5, begin_step=10)
    kept, finite = updated_mask(
        broken, mask, tf.constant(9, tf.int64), MaskSpec(Unstructured()), shared_updates(schedule)
    )
    assert kept.numpy().tolist() == [True, False, True]
    assert bool(finite)
    _, finite = updated_mask(
        broken, mask, tf.constant(10, tf.int64), MaskSpec(Unstructured()), shared_updates(schedule)
    )
    assert not bool(finite)


def test_single_weights_of_every_shape_share_one_function() -> None:
    called = calls(graph_of(Unstructured(), ConstantSparsity(0.5, begin_step=0), jit_compile=False))
    assert len(called) == len(SHAPES)
    assert len(set(called)) == 1


def test_a_function_traced_for_the_cpu_is_not_met_again_under_xla() -> None:
    schedule = ConstantSparsity(0.5, begin_step=0)
    plain = calls(graph_of(Unstructured(), schedule, jit_compile=False))
    compiled = calls(graph_of(Unstructured(), schedule, jit_compile=True))
    assert not set(plain) & set(compiled)


def test_schedules_do_not_share() -> None:
    weights, step = tf.constant([1.0, 2.0, 3.0, 4.0]), tf.constant(1, tf.int64)
    for sparsity, expected in ((0.5, 2), (0.25, 3)):
        updates = shared_updates(ConstantSparsity(sparsity, begin_step=0))
        mask, _ = updated_mask(
            weights, tf.ones([4], tf.bool), step, MaskSpec(Block(1, 1), KernelLayout((), (), (0,))), updates
        )
        assert int(np.count_nonzero(mask)) == expected


def test_a_trained_model_is_freed_with_its_graphs() -> None:
    def train() -> weakref.ref[tf_keras.Model]:
        model = prune_low_magnitude(
            tf_keras.Sequential([tf_keras.layers.Dense(4, input_shape=(4,))]),
            ConstantSparsity(0.5, begin_step=0),
        )
        model.compile("adam", "mse")
        model.fit(np.ones((4, 4)), np.ones((4, 4)), verbose=0)
        return weakref.ref(model)

    gone = train()
    tf_keras.backend.clear_session()
    gc.collect()
    assert gone() is None
