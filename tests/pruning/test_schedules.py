import json
import random
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.pruning import ConstantSparsity, PolynomialDecay, PruningSchedule, prune_low_magnitude
from runner.pruning.schedules import (
    ExponentialSparsity,
    LinearSparsity,
    schedule_config,
    schedule_from_config,
)
from runner.pruning.update_steps import decide, is_over, settled_sparsity, update_steps


class Staircase(PruningSchedule):
    """As a script for TFMOT would write it."""

    def __init__(self, target: float, begin_step: Any, end_step: Any) -> None:
        self._validate_sparsity(target, "target")
        self._validate_step(begin_step, end_step, 2, allow_negative_1=True)
        self.target, self.begin_step, self.end_step = target, begin_step, end_step

    def __call__(self, step: Any) -> tuple[Any, Any]:
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, 2)
        return fires, tf.where(tf.less(step, 5), self.target / 2, self.target)

    def get_config(self) -> dict[str, Any]:
        return {"target": self.target, "begin_step": self.begin_step, "end_step": self.end_step}


@pytest.mark.parametrize(
    ("step", "fires", "sparsity"),
    [
        (1, False, 0.0),
        (10, True, 0.0),
        (15, False, 0.4375),
        (20, True, 0.5),
        (25, False, 0.5),
        (12, False, 0.244),
    ],
)
def test_polynomial_values(step: int, fires: bool, sparsity: float) -> None:
    schedule = PolynomialDecay(0.0, 0.5, 10, 20, power=3, frequency=10)
    assert schedule(step)[0] is fires
    assert schedule(step)[1] == pytest.approx(sparsity)
    in_graph = tf.function(schedule)(tf.constant(step, tf.int64))
    assert bool(in_graph[0]) is fires
    assert float(in_graph[1]) == pytest.approx(sparsity)
    assert in_graph[1].dtype == tf.float32


def test_polynomial_may_fall_and_have_any_power() -> None:
    assert PolynomialDecay(0.8, 0.4, 0, 4, power=1)(1)[1] == pytest.approx(0.7)
    assert PolynomialDecay(0.0, 0.9, 0, 100, power=0.5)(75)[1] == pytest.approx(0.45)


def test_constant_is_its_target_at_every_step() -> None:
    schedule = ConstantSparsity(0.6, 4, 8, frequency=2)
    assert [schedule(step) for step in (1, 4, 5, 8, 10)] == [
        (False, 0.6),
        (True, 0.6),
        (False, 0.6),
        (True, 0.6),
        (False, 0.6),
    ]
    values = schedule(tf.constant([1, 4]))[1]
    np.testing.assert_allclose(values, [0.6, 0.6])


def test_linear_values() -> None:
    schedule = LinearSparsity(0.25, 0.75, 10, 20, frequency=4)

    assert [schedule(step) for step in (5, 10, 12, 18, 20, 25)] == [
        (False, 0.25),
        (True, 0.25),
        (False, 0.35),
        (True, 0.65),
        (False, 0.75),
        (False, 0.75),
    ]
    np.testing.assert_allclose(schedule(tf.constant([12, 18]))[1], [0.35, 0.65], rtol=1e-6)


def test_exponential_values() -> None:
    # Each 4 steps prune a fifth of what is left: 0.2, 0.36, 0.488, 0.5904; capped at half.
    schedule = ExponentialSparsity(0.5, 2, 40, rate=0.2, frequency=4)
    steps = (1, 2, 6, 10, 14, 18, 40)
    levels = [0, 0, 0.2, 0.36, 0.488, 0.5, 0.5]

    assert [schedule(step)[1] for step in steps] == pytest.approx(levels)
    np.testing.assert_allclose(schedule(tf.constant(steps))[1], levels, rtol=1e-6)
    # 1 - 0.5 ** (4 / 38)
    assert schedule.sufficient_rate == pytest.approx(0.070365, abs=1e-6)

    # Without a rate: 1 - 0.25 ** (step / 8).
    free = ExponentialSparsity(0.75, 0, 8, frequency=3)
    assert [free(step)[1] for step in (0, 4, 8, 9)] == pytest.approx([0, 0.5, 0.75, 0.75])
    assert free(8)[1] == 0.75
    np.testing.assert_allclose(free(tf.constant([4, 8]))[1], [0.5, 0.75], rtol=1e-6)
    assert ExponentialSparsity(0.5, 5, 5, rate=0.9).sufficient_rate is None


def test_a_jump_where_begin_is_end() -> None:
    schedule = PolynomialDecay(0.1, 0.9, 5, 5)
    assert [schedule(step)[1] for step in (4, 5, 6)] == pytest.approx([0.1, 0.9, 0.9])
    assert float(schedule(tf.constant(5))[1]) == pytest.approx(0.9)


def test_a_mask_is_updated_at_begin_on_the_grid_and_at_the_end() -> None:
    assert update_steps(PolynomialDecay(0, 0.9, 0, 150), 200) == [1, 100, 150]
    assert update_steps(ConstantSparsity(0.5, 0), 80) == [1]
    assert update_steps(ConstantSparsity(0.5, 0, end_step=0), 80) == [1]
    assert update_steps(PolynomialDecay(0, 0.8, 0, 79, power=1, frequency=30), 100) == [1, 30, 60, 79]
    assert update_steps(ConstantSparsity(0.5, 7, frequency=10), 30) == [7, 17, 27]
    assert update_steps(ConstantSparsity(0.5, 70), 60) == []


def test_the_graph_decides_as_python_does() -> None:
    for schedule in (
        PolynomialDecay(0, 0.9, 0, 15, frequency=4),
        LinearSparsity(0.1, 0.9, 2, 13, frequency=4),
        ExponentialSparsity(0.9, 0, 15, rate=0.3, frequency=4),
        ExponentialSparsity(0.9, 3, 14, frequency=4),
        Staircase(0.6, 3, 9),
        ConstantSparsity(0.5, 2),
    ):
        in_graph = tf.function(lambda step, s=schedule: decide(s, step))
        for step in range(1, 20):
            fires, sparsity = in_graph(tf.constant(step, tf.int64))
            assert bool(fires) is decide(schedule, step)[0]
            assert float(sparsity) == pytest.approx(decide(schedule, step)[1])


def test_training_that_ends_early_settles_at_the_value_of_its_last_step() -> None:
    schedule = PolynomialDecay(0, 0.8, 10, 50, power=1)
    assert settled_sparsity(schedule, 9) is None
    assert settled_sparsity(schedule, 30) == pytest.approx(0.4)
    assert settled_sparsity(schedule, 500) == pytest.approx(0.8)
    assert settled_sparsity(ConstantSparsity(0.5, 0), 0) is None


def test_a_schedule_is_over_at_its_last_step() -> None:
    assert [is_over(ConstantSparsity(0.5, 0, 7), step) for step in (6, 7, 8)] == [False, True, True]
    assert is_over(ConstantSparsity(0.5, 0, 0), 1)
    assert not is_over(ConstantSparsity(0.5, 0), 100)


def test_whole_numbers_of_any_kind_are_steps() -> None:
    schedule = PolynomialDecay(0, 0.5, 0.2 * 100, 100.0)
    assert (schedule.begin_step, schedule.end_step) == (20, 100)
    shares = ConstantSparsity(0.5, 0.07 * 100, 0.29 * 100)  # 7.000000000000001 and 28.999999999999996
    assert (shares.begin_step, shares.end_step) == (7, 29)
    end_step: Any = np.ceil(100 / 32).astype(np.int32) * 2  # as TFMOT's tutorial computes it
    integer: Any = np.int64
    single: Any = np.float32
    computed = PolynomialDecay(single(0), single(0.5), integer(0), end_step, power=integer(2))
    assert (computed.begin_step, computed.end_step) == (0, 8)
    assert computed(4)[1] == 0.375
    assert json.loads(json.dumps(computed.get_config()))["config"]["end_step"] == 8
    assert Staircase(0.5, 2.0, 10.0)._should_prune_in_step(tf.constant(4), 2.0, 10.0, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConstantSparsity(1.0, 0), "target_sparsity is 1.0"),
        (lambda: ConstantSparsity(-0.1, 0), "target_sparsity is -0.1"),
        (lambda: ConstantSparsity("0.5", 0), "target_sparsity is '0.5'"),  # type: ignore[arg-type]
        (lambda: ConstantSparsity(0.5, -1), "begin_step is -1"),
        (lambda: ConstantSparsity(0.5, 0, -2), "end_step is -2"),
        (lambda: ConstantSparsity(0.5, 9, 5), "the end comes before the beginning"),
        (lambda: ConstantSparsity(0.5, 0, frequency=0), "frequency is 0"),
        (lambda: ConstantSparsity(0.5, 0.5), r"begin_step is 0.5.*: int\(begin_step\) is 0"),
        (lambda: ConstantSparsity(0.5, 0, float("nan")), "end_step is nan; it must be a whole number"),
        (lambda: ConstantSparsity(0.5, 0, True), "end_step is True; it must be a whole number"),
        (lambda: PolynomialDecay(0, 0.5, 0, -1), "needs a step at which it arrives"),
        (lambda: PolynomialDecay(0, 0.5, 0, 9, power=0), "power is 0"),
        (lambda: PolynomialDecay(0, 0.5, 0, 9, power=-1), "power is -1"),
        (lambda: ExponentialSparsity(0.5, 0, 9, rate=0), "rate is 0"),
        (lambda: ExponentialSparsity(0.5, 0, 9, rate=1.0), "rate is 1.0"),
        (lambda: ExponentialSparsity(0.5, 0, -1), "needs a step at which it arrives"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "schedule",
    [
        ConstantSparsity(0.5, 3, 9, 2),
        PolynomialDecay(0.1, 0.9, 1, 7, 2, 3),
        LinearSparsity(0.1, 0.9, 1, 7, 3),
        ExponentialSparsity(0.9, 1, 7, 0.2, 3),
        Staircase(0.6, 3, 9),
    ],
)
def test_config_round_trip(schedule: PruningSchedule) -> None:
    again = schedule_from_config(schedule_config(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert type(schedule).from_config(schedule.get_config()).get_config() == schedule.get_config()


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ValueError, match="'Gone'; import the module"):
        schedule_from_config({"class_name": "Gone", "config": {}})


class Asking(PruningSchedule):
    """Asks for the step in plain Python, as TFMOT allows; it keeps its steps as the shares they were."""

    begin_step, end_step = 0.29 * 100, 0.57 * 100

    def __call__(self, step: Any) -> tuple[Any, Any]:
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, 10)
        if step < 40:
            return fires, 0.25
        return fires, 0.5

    def get_config(self) -> dict[str, Any]:
        return {}


def test_a_schedule_may_ask_for_the_step_in_plain_python() -> None:
    schedule = Asking()
    in_graph = tf.function(lambda step: decide(schedule, step), autograph=False)
    found = [[float(value) for value in in_graph(tf.constant(step, tf.int64))] for step in (29, 40, 57)]
    assert found == [[1.0, 0.25], [0.0, 0.5], [1.0, 0.5]]
    assert update_steps(schedule, 100) == [29, 39, 49, 57]


class Silent(PruningSchedule):
    """Names no steps and never fires."""

    def __call__(self, step: Any) -> tuple[Any, Any]:
        return False, 0.5

    def get_config(self) -> dict[str, Any]:
        return {}


def test_a_schedule_without_steps_fires_where_it_says_only() -> None:
    assert update_steps(Silent(), 20) == []
    assert settled_sparsity(Silent(), 20) == 0.5


@dataclass
class Written(PruningSchedule):
    """As a dataclass, which has an equality and by itself no hash."""

    level: float

    def __call__(self, step: Any) -> tuple[Any, Any]:
        return self._should_prune_in_step(step, 1, -1, 2), self.level

    def get_config(self) -> dict[str, Any]:
        return {"level": self.level}


def test_a_schedule_may_be_a_dataclass() -> None:
    one, other = Written(0.5), Written(0.5)

    assert one == other
    assert hash(one) != hash(other)
    layer = prune_low_magnitude(tf_keras.layers.Dense(4), one)
    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), layer])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 4)))
    assert np.count_nonzero(layer.get_weights()[0] == 0) == 8


def test_the_steps_of_shipped_schedules_are_those_that_decide_answers_to() -> None:
    lots = random.Random(0)
    for _ in range(300):
        begin, frequency, total = lots.randint(0, 12), lots.randint(1, 6), lots.randint(1, 30)
        end = begin + lots.randint(0, 15)
        window = {"begin_step": begin, "end_step": end, "frequency": frequency}
        for schedule in (
            ConstantSparsity(0.5, **window),
            ConstantSparsity(0.5, begin, -1, frequency),
            PolynomialDecay(0.0, 0.5, **window),
            LinearSparsity(0.0, 0.5, **window),
            ExponentialSparsity(0.5, **window),
        ):
            asked = [step for step in range(1, total + 1) if decide(schedule, step)[0]]
            assert update_steps(schedule, total) == asked, (schedule, window, total)


def test_a_training_of_many_steps_is_not_asked_for_each() -> None:
    began = time.perf_counter()

    steps = update_steps(PolynomialDecay(0.0, 0.5, 10, 10**9, frequency=10**8), 10**9)

    assert steps == [*range(10, 10**9, 10**8), 10**9]
    assert time.perf_counter() - began < 1
