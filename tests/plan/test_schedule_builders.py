from dataclasses import replace
from typing import Any

import pytest

from runner.plan.schedule_builders import SCHEDULES, build_schedule, drop_leftovers
from runner.process.errors import UserError
from runner.pruning.schedules import (
    ConstantSparsity,
    LinearSparsity,
    PolynomialDecay,
    PruningSchedule,
    schedule_config,
)
from runner.pruning.update_steps import settled_sparsity, update_steps
from runner.recipe.recipe import Recipe, Rule, ScheduleSettings, StepSpec

WHERE = "recipe.layers.all.schedule"


def step(written: object) -> StepSpec:
    return StepSpec.parse(written)


def build(name: str = "constant", total_steps: int = 40, **keys: Any) -> PruningSchedule:
    """Ten steps in an epoch."""
    return build_schedule(
        ScheduleSettings(name, 0.75, **keys), 0.75, where=WHERE, steps_per_epoch=10, total_steps=total_steps
    )


def window(schedule: PruningSchedule) -> tuple[int, int, int]:
    assert isinstance(schedule, ConstantSparsity | PolynomialDecay)
    return schedule.begin_step, schedule.end_step, schedule.frequency


def test_the_known_schedules() -> None:
    assert SCHEDULES.names() == ["constant", "exponential", "linear", "polynomial"]


@pytest.mark.parametrize(
    ("begin", "end", "resolved"),
    [
        (0, None, (0, 40, 1)),
        (3, 17, (3, 17, 1)),
        ("1ep", "2ep", (10, 20, 1)),
        ("0.25ep", "3.5ep", (2, 35, 1)),
        ("20%", "100%", (8, 40, 1)),
        ("12.5%", 5, (5, 5, 1)),
        ("4ep", None, (40, 40, 1)),
    ],
)
def test_steps_epochs_and_shares_become_steps(
    begin: object, end: object, resolved: tuple[int, int, int]
) -> None:
    built = build(begin_step=step(begin), end_step=None if end is None else step(end))

    assert window(built) == resolved


def test_without_a_frequency_a_mask_is_updated_about_fifty_times() -> None:
    assert window(build(total_steps=1000))[2] == 20
    assert window(build(total_steps=1000, begin_step=step("50%")))[2] == 10
    assert window(build(total_steps=99))[2] == 1
    assert window(build(total_steps=100))[2] == 2
    assert len(update_steps(build(total_steps=1000), 1000)) == 51
    assert update_steps(build(frequency=15, begin_step=step(5), end_step=step(36)), 40) == [5, 20, 35, 36]


def test_constant_holds_its_level() -> None:
    built = build(begin_step=step(10), end_step=step(20), frequency=4)

    assert schedule_config(built) == {
        "class_name": "ConstantSparsity",
        "config": {"target_sparsity": 0.75, "begin_step": 10, "end_step": 20, "frequency": 4},
    }


def test_polynomial_rises_from_its_initial_level() -> None:
    built = build("polynomial", begin_step=step(10), end_step=step(20), frequency=5)
    assert schedule_config(built) == {
        "class_name": "PolynomialDecay",
        "config": {
            "initial_sparsity": 0.0,
            "final_sparsity": 0.75,
            "begin_step": 10,
            "end_step": 20,
            "power": 3,
            "frequency": 5,
        },
    }
    # 0.75 (1 - 0.5 ** 3)
    assert [built(at)[1] for at in (10, 15, 20)] == [0.0, 0.65625, 0.75]

    linear = build("polynomial", arguments={"power": 1, "initial_sparsity": 0.25})
    assert [linear(at)[1] for at in (0, 20, 40)] == [0.25, 0.5, 0.75]


def test_an_unknown_schedule_is_told_with_the_list() -> None:
    with pytest.raises(UserError) as caught:
        build("polinomial")

    assert str(caught.value).startswith(
        f"{WHERE}.name: there is no schedule 'polinomial'. Did you mean 'polynomial'?"
        " Known: constant, exponential, linear, polynomial."
    )


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        (
            "constant",
            {"arguments": {"power": 3}},
            f"{WHERE}.power: schedule 'constant' has no argument 'power'. It takes:",
        ),
        (
            "polynomial",
            {"arguments": {"pwoer": 3}},
            f"{WHERE}.pwoer: schedule 'polynomial' has no argument 'pwoer'. Did you mean 'power'?"
            " It takes: begin_step, end_step, frequency, initial_sparsity, power, sparsity.",
        ),
        (
            "polynomial",
            {"arguments": {"power": 0}},
            f"{WHERE}: schedule 'polynomial': power is 0.0; it must be a number above 0.",
        ),
        (
            "polynomial",
            {"arguments": {"power": "three"}},
            f"{WHERE}.power is 'three', but must be a number.",
        ),
        (
            "polynomial",
            {"arguments": {"initial_sparsity": 1.5}},
            f"{WHERE}: schedule 'polynomial': initial_sparsity is 1.5; it must be a number in [0, 1).",
        ),
        (
            "constant",
            {"begin_step": step(41)},
            f"{WHERE}.begin_step: 41 is step 41, but training has 40 steps (4 epochs of 10). A share",
        ),
        (
            "constant",
            {"end_step": step("6ep")},
            f"{WHERE}.end_step: 6ep is step 60, but training has 40 steps (4 epochs of 10)."
            " A share such as 20% fits, or 6 epochs of training.",
        ),
        (
            "constant",
            {"begin_step": step("50%"), "end_step": step(19)},
            f"{WHERE}: begin_step 50% (step 20) is after end_step 19 (19).",
        ),
        (
            "constant",
            {"begin_step": step(21), "end_step": step("2ep")},
            f"{WHERE}: begin_step 21 (step 21) is after end_step 2ep (20).",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(name: str, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        build(name, **keys)

    assert str(caught.value).startswith(told)


def test_the_last_step_is_still_training() -> None:
    assert update_steps(build(begin_step=step(40), end_step=step(40)), 40) == [40]


def test_a_schedule_of_ones_own_is_called_with_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def mine(
        *, sparsity: float, begin_step: int, end_step: int, frequency: int, bend: float
    ) -> PruningSchedule:
        given.update(
            sparsity=sparsity, begin_step=begin_step, end_step=end_step, frequency=frequency, bend=bend
        )
        return ConstantSparsity(sparsity, begin_step)

    monkeypatch.setitem(SCHEDULES._entries, "mine", mine)

    assert window(build("mine", begin_step=step("1ep"), arguments={"bend": 2.5})) == (10, -1, 100)
    assert given == {"sparsity": 0.75, "begin_step": 10, "end_step": 40, "frequency": 1, "bend": 2.5}
    with pytest.raises(UserError, match="schedule 'mine' needs bend"):
        build("mine")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        # 1 - 0.99 ** 40 and 1 - 0.25 ** (1 / 40)
        (
            {"arguments": {"rate": 0.01}},
            "training ends at sparsity 0.331028, not at the 0.75 asked for."
            " A rate of 0.01, with frequency 1, is too small: the smallest that reaches it is 0.0341.",
        ),
        # 1 - 0.8 ** 3 and 1 - 0.25 ** (1 / 3)
        (
            {"arguments": {"rate": 0.2}, "begin_step": step("25%"), "frequency": 10},
            "training ends at sparsity 0.488, not at the 0.75 asked for."
            " A rate of 0.2, with frequency 10, is too small: the smallest that reaches it is 0.371.",
        ),
        (
            {"arguments": {"rate": 0.2}, "begin_step": step("4ep")},
            "training ends at sparsity 0, not at the 0.75 asked for. No rate reaches it in 0 steps with"
            " frequency 1.",
        ),
    ],
)
def test_a_rate_that_does_not_reach_the_level_is_told_with_one_that_does(
    keys: dict[str, Any], told: str
) -> None:
    with pytest.raises(UserError) as caught:
        build("exponential", **keys)

    assert str(caught.value) == f"{WHERE}.rate: {told} Without a rate it is reached at end_step."


@pytest.mark.parametrize("sparsity", [0.001, 0.3, 0.5, 0.9, 0.99999])
@pytest.mark.parametrize(("steps", "frequency"), [(40, 1), (40, 20), (30, 7), (40, 100)])
def test_the_rate_that_is_named_reaches_the_level_and_a_smaller_one_does_not(
    sparsity: float, steps: int, frequency: int
) -> None:
    def build_at(rate: float) -> PruningSchedule:
        written = ScheduleSettings(
            "exponential", sparsity, end_step=step(steps), frequency=frequency, arguments={"rate": rate}
        )
        return build_schedule(written, sparsity, where=WHERE, steps_per_epoch=10, total_steps=40)

    with pytest.raises(UserError) as caught:
        build_at(1e-6)
    named = float(str(caught.value).partition("reaches it is ")[2].split(". ")[0])

    assert 0 < named < 1
    assert settled_sparsity(build_at(named), 40) == pytest.approx(sparsity, abs=1e-6)
    with pytest.raises(UserError):
        build_at(0.98 * named)


def test_where_no_rate_is_enough_none_is_named() -> None:
    written = ScheduleSettings(
        "exponential", 0.99999, end_step=step(40), frequency=1000, arguments={"rate": 0.999}
    )

    with pytest.raises(
        UserError, match=r"No rate reaches it in 40 steps with frequency 1000\. Without a rate"
    ):
        build_schedule(written, 0.99999, where=WHERE, steps_per_epoch=10, total_steps=40)


def test_a_level_that_a_schedule_of_ones_own_does_not_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(
        *, sparsity: float, begin_step: int, end_step: int, frequency: int, steps: int
    ) -> PruningSchedule:
        return LinearSparsity(0.0, sparsity, begin_step, begin_step + steps, frequency)

    def half(*, sparsity: float, begin_step: int, end_step: int, frequency: int) -> PruningSchedule:
        return ConstantSparsity(0.5, begin_step)

    monkeypatch.setitem(SCHEDULES._entries, "slow", slow)
    monkeypatch.setitem(SCHEDULES._entries, "half", half)

    assert update_steps(build("slow", arguments={"steps": 40}, frequency=20), 40) == [1, 20, 40]
    with pytest.raises(UserError) as caught:
        build("slow", arguments={"steps": 75})
    assert str(caught.value) == (
        f"{WHERE}: training ends at sparsity 0.4, not at the 0.75 asked for. Schedule 'slow' reaches it at"
        " step 75, but training has 40 steps (4 epochs of 10); 8 epochs are enough."
    )
    with pytest.raises(UserError) as caught:
        build("half")
    assert str(caught.value) == (
        f"{WHERE}: training ends at sparsity 0.5, not at the 0.75 asked for."
        " The builder of schedule 'half' is given sparsity, to be reached at end_step."
    )


@pytest.mark.parametrize("name", ["constant", "polynomial", "linear", "exponential"])
@pytest.mark.parametrize(
    "window",
    [
        {},
        {"frequency": 1000},
        {"begin_step": step(39), "frequency": 7},
        {"end_step": step(3), "frequency": 2},
    ],
)
def test_every_schedule_reaches_its_level_whatever_the_frequency(name: str, window: dict[str, Any]) -> None:
    assert settled_sparsity(build(name, **window), 40) == 0.75


def recipe(*schedules: ScheduleSettings | None) -> Recipe:
    mapping = {
        "model": {"name": "x"},
        "training": {"epochs": 1, "batch_size": 1},
        "layers": {"a": {"m_by_n": "2x4"}},
    }
    rules = [Rule(f"r{number}", ("a",), m_by_n=(3, 4), schedule=own) for number, own in enumerate(schedules)]
    return replace(Recipe.from_mapping(mapping, name="mine", source="mine.yaml"), layers=tuple(rules))


def test_what_was_written_for_another_schedule_goes_where_this_one_does_not_take_it() -> None:
    written = {"power": 2, "initial_sparsity": 0.25}
    by = dict.fromkeys(written, "polynomial")

    fitting, notes = drop_leftovers(
        recipe(
            None,
            ScheduleSettings("constant", 0.5, arguments=written, written_for=by),
            ScheduleSettings("linear", 0.5, arguments=written, written_for=by),
            ScheduleSettings("polynomial", 0.5, arguments=written),
        )
    )

    schedules = [rule.schedule for rule in fitting.layers]
    assert schedules == [
        None,
        ScheduleSettings("constant", 0.5),
        ScheduleSettings("linear", 0.5, arguments={"initial_sparsity": 0.25}),
        ScheduleSettings("polynomial", 0.5, arguments=written),
    ]
    assert notes == [
        f"recipe.layers.{key} was written for schedule 'polynomial'; '{name}' does not take it: left out"
        for key, name in (
            ("r1.schedule.power", "constant"),
            ("r1.schedule.initial_sparsity", "constant"),
            ("r2.schedule.power", "linear"),
        )
    ]
    again = Recipe.from_mapping(fitting.to_mapping(), name="mine", source="mine.yaml")
    assert (again, again.hash) == (fitting, fitting.hash)


def test_what_was_written_for_this_schedule_and_an_unknown_schedule_are_left_to_the_plan() -> None:
    wrong = recipe(
        ScheduleSettings("constant", 0.5, arguments={"power": 2}),
        ScheduleSettings("polinomial", 0.5, arguments={"rate": 2}, written_for={"rate": "exponential"}),
    )

    assert drop_leftovers(wrong) == (wrong, [])
