from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.plan import SCHEDULES, Plan, PlannedWeight, make_plan, wrap_model
from runner.plan.schedule_curve import ScheduleCurve, curve_of
from runner.pruning import ConstantSparsity, PruningSchedule, UpdatePruningStep
from runner.pruning.schedules import LinearSparsity
from runner.recipe.recipe import Rule, ScheduleSettings, StepSpec
from runner.verify.evidence import masked_weights


class Ramp(PruningSchedule):
    """A tenth more every third step; names neither a first nor a last step."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, step: Any) -> tuple[Any, Any]:
        self.asked += isinstance(step, int)
        return self._should_prune_in_step(step, 3, -1, 3), step / 10

    def get_config(self) -> dict[str, Any]:
        return {}


class Late(LinearSparsity):
    """Goes on after its end."""

    def __call__(self, step: Any) -> tuple[Any, Any]:
        fires, level = super().__call__(step)
        return (
            (fires | (step == 8), level if step <= 6 else 0.75) if isinstance(step, int) else (fires, level)
        )


def levels(curve: ScheduleCurve) -> list[float]:
    return [round(curve.level(step), 6) for step in range(curve.total_steps + 1)]


def test_masks_keep_their_level_between_updates() -> None:
    curve = curve_of(LinearSparsity(0.0, 0.8, 2, 6, frequency=3), 8)

    assert curve.updates == ((2, 0.0), (5, 0.8 * 0.75), (6, 0.8))
    assert (curve.steps, curve.settled, curve.final) == ((2, 5, 6), None, 0.8)
    assert levels(curve) == [0, 0, 0, 0, 0, 0.6, 0.8, 0.8, 0.8]
    assert [curve.wanted(step) for step in range(2)] == [None, None]
    assert [curve.wanted(step) for step in range(2, 9)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_a_begin_of_zero_is_the_first_step() -> None:
    assert levels(curve_of(ConstantSparsity(0.5, 0, 0), 3)) == [0, 0.5, 0.5, 0.5]
    assert levels(curve_of(LinearSparsity(0.0, 0.4, 0, 4, frequency=2), 4)) == [0, 0.1, 0.2, 0.2, 0.4]


def test_the_end_of_training_settles_a_schedule_that_is_not_over() -> None:
    cut = curve_of(LinearSparsity(0.0, 0.8, 0, 8, frequency=3), 5)
    assert (cut.steps, cut.settled) == ((1, 3), 0.5)
    assert levels(cut) == [0, 0.1, 0.1, 0.3, 0.3, 0.5]

    endless = curve_of(ConstantSparsity(0.5, 2, frequency=4), 9)
    assert (endless.steps, endless.settled) == ((2, 6), 0.5)

    unbegun = curve_of(ConstantSparsity(0.5, 9), 5)
    assert (unbegun.updates, unbegun.settled, unbegun.final) == ((), None, 0.0)


def test_what_a_schedule_does_after_its_end_counts_too() -> None:
    curve = curve_of(Late(0.0, 0.6, 0, 6, frequency=6), 9)

    assert levels(curve) == [0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.6, 0.6, 0.75, 0.75]
    assert curve.settled is None


def test_a_schedule_is_asked_once_for_all_of_its_weights() -> None:
    ramp = Ramp()
    rows = [
        PlannedWeight(str(n), "Dense", "kernel", (4, 4), (4, 4), schedule=ramp, total_steps=7) for n in (1, 2)
    ]

    assert [(row.updates, row.sparsity) for row in rows] == [([3, 6], 0.7)] * 2
    asked = ramp.asked
    assert [(row.updates, row.sparsity) for row in rows] == [([3, 6], 0.7)] * 2
    assert ramp.asked == asked


def test_a_plan_has_a_curve_for_each_rule_that_prunes() -> None:
    model = tf_keras.Sequential(
        [layers.Input((8,)), *(layers.Dense(8, name=name) for name in ("a", "b", "c", "d", "e"))]
    )
    rules = (
        Rule("gradual", ("*",), schedule=ScheduleSettings("linear", 0.5, frequency=3)),
        Rule("pattern", ("b", "d"), m_by_n=(2, 4)),
        Rule("none", ("e",), prune=False),
    )

    plan = make_plan(rules, model, samples=8, batch_size=2, epochs=1)

    assert [(rule, levels(curve)) for rule, curve in plan.curves] == [
        ("gradual", [0, 0.125, 0.125, 0.375, 0.5]),
        ("pattern", [0, 0.5, 0.5, 0.5, 0.5]),
    ]


def ramp(*, sparsity: float, begin_step: int, end_step: int, frequency: int) -> PruningSchedule:
    return Ramp()


FITTED = {
    "constant": ScheduleSettings("constant", 0.5, StepSpec(2), frequency=3),
    "polynomial": ScheduleSettings("polynomial", 0.75, frequency=2),
    "early": ScheduleSettings("polynomial", 0.75, end_step=StepSpec(5), frequency=2),
    "linear": ScheduleSettings("linear", 0.6, StepSpec(1), arguments={"initial_sparsity": 0.1}),
    "exponential": ScheduleSettings("exponential", 0.875, arguments={"rate": 0.4}),
    "ramp": ScheduleSettings("ramp", 0.8),
}
"""By layer; trained for eight steps."""


def fitted() -> tuple[Plan, tf_keras.Model, list[dict[str, float]]]:
    """Trains, and measures each layer's share of zeros after every step, with NumPy alone."""
    model = tf_keras.Sequential(
        [layers.Input((24,)), *(layers.Dense(24, name=name) for name in (*FITTED, "pattern"))]
    )
    rules = [Rule(name, (name,), schedule=schedule) for name, schedule in FITTED.items()]
    gradual = ScheduleSettings("linear", None, StepSpec(3), frequency=2)
    plan = make_plan(
        [*rules, Rule("pattern", ("pattern",), m_by_n=(3, 4), schedule=gradual)],
        model,
        samples=16,
        batch_size=4,
        epochs=2,
    )
    wrapped = wrap_model(plan, model)
    wrapped.compile("adam", "mse")
    measured: list[dict[str, float]] = []

    def measure(batch: int, logs: Any) -> None:
        measured.append(zeros(wrapped))

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 16, 24)).astype(np.float32)
    watch = tf_keras.callbacks.LambdaCallback(on_batch_end=measure)
    wrapped.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[UpdatePruningStep(), watch])
    return plan, wrapped, measured


def zeros(wrapped: tf_keras.Model) -> dict[str, float]:
    return {
        layer: float(np.mean(masked.weight.variable.numpy() == 0))
        for (layer, _), masked in masked_weights(wrapped).items()
    }


def test_curves_are_what_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES._entries, "ramp", ramp)
    plan, wrapped, measured = fitted()
    rows = {row.layer: row for row in plan.pruned}

    def planned(rule: str, level: float) -> float:
        structure, shape = rows[rule].structure, rows[rule].kernel_shape
        assert structure is not None
        return structure.planned_zeros(shape, level) / rows[rule].size

    assert [rule for rule, _ in plan.curves] == [*FITTED, "pattern"]
    assert len(measured) == plan.total_steps == 8
    for rule, curve in plan.curves:
        during = [planned(rule, curve.level(step)) for step in range(1, 8)]
        assert [at[rule] for at in measured[:7]] == during, rule
        # What the end of training sets comes after the last step.
        before = curve.updates[-1][1]
        assert measured[7][rule] == planned(rule, before), rule
        assert zeros(wrapped)[rule] == planned(rule, curve.final), rule
    settled = {rule: curve.settled for rule, curve in plan.curves if curve.settled is not None}
    assert settled == {"ramp": 0.8}
    assert (measured[7]["ramp"], zeros(wrapped)["ramp"]) == (346 / 576, 461 / 576)
