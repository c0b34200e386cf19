import pytest

from runner.recipe.steps import StepSpec


@pytest.mark.parametrize(
    ("written", "value", "unit", "text", "plain"),
    [
        (2000, 2000, "steps", "2000", 2000),
        ("2000", 2000, "steps", "2000", 2000),
        (300.0, 300, "steps", "300", 300),
        (0, 0, "steps", "0", 0),
        ("2ep", 2, "epochs", "2ep", "2ep"),
        ("0.5 ep", 0.5, "epochs", "0.5ep", "0.5ep"),
        ("20%", 0.2, "share", "20%", "20%"),
        ("7%", 0.07, "share", "7%", "7%"),
        (" 12.5 % ", 0.125, "share", "12.5%", "12.5%"),
    ],
)
def test_reads_each_form_and_writes_it_back(
    written: object, value: float, unit: str, text: str, plain: int | str
) -> None:
    step = StepSpec.parse(written)

    assert (step.value, step.unit) == (value, unit)
    assert str(step) == text
    assert step.to_plain() == plain
    assert StepSpec.parse(step.to_plain()) == step


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (-1, "cannot be negative"),
        (1.5, "steps are whole"),
        ("two", "write steps (2000), epochs ('2ep') or a share of training ('20%')"),
        ("2 epochs", "write steps"),
        ("-5%", "write steps"),
        ("120%", "beyond the end of training (100%)"),
        (True, "is True; write steps"),
        (float("nan"), "is nan, but must be a number"),
        (10**400, "beyond any training"),
        (1e300, "is 1e+300, beyond any training"),
        ("9" * 400 + "ep", "is inf, beyond any training"),
        ("9" * 400 + "%", "is inf, beyond any training"),
        ("1e308ep", "is '1e308ep'; write steps"),
        ("x" * 10_000, "...; write steps"),
        ([1], "write steps"),
    ],
)
def test_refuses_what_is_no_step(written: object, told: str) -> None:
    with pytest.raises(ValueError, match="is ") as refused:
        StepSpec.parse(written)

    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("written", "step"),
    [(17, 17), ("2ep", 200), ("0.25ep", 25), ("20%", 60), ("100%", 300), ("7%", 21), ("0.5%", 2), ("0%", 0)],
)
def test_resolves_against_the_length_of_training(written: object, step: int) -> None:
    assert StepSpec.parse(written).resolve(steps_per_epoch=100, total_steps=300) == step


def test_compares_in_epochs_only_what_is_not_in_steps() -> None:
    assert StepSpec.parse("50%").in_epochs(4) == 2.0
    assert StepSpec.parse("3ep").in_epochs(4) == 3.0
    assert StepSpec.parse(500).in_epochs(4) is None
