from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.plan import Plan, make_plan, wrap_model
from runner.pruning import PruneLowMagnitude, PruningSchedule
from runner.pruning.structures import MByN, Unstructured
from runner.recipe.recipe import Rule, ScheduleSettings

HALF = ScheduleSettings("constant", 0.5)


def planned(model: tf_keras.Model, *rules: Rule) -> Plan:
    return make_plan(rules, model, samples=32, batch_size=8, epochs=2)


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, "relu", name="hidden"),
            layers.Dense(3, name="output"),
        ]
    )


@pytest.fixture(scope="module")
def plan(model: tf_keras.Model) -> Plan:
    return planned(
        model,
        Rule("conv", ("conv",), m_by_n=(1, 4), m_by_n_axis="flattened"),
        Rule("hidden", ("hidden",), schedule=ScheduleSettings("polynomial", 0.75)),
    )


def wrapped_layers(model: tf_keras.Model) -> dict[str, PruneLowMagnitude]:
    return {layer.layer.name: layer for layer in model.layers if isinstance(layer, PruneLowMagnitude)}


def test_only_planned_layers_are_wrapped_with_structure_and_schedule(
    model: tf_keras.Model, plan: Plan
) -> None:
    found = wrapped_layers(wrap_model(plan, model))

    assert list(found) == ["conv", "hidden"]
    assert found["conv"].structure == MByN(1, 4, "flattened")
    assert found["hidden"].structure == Unstructured()
    schedules: list[tuple[str, PruningSchedule | None]] = [(row.layer, row.schedule) for row in plan.pruned]
    assert [(name, layer.pruning_schedule) for name, layer in found.items()] == schedules


def test_the_copy_has_the_weights_and_outputs_and_the_model_is_left_alone(
    model: tf_keras.Model, plan: Plan
) -> None:
    before = model.get_weights()
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
    wanted = model(x).numpy()

    copy = wrap_model(plan, model)

    np.testing.assert_array_equal(copy(x).numpy(), wanted)
    copy.compile("sgd", "mse")
    copy.fit(x, np.ones((4, 3), np.float32), verbose=0)
    assert np.count_nonzero(wrapped_layers(copy)["conv"].layer.kernel.numpy() == 0) == 16
    assert not [layer for layer in model.layers if isinstance(layer, PruneLowMagnitude)]
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_lots_are_drawn_from_the_runs_seed_by_the_layers_path() -> None:
    inner = tf_keras.Sequential([layers.Input((8,)), layers.Dense(8, name="same")], name="inner")
    model = tf_keras.Sequential([layers.Input((8,)), layers.Dense(8, name="same"), inner])
    plan = planned(model, Rule("r", ("*same",), importance="random", schedule=HALF))

    def masks(seed: int) -> list[list[int]]:
        copy = wrap_model(plan, model, seed)
        found = [*wrapped_layers(copy).values(), *wrapped_layers(copy.get_layer("inner")).values()]
        for wrapper in found:
            wrapper.settle(1)
        return [np.flatnonzero(~wrapper.masked_weights[0].mask.numpy()).tolist() for wrapper in found]

    assert [row.importance for row in plan.pruned] == ["random", "random"]
    first, second = masks(1)
    assert len(first) == len(second) == 32
    assert first != second
    assert masks(1) == [first, second]
    assert not {tuple(mask) for mask in masks(2)} & {tuple(first), tuple(second)}


def test_only_the_planned_weights_of_a_layer_get_masks() -> None:
    model = tf_keras.Sequential([layers.Input((5, 3)), layers.GRU(4, name="gru")])
    plan = planned(model, Rule("gru", ("gru",), weights=("recurrent_kernel",), schedule=HALF))

    [wrapper] = wrapped_layers(wrap_model(plan, model)).values()

    assert [masked.name for masked in wrapper.masked_weights] == ["recurrent_kernel"]
    assert wrapper.masked_weights[0].mask.shape == (4, 12)


@pytest.mark.parametrize("pick", [{}, {"types": ("Dense",)}])
def test_layers_in_nested_models_are_wrapped_there(pick: dict[str, Any]) -> None:
    inner = tf_keras.Sequential([layers.Input((6,)), layers.Dense(5, name="same")], name="inner")
    model = tf_keras.Sequential([layers.Input((8,)), layers.Dense(6, name="same"), inner])
    plan = planned(model, Rule("r", ("inner/same",), schedule=HALF, **pick))

    copy = wrap_model(plan, model)

    assert wrapped_layers(copy) == {}
    assert list(wrapped_layers(copy.get_layer("inner"))) == ["same"]


def test_a_layer_that_is_used_twice_is_wrapped_once() -> None:
    x, shared = layers.Input((4,)), layers.Dense(4, name="shared")
    model = tf_keras.Model(x, shared(tf_keras.activations.relu(shared(x))))
    plan = planned(model, Rule("r", ("shared",), schedule=HALF))

    copy = wrap_model(plan, model)

    assert list(wrapped_layers(copy)) == ["shared"]
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_array_equal(copy(values).numpy(), model(values).numpy())
