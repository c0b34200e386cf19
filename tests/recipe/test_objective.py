"""What a search looks for, as it is written."""

import pytest

from runner.process.errors import UserError
from runner.recipe.objective import Objective, read_objectives
from runner.settings import RunSettings


def test_a_minus_means_that_less_is_better() -> None:
    assert Objective.parse("val/accuracy") == Objective("val/accuracy")
    assert Objective.parse("-tflite_int8/bytes") == Objective("tflite_int8/bytes", maximized=False)
    assert [str(Objective.parse(written)) for written in ("val/auc", "-val/loss")] == ["val/auc", "-val/loss"]
    assert Objective("val/loss", maximized=False).words == "the lowest val/loss"
    assert Objective("val/loss", maximized=False).direction == "minimize"
    assert Objective("val/auc").direction == "maximize"


def test_what_is_better() -> None:
    assert Objective("val/accuracy").better(0.9, 0.8)
    assert not Objective("val/accuracy").better(0.8, 0.8)
    assert Objective("val/loss", maximized=False).better(0.1, 0.2)


@pytest.mark.parametrize(
    ("metric", "on_test_set"),
    [
        ("val/accuracy", False),
        ("test/accuracy", True),
        # A file's score is measured on the test set; its size is not.
        ("tflite_int8/accuracy", True),
        ("tflite_int8/mean_squared_error", True),
        ("tflite_int8/gzip_bytes", False),
    ],
)
def test_what_sees_the_test_set(metric: str, on_test_set: bool) -> None:
    assert Objective(metric).on_test_set is on_test_set


@pytest.mark.parametrize("written", ["accuracy", "", "-", "--val/loss", "val/", "/loss"])
def test_what_is_no_metric(written: str) -> None:
    with pytest.raises(ValueError, match="but must be metrics of MLflow's such as val/accuracy"):
        Objective.parse(written)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ((), "objective has 0 metrics, but must have one or two"),
        (("val/a", "val/b", "val/c"), "objective has 3 metrics, but must have one or two"),
        (("val/loss", "-val/loss"), "objective names val/loss twice"),
        (("acuracy",), "objective has 'acuracy', but must be metrics of MLflow's"),
    ],
)
def test_the_setting_is_checked(written: tuple[str, ...], told: str) -> None:
    with pytest.raises(UserError) as refused:
        RunSettings.from_mapping({"objective": list(written)})
    assert str(refused.value).startswith(told)


def test_one_may_be_written_without_a_list() -> None:
    assert RunSettings.from_mapping({"objective": "-val/loss"}).objective == ("-val/loss",)
    assert read_objectives(("-val/loss",)) == (Objective("val/loss", maximized=False),)
