"""The trials of a search, and the best of them."""

import pytest

from runner.recipe.objective import Objective
from runner.records.sweep_records import JobRecord
from runner.search.trials import Trial, Trials, read_trials, trials_frame, value_text
from tests.search.made_trials import one_objective, two_objectives


def test_the_best_trial_is_that_of_the_highest_value_or_of_the_lowest() -> None:
    assert [trial.number for trial in one_objective().best] == [2]
    turned = Trials((Objective("val/loss", maximized=False),), one_objective().trials)
    assert [trial.number for trial in turned.best] == [0]


def test_of_equal_trials_the_first_is_the_best() -> None:
    trials = (Trial(0, {}, (0.5,)), Trial(1, {}, (0.7,)), Trial(2, {}, (0.7,)))
    assert [trial.number for trial in Trials((Objective("val/auc"),), trials).best] == [1]


def test_the_front_is_what_no_trial_beats_in_both() -> None:
    # By rising cost; trial 0 is better than trial 1, and smaller.
    assert [trial.number for trial in two_objectives().best] == [3, 0, 2]


def test_the_best_of_equal_trials_is_the_better_one_in_the_other_objective() -> None:
    trials = (Trial(0, {}, (0.9, 50.0)), Trial(1, {}, (0.9, 40.0)), Trial(2, {}, (0.8, 40.0)))
    objectives = (Objective("val/accuracy"), Objective("tflite_int8/bytes", maximized=False))
    assert [Trials(objectives, trials).best_of(place).number for place in (0, 1)] == [1, 1]


def test_two_objectives_may_point_any_way() -> None:
    trials = (Trial(0, {}, (1.0, 5.0)), Trial(1, {}, (2.0, 6.0)), Trial(2, {}, (3.0, 4.0)))
    low_high = (Objective("val/loss", maximized=False), Objective("sparsity/_model"))
    assert {trial.number for trial in Trials(low_high, trials).best} == {0, 1}


def test_the_best_so_far_passes_over_failures() -> None:
    assert one_objective().running_best(0) == [0.5, 0.9, 0.9]
    assert two_objectives().running_best(1) == [100.0, 100.0, 100.0, 50.0]


def test_a_search_without_results_has_no_best_trial() -> None:
    found = Trials((Objective("val/auc"),), (Trial(0, {}, (), "broke"),))
    assert found.best == []
    assert trials_frame(found).to_dict("records") == [
        {"trial": 0, "val/auc": None, "best": False, "reason": "broke"}
    ]


def test_values_are_as_many_as_objectives() -> None:
    with pytest.raises(ValueError, match="trial 0 has 2 values"):
        Trials((Objective("val/auc"),), (Trial(0, {}, (1.0, 2.0)),))


def test_trials_are_read_off_records() -> None:
    records = [
        JobRecord(0, "a", "finished", sampled={"x": "1"}, values=(0.5,)),
        JobRecord(1, "b", "failed", "broke", sampled={"x": "2"}),
        # A budget that was missed is told after the values are known.
        JobRecord(2, "c", "failed", "too large", sampled={"x": "3"}, values=(0.9,)),
        JobRecord(3, "d", "reused", sampled={"x": "4"}, values=(0.4,)),
        JobRecord(4, "e", "interrupted"),
    ]

    found = read_trials(["val/accuracy"], records)

    assert found.trials == (
        Trial(0, {"x": "1"}, (0.5,)),
        Trial(1, {"x": "2"}, (), "broke"),
        Trial(2, {"x": "3"}, (), "too large"),
        Trial(3, {"x": "4"}, (0.4,)),
        Trial(4, {}, (), "interrupted"),
    )


def test_the_table_has_a_column_for_each_objective_and_key() -> None:
    frame = trials_frame(two_objectives())

    assert list(frame) == [
        "trial",
        "val/accuracy",
        "tflite_int8/bytes",
        "schedule.sparsity",
        "best",
        "reason",
    ]
    assert list(frame["tflite_int8/bytes"]) == [100.0, 120.0, 200.0, 50.0]
    assert list(frame["best"]) == [True, False, True, True]
    assert frame["schedule.sparsity"][0] == "0.512345678"  # All digits: from here a value is trained again.


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.93125, "0.9313"), (23456.0, "23,456"), (0.0, "0.0000"), (1.0, "1.0000"), (1.5e-5, "1.5e-05")],
)
def test_values_are_written_in_few_digits(value: float, text: str) -> None:
    assert value_text(value) == text
