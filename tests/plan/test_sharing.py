from collections.abc import Callable

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.plan import check_sharing, make_plan, wrap_model
from runner.plan.named_layers import named_layers
from runner.process.errors import UserError
from runner.pruning import UpdatePruningStep, strip_pruning
from runner.recipe.recipe import Rule, ScheduleSettings
from runner.training.fitting import measured_sparsity
from runner.verify import check_weights
from runner.verify.evidence import expected_weights, masked_weights, weights_by_name

HALF = ScheduleSettings("constant", 0.5)


def nested() -> tf_keras.Model:
    """A layer shared by two nested models and the outer one, with a head of each."""
    shared, x = layers.Dense(4, name="shared"), layers.Input((4,))
    heads = []
    for name in ("first", "second"):
        inputs = layers.Input((4,))
        heads.append(tf_keras.Model(inputs, layers.Dense(3, name="head")(shared(inputs)), name=name)(x))
    summed = layers.Add()([*heads, layers.Dense(3, use_bias=False, name="own")(shared(x))])
    return tf_keras.Model(x, layers.Activation("tanh")(summed))


def held() -> tf_keras.Model:
    shared, x = layers.Dense(4, name="shared"), layers.Input((2, 4))
    return tf_keras.Model(x, layers.TimeDistributed(shared, name="each")(shared(x)))


def test_a_shared_layer_is_one_row_that_every_name_finds() -> None:
    [shared] = [named for named in named_layers(nested()) if named.layer.name == "shared"]
    assert set(shared.names) == {"shared", "first/shared", "second/shared"}
    for target in ("first/shared", "second/*", "shared", "re:second/sh.*"):
        rules = [Rule("r", (target,), schedule=HALF)]
        plan = make_plan(rules, nested(), samples=8, batch_size=4, epochs=1)
        assert shared.name in [row.layer for row in plan.pruned]
    rules = [Rule("all", ("*",), ignore=("second/*",), schedule=HALF)]
    plan = make_plan(rules, nested(), samples=8, batch_size=4, epochs=1)
    assert {row.layer for row in plan.pruned} == {"first/head", "own"}


def test_it_is_wrapped_counted_and_proven_once() -> None:
    model = nested()
    parameters = model.count_params()
    plan = make_plan([Rule("all", ("*",), schedule=HALF)], model, samples=16, batch_size=8, epochs=1)
    wrapped = wrap_model(plan, model)
    wrapped.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    wrapped.fit(x, x[:, :3], batch_size=8, verbose=0, callbacks=[UpdatePruningStep()])

    assert [row.size for row in plan.pruned].count(16) == 1
    assert list(masked_weights(wrapped)) == [(row.layer, row.weight) for row in plan.pruned]
    stripped = strip_pruning(wrapped)
    assert stripped.count_params() == parameters
    zeros = sum(row.planned_zeros for row in plan.pruned)
    assert measured_sparsity(wrapped)["_model"] == zeros / parameters
    assert sum(np.count_nonzero(weight == 0) for weight in stripped.get_weights()) == zeros
    rows = check_weights(expected_weights(plan, wrapped), weights_by_name(stripped), "stripped")
    assert len(rows) == 4


def repeated() -> tf_keras.Model:
    twice = layers.Dense(4, name="twice")
    return tf_keras.Sequential([layers.Input((4,)), twice, layers.ReLU(), twice], name="stack")


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (nested, "recipe.model: one layer is used in several models that are nested in each other, as "),
        (held, "recipe.model: layers 'shared' and 'each' hold one variable, 'shared/kernel:0'; copies"),
        (repeated, "recipe.model: 'stack' is a Sequential model that holds layer 'twice' twice; its"),
    ],
)
def test_what_a_run_cannot_keep_is_refused_before_it(build: Callable[[], tf_keras.Model], told: str) -> None:
    with pytest.raises(UserError) as caught:
        check_sharing(build())
    assert str(caught.value).startswith(told)


def test_a_layer_or_model_called_twice_in_one_model_is_welcome() -> None:
    x, shared = layers.Input((4,)), layers.Dense(4, name="shared")
    twice = tf_keras.Sequential([layers.Input((4,)), layers.Dense(4), layers.Dropout(0.1)])
    check_sharing(tf_keras.Model(x, twice(shared(twice(shared(x))))))
