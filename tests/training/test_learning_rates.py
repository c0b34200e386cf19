import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.process.errors import UserError
from runner.recipe.recipe import LearningRate, Optimizer, StepSpec
from runner.training import LEARNING_RATES, build_optimizer
from runner.training.learning_rates import build_learning_rate
from runner.training.rates import Decay, WarmUp


def built(
    name: str,
    initial: float = 1.0,
    *,
    final: float = 0.0,
    warmup: object = 0,
    total_steps: int = 100,
    steps_per_epoch: int = 10,
    **arguments: Any,
) -> Callable[[Any], tf.Tensor]:
    written = LearningRate(name, initial, final, StepSpec.parse(warmup), arguments)
    made = build_learning_rate(written, total_steps, steps_per_epoch)
    assert isinstance(made, tf_keras.optimizers.schedules.LearningRateSchedule)
    return made


def rates(rate: Callable[[Any], tf.Tensor], *steps: int) -> list[float]:
    """The rates of these steps, counted from 1."""
    return [float(rate(step - 1)) for step in steps]


def refusal(name: str, **keys: Any) -> str:
    with pytest.raises(UserError) as refused:
        built(name, **keys)
    return str(refused.value).removeprefix("recipe.training.optimizer.learning_rate")


def test_the_known_learning_rates() -> None:
    assert LEARNING_RATES.names() == ["constant", "cosine", "exponential", "piecewise"]


def test_a_number_stays_one() -> None:
    assert build_learning_rate(0.1, 100, 10) == 0.1


@pytest.mark.parametrize(
    ("name", "keys", "steps", "wanted"),
    [
        ("constant", {}, [1, 50, 100], [1.0, 1.0, 1.0]),
        ("constant", {"warmup": 4}, [1, 2, 3, 4, 5, 100], [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]),
        # A quarter of the way cos(pi / 4) is 0.7071.
        ("cosine", {}, [1, 26, 51, 76, 101], [1.0, 0.853_553, 0.5, 0.146_447, 0.0]),
        ("cosine", {"final": 0.2}, [1, 51, 101, 200], [1.0, 0.6, 0.2, 0.2]),
        ("cosine", {"warmup": "2ep"}, [1, 20, 21, 41, 61, 81], [0.05, 1.0, 1.0, 0.853_553, 0.5, 0.146_447]),
        ("cosine", {"warmup": "100%"}, [1, 50, 100], [0.01, 0.5, 1.0]),
        # 0.01 ** 0.5 half way.
        ("exponential", {}, [1, 51, 101], [1.0, 0.1, 0.01]),
        ("exponential", {"final": 0.3}, [1, 51, 101], [1.0, 0.3, 0.3]),
        ("exponential", {"rate": 0.5, "decay_steps": "1ep"}, [1, 6, 11, 31], [1.0, 0.707_107, 0.5, 0.125]),
        (
            "exponential",
            {"rate": 0.5, "decay_steps": 10, "staircase": True},
            [1, 10, 11, 20, 21],
            [1.0, 1.0, 0.5, 0.5, 0.25],
        ),
        (
            "exponential",
            {"rate": 0.5, "decay_steps": 10, "warmup": 10},
            [5, 10, 11, 21],
            [0.5, 1.0, 1.0, 0.5],
        ),
        ("piecewise", {}, [1, 50, 51, 75, 76, 100], [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]),
        ("piecewise", {"final": 0.05}, [50, 75, 76], [1.0, 0.1, 0.05]),
        (
            "piecewise",
            {"boundaries": [3, "2ep", "90%"], "values": [0.5, 2, 0]},
            [3, 4, 20, 21, 90, 91],
            [1.0, 0.5, 0.5, 2.0, 2.0, 0.0],
        ),
        ("piecewise", {"boundaries": ["40%"]}, [40, 41], [1.0, 0.1]),
        ("piecewise", {"boundaries": []}, [1, 100], [1.0, 1.0]),
        ("piecewise", {"warmup": 2, "boundaries": [2], "values": [0.5]}, [1, 2, 3], [0.5, 1.0, 0.5]),
    ],
)
def test_each_has_its_formula(name: str, keys: dict[str, Any], steps: list[int], wanted: list[float]) -> None:
    rate = built(name, **keys)

    assert rates(rate, *steps) == pytest.approx(wanted, abs=1e-6)
    # In the graph, where the optimizer's step is a tensor, it is the same.
    in_graph = tf.function(rate, input_signature=[tf.TensorSpec([], tf.int64)])
    assert [float(in_graph(step - 1)) for step in steps] == pytest.approx(wanted, abs=1e-6)
    assert in_graph(0).dtype == tf.float32


@pytest.mark.parametrize("total_steps", [1, 2, 3])
@pytest.mark.parametrize("name", ["constant", "cosine", "exponential", "piecewise"])
def test_the_shortest_training_has_a_rate_above_zero(name: str, total_steps: int) -> None:
    assert rates(built(name, total_steps=total_steps), 1)[0] > 0


def test_they_are_those_of_keras() -> None:
    schedules = tf_keras.optimizers.schedules
    for mine, theirs in (
        (built("cosine", 0.1, final=0.02), schedules.CosineDecay(0.1, 100, alpha=0.2)),
        (built("exponential", 0.1, rate=0.9, decay_steps=7), schedules.ExponentialDecay(0.1, 7, 0.9)),
        (
            built("exponential", 0.1, rate=0.9, decay_steps=7, staircase=True),
            schedules.ExponentialDecay(0.1, 7, 0.9, staircase=True),
        ),
        # Keras counts steps from 0 and goes on at a boundary: one more.
        (
            built("piecewise", 0.1, boundaries=[10, 20], values=[0.01, 0.001]),
            schedules.PiecewiseConstantDecay([9, 19], [0.1, 0.01, 0.001]),
        ),
    ):
        np.testing.assert_allclose(
            [float(mine(step)) for step in range(100)],
            [float(theirs(step)) for step in range(100)],
            rtol=1e-5,
        )


def test_late_steps_do_not_drown_in_float32() -> None:
    # Past 2 ** 24 float32 knows even numbers only.
    begin = 2**24
    rate = Decay(1.0, begin, tf_keras.optimizers.schedules.CosineDecay(1.0, 4))

    assert rates(rate, begin + 2, begin + 3) == pytest.approx([0.853_553, 0.5], abs=1e-6)
    piecewise = built("piecewise", boundaries=[begin + 1], values=[0.5], total_steps=begin + 4)
    assert rates(piecewise, begin + 1, begin + 2) == [1.0, 0.5]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("constant", {"warmup": 5}),
        ("cosine", {"final": 0.1}),
        ("exponential", {"warmup": 5, "staircase": True, "decay_steps": 10}),
        ("piecewise", {"boundaries": [5, 9], "values": [0.1, 0.2]}),
    ],
)
def test_each_is_made_again_from_its_configuration(name: str, keys: dict[str, Any]) -> None:
    schedules = tf_keras.optimizers.schedules
    rate = built(name, **keys)

    config = json.loads(json.dumps(schedules.serialize(rate)))
    again = schedules.deserialize(config)

    assert type(again) is type(rate)
    assert rates(again, *range(1, 101)) == rates(rate, *range(1, 101))


def test_a_model_is_saved_with_its_learning_rate(tmp_path: Any) -> None:
    optimizer = build_optimizer(
        Optimizer("sgd", LearningRate("cosine", 0.5, warmup=StepSpec(2))), total_steps=8, steps_per_epoch=4
    )
    model = tf_keras.Sequential([tf_keras.layers.Input((1,)), tf_keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=1, verbose=0)
    model.save(tmp_path / "model.keras")

    again = tf_keras.models.load_model(tmp_path / "model.keras").optimizer

    assert int(again.iterations) == 4
    assert isinstance(again._learning_rate, WarmUp)
    assert rates(again._learning_rate, 1, 2, 6) == pytest.approx([0.25, 0.5, 0.25])


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_each_step_inside_the_graph_has_its_own_rate(steps_per_execution: int) -> None:
    """Down a slope of 1 a weight moves by the sum of the rates."""
    written = Optimizer("sgd", LearningRate("cosine", 1.0, warmup=StepSpec(3)))
    model = tf_keras.Sequential(
        [tf_keras.layers.Input((1,)), tf_keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(
        build_optimizer(written, total_steps=9, steps_per_epoch=9),
        lambda targets, outputs: tf.reduce_mean(outputs),
        steps_per_execution=steps_per_execution,
    )

    model.fit(np.ones((9, 1), np.float32), np.zeros((9, 1), np.float32), batch_size=1, verbose=0)

    decay = [(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert float(model.get_weights()[0][0, 0]) == pytest.approx(-(1 / 3 + 2 / 3 + 1 + sum(decay)), rel=1e-5)
    assert float(model.optimizer.learning_rate) == pytest.approx(decay[-1], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        (
            "cosin",
            {},
            ".name: there is no learning rate 'cosin'. Did you mean 'cosine'? Known: constant, cos",
        ),
        (
            "cosine",
            {"rate": 0.1},
            ".rate: learning rate 'cosine' has no argument 'rate'. It takes: final, initial, warmup.",
        ),
        ("cosine", {"total_steps": 5}, None),
        ("exponential", {"rate": 0}, ".rate is 0, but must be in (0, 1]."),
        ("exponential", {"rate": "half"}, ".rate is 'half', but must be a number."),
        ("exponential", {"staircase": 1}, ".staircase is 1, but must be true or false."),
        (
            "exponential",
            {"decay_steps": "soon"},
            ".decay_steps is 'soon'; write steps (2000), epochs ('2ep')",
        ),
        (
            "exponential",
            {"decay_steps": 0},
            ": learning rate 'exponential': decay_steps is less than one step.",
        ),
        ("piecewise", {"boundaries": "50%"}, ".boundaries is '50%', but must be a list."),
        (
            "piecewise",
            {"boundaries": [32000]},
            ".boundaries goes to step 32000 (32000), but training has 100 steps (10 epochs of 10). A share"
            " such as 20% fits.",
        ),
        (
            "piecewise",
            {"boundaries": ["50%", 20]},
            ": learning rate 'piecewise': the boundaries must rise, but",
        ),
        ("piecewise", {"values": [-1, 0]}, ".values is -1, but must be at least 0."),
        ("piecewise", {"values": [0.1]}, ": learning rate 'piecewise': 1 values for 2 boundaries: each"),
        (
            "piecewise",
            {"boundaries": [50], "values": [0.1, 0.01]},
            ": learning rate 'piecewise': 2 values for 1 boundaries: the rate before the first one is"
            " initial, so write initial: 0.1, values: [0.01].",
        ),
        (
            "piecewise",
            {"warmup": "60%"},
            ": learning rate 'piecewise': the first boundary is step 50, within",
        ),
        (
            "constant",
            {"warmup": 101},
            ".warmup goes to step 101 (101), but training has 100 steps (10 epochs",
        ),
    ],
)
def test_unusable_keys_are_told(name: str, keys: dict[str, Any], told: str | None) -> None:
    if told is None:
        written = LearningRate(name, 1.0, arguments=keys)
        with pytest.raises(UserError, match=r"learning rate 'cosine' has no argument 'total_steps'"):
            build_learning_rate(written, 100, 10)
    else:
        assert refusal(name, **keys).startswith(told)


def test_messages_name_the_phase_whose_steps_are_too_few() -> None:
    written = LearningRate("cosine", 0.1, warmup=StepSpec(2, "epochs"))

    with pytest.raises(UserError, match=r"warmup goes to step 20 \(2ep\), but dense training has 10 steps"):
        build_learning_rate(written, 10, 10, phase="dense training")


def test_a_learning_rate_of_ones_own_is_warmed_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(*, initial: float, begin: int, total_steps: int, final: float, power: float) -> Any:
        return tf_keras.optimizers.schedules.PolynomialDecay(initial, total_steps, final, power)

    monkeypatch.setitem(LEARNING_RATES._entries, "mine", mine)

    assert rates(built("mine", warmup=2, power=1), 1, 2, 51) == pytest.approx([0.5, 1.0, 0.5])


def test_a_builder_must_return_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEARNING_RATES._entries, "mine", lambda **keys: 0.1)

    assert refusal("mine").startswith(".name: the builder of learning rate 'mine' returned a float; it must")
