import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.plan import Plan, make_plan, wrap_model
from runner.pruning import UpdatePruningStep, strip_pruning
from runner.pruning.layouts import KernelLayout
from runner.pruning.structures import MByN
from runner.recipe.recipe import Rule, ScheduleSettings
from runner.verify import PrunedWeight
from runner.verify.evidence import expected_weights, masked_weights, weights_by_name


@pytest.fixture(scope="module")
def trained() -> tuple[Plan, tf_keras.Model]:
    """An embedding at 2:4, a nested dense layer at 75 %, half of a dense layer at a half of 2:4."""
    tf_keras.utils.set_random_seed(1)
    inner = tf_keras.Sequential([layers.Input((8,)), layers.Dense(4, name="dense")], name="inner")
    model = tf_keras.Sequential(
        [
            layers.Input((2,)),
            layers.Embedding(10, 4, name="words"),
            layers.Flatten(name="flatten"),
            inner,
            layers.Dense(8, name="gradual"),
            layers.Dense(2, name="left"),
        ]
    )
    rules = (
        Rule("words", ("words",), m_by_n=(2, 4)),
        Rule("inner", ("inner/*",), schedule=ScheduleSettings("constant", 0.75)),
        Rule("gradual", ("gradual",), m_by_n=(2, 4), schedule=ScheduleSettings("constant", 0.25)),
    )
    plan = make_plan(rules, model, samples=16, batch_size=8, epochs=1)
    wrapped = wrap_model(plan, model)
    wrapped.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 10, (16, 2)), rng.normal(size=(16, 2)).astype(np.float32)
    wrapped.fit(x, y, batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])
    return plan, wrapped


def test_masks_are_found_by_the_names_of_the_plan(trained: tuple[Plan, tf_keras.Model]) -> None:
    plan, wrapped = trained

    found = masked_weights(wrapped)

    assert list(found) == [("words", "embeddings"), ("inner/dense", "kernel"), ("gradual", "kernel")]
    assert list(found) == [(row.layer, row.weight) for row in plan.pruned]


def test_what_later_forms_must_show(trained: tuple[Plan, tf_keras.Model]) -> None:
    expected = expected_weights(*trained)

    assert [(w.layer, w.weight, w.planned_zeros, w.promised) for w in expected] == [
        ("words", "embeddings", 20, True),
        ("inner/dense", "kernel", 24, False),
        ("gradual", "kernel", 8, False),
    ]
    for weight in expected:
        assert weight.mask.dtype == np.bool_
        assert np.count_nonzero(~weight.mask) == weight.planned_zeros
        np.testing.assert_array_equal(weight.values == 0, ~weight.mask)
    assert [w.structure.label for w in expected] == ["2:4 (2 of 4 zero)", "unstructured", "2:4 (2 of 4 zero)"]
    # Of each word's four numbers two are zero; along the other axis the pattern cannot be.
    np.testing.assert_array_equal((expected[0].values == 0).sum(axis=1), [2] * 10)
    assert expected[0].pattern_holds(expected[0].values)
    assert not expected[2].pattern_holds(expected[2].values)


def test_the_values_are_the_trained_ones_and_copies(trained: tuple[Plan, tf_keras.Model]) -> None:
    plan, wrapped = trained
    [words, *_] = expected_weights(plan, wrapped)
    own = masked_weights(wrapped)["words", "embeddings"].weight.variable
    before = own.numpy()

    own.assign(before + 1)
    try:
        np.testing.assert_array_equal(words.values, before)
    finally:
        own.assign(before)


def test_a_structure_looks_at_a_weight_through_its_layout() -> None:
    along_rows = np.array([[1, 0, 0, 2], [0, 3, 4, 0], [0, 0, 5, 6], [7, 8, 0, 0]], np.float32)
    along_rows[:, 3] += np.array([0, 1, 0, 1])  # A third weight in rows 1 and 3.
    kernel, rows = (
        PrunedWeight("d", "w", 8, along_rows > 0, along_rows, MByN(2, 4), True, layout=layout, sparsity=0.5)
        for layout in (KernelLayout(), KernelLayout((), (1,), (0,)))
    )
    two_per_row = np.array([[1, 0, 0, 2], [1, 0, 0, 2], [1, 0, 0, 2], [1, 0, 0, 2]], np.float32)

    assert (rows.pattern_holds(two_per_row), kernel.pattern_holds(two_per_row)) == (True, False)
    assert (rows.pattern_holds(two_per_row.T), kernel.pattern_holds(two_per_row.T)) == (False, True)
    assert not rows.pattern_holds(along_rows)


def test_weights_of_a_stripped_model_go_by_the_same_names(trained: tuple[Plan, tf_keras.Model]) -> None:
    plan, wrapped = trained

    found = weights_by_name(strip_pruning(wrapped))

    assert list(found) == [
        ("words", "embeddings"),
        ("inner/dense", "kernel"),
        ("gradual", "kernel"),
        ("left", "kernel"),
    ]
    for weight in expected_weights(plan, wrapped):
        np.testing.assert_array_equal(found[weight.layer, weight.weight], weight.values)
