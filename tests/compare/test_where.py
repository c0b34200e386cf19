import pytest

from runner.compare.where import Condition, fulfils, read_condition, resolve_key
from runner.process.errors import UserError


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("schedule.sparsity >= 0.9", Condition("schedule.sparsity", ">=", "0.9")),
        ("schedule.sparsity>=0.9", Condition("schedule.sparsity", ">=", "0.9")),
        ("recipe = mnist_*", Condition("recipe", "==", "mnist_*")),
        ("recipe != 'a b'", Condition("recipe", "!=", "a b")),
        ("layers.all.targets == re:a=b", Condition("layers.all.targets", "==", "re:a=b")),
        (" seed<3 ", Condition("seed", "<", "3")),
    ],
)
def test_conditions_are_read(text: str, condition: Condition) -> None:
    assert read_condition(text) == condition


@pytest.mark.parametrize("text", ["", "sparsity", ">= 3", "a >=", "a b = c"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="Write KEY SIGN VALUE"):
        read_condition(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed !== 1", "there is no sign !==. Did you mean !=? Signs are == != >= <= > <"),
        ("sparsity => 0.9", "there is no sign =>. Did you mean >=?"),
        ("a <> b", "there is no sign <>. Did you mean !=?"),
        ("a ~ 3", "there is no sign ~. Signs are"),
        ("a = = 3", "a value that begins with = is written in quotes"),
    ],
)
def test_a_sign_that_there_is_not_is_refused(text: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        read_condition(text)
    assert str(caught.value).startswith(f"--where {text!r}: {told}")


def test_an_order_is_of_numbers() -> None:
    with pytest.raises(UserError, match="> compares numbers, and 'constant' is none"):
        read_condition("schedule.name > constant")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("s >= 0.9", "0.9", True),
        ("s > 0.9", "0.9", False),
        ("s <= 0.9", "0.50", True),
        ("s < 0.9", "none", False),
        ("s == 0.90", "0.9", True),
        ("s != 0.9", "0.9", False),
        ("s == mnist_*", "mnist_2x4", True),
        ("s != mnist_*", "mnist_2x4", False),
        ("s == constant", "constant", True),
        ("s == [5, 10]", "[5, 10]", True),
        ("s != [5, 10]", "[5, 10]", False),
        ("s == [5, 10]", "5", False),
        ("s == [5,10]", "[5, 10]", True),
        ("s == ''", "", True),
        ("s == ''", "a", False),
        ("s == layer[0]*", "layer[0]*", True),
        ("s == '=1+1'", "=1+1", True),
        ("recipe == constant", "study/schedules/constant", True),
        ("recipe != constant", "study/schedules/constant", False),
        ("recipe == schedules/*", "study/schedules/constant", True),
        ("recipe == chedules/constant", "study/schedules/constant", False),
        ("s == constant", "study/constant", False),
    ],
)
def test_a_condition_holds(text: str, value: str, holds: bool) -> None:
    assert read_condition(text).holds(value) is holds


def test_all_must_hold_and_a_missing_key_fulfils_nothing() -> None:
    conditions = [read_condition("a > 1"), read_condition("b != x")]
    assert fulfils({"a": "2", "b": "y"}, conditions)
    assert not fulfils({"a": "1", "b": "y"}, conditions)
    assert not fulfils({"a": "2"}, conditions)


def test_a_key_is_found_by_its_ending() -> None:
    keys = ["layers.all.schedule.name", "layers.all.schedule.sparsity", "data.name", "recipe"]
    assert resolve_key("schedule.name", keys, "--by") == "layers.all.schedule.name"
    assert resolve_key("sparsity", keys, "--by") == "layers.all.schedule.sparsity"
    assert resolve_key("recipe", keys, "--by") == "recipe"
    with pytest.raises(UserError, match=r"--by name: may be layers\.all\.schedule\.name or data\.name"):
        resolve_key("name", keys, "--by")
    with pytest.raises(UserError, match=r"--by schedule\.nam: no run .* Did you mean 'schedule\.name'"):
        resolve_key("schedule.nam", keys, "--by")
