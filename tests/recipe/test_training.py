from collections.abc import Mapping
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.recipe import Augmentation, LearningRate, Optimizer, Recipe, StepSpec, Training

BASE: dict[str, Any] = {
    "data": {"name": "mnist"},
    "model": {"name": "mnist_cnn"},
    "layers": {"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5}}},
}


def recipe(**training: Any) -> Recipe:
    mapping = {**BASE, "training": {"epochs": 4, "batch_size": 32, **training}}
    return Recipe.from_mapping(mapping, name="base", source="base.yaml")


def rated(learning_rate: object) -> Recipe:
    return recipe(optimizer={"name": "sgd", "learning_rate": learning_rate})


def refusal(**training: Any) -> str:
    with pytest.raises(UserError) as refused:
        recipe(**training)
    message = str(refused.value)
    assert message.startswith("base.yaml: recipe.training.")
    return message.removeprefix("base.yaml: recipe.training.")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (0.1, 0.1),
        (1, 1.0),
        ({"initial": 0.1}, LearningRate("constant", 0.1)),
        ({"name": "cosine", "initial": 1}, LearningRate("cosine", 1.0)),
        (
            {"name": "cosine", "initial": 0.1, "final": 0.01, "warmup": "1ep"},
            LearningRate("cosine", 0.1, 0.01, StepSpec(1, "epochs")),
        ),
        (
            {
                "name": "piecewise",
                "initial": 0.1,
                "warmup": 400,
                "boundaries": ["50%", 900],
                "values": [1, 2],
            },
            LearningRate(
                "piecewise", 0.1, 0.0, StepSpec(400), {"boundaries": ["50%", 900], "values": [1, 2]}
            ),
        ),
    ],
)
def test_a_learning_rate_is_a_number_or_a_mapping(written: object, read: float | LearningRate) -> None:
    one = rated(written)

    assert one.training.optimizer == Optimizer("sgd", read)
    assert Recipe.from_mapping(one.to_mapping(), name="base", source="base.yaml") == one


def test_a_number_stays_a_number_and_a_mapping_has_its_defaults_filled_in() -> None:
    def plain(written: object) -> object:
        return rated(written).to_mapping()["training"]["optimizer"]["learning_rate"]

    assert plain(0.1) == 0.1
    assert plain({"name": "cosine", "initial": 0.1, "warmup": "5%", "power": 2}) == {
        "name": "cosine",
        "initial": 0.1,
        "final": 0.0,
        "warmup": "5%",
        "power": 2,
    }


def test_null_takes_an_argument_of_a_learning_rate_back() -> None:
    # So that a recipe's piecewise can be swept to a cosine, which knows no boundaries.
    written = {"name": "cosine", "initial": 0.1, "final": None, "boundaries": None}

    assert rated(written).training.optimizer.learning_rate == LearningRate("cosine", 0.1)


def test_the_hash_knows_the_learning_rate_and_the_augmentation() -> None:
    recipes = [
        rated(0.1),
        rated({"name": "cosine", "initial": 0.1}),
        rated({"name": "cosine", "initial": 0.1, "warmup": "1ep"}),
        recipe(augmentation={"shift": 2}),
        recipe(augmentation={"shift": 2, "flip": True}),
        recipe(),
    ]

    assert len({one.hash for one in recipes}) == 6


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("cosine", " is 'cosine', but must be a number, or a mapping such as {name: cosine, initial: 0.1}"),
        (True, " is True, but must be a number, or a mapping"),
        (-0.1, " is -0.1, but must be above 0"),
        ({}, ".initial is missing"),
        ({"name": "cosine"}, ".initial is missing"),
        ({"initial": 0}, ".initial is 0, but must be above 0"),
        ({"initial": "fast"}, ".initial is 'fast', but must be a number"),
        ({"initial": 0.1, "final": 0.2}, ".final is 0.2, but must be in [0, 0.1], up to initial"),
        ({"initial": 0.1, "final": -1}, ".final is -1, but must be in [0, 0.1], up to initial"),
        ({"initial": 0.1, "warmup": "soon"}, ".warmup is 'soon'; write steps (2000), epochs ('2ep') or"),
        ({"initial": 0.1, "warmup": "5ep"}, ".warmup is beyond the 4 epochs of training"),
        ({"initial": 0.1, "warm_up": 5}, ".warm_up is unknown. Did you mean 'warmup'?"),
    ],
)
def test_refuses_a_learning_rate_that_is_none(written: object, told: str) -> None:
    message = refusal(optimizer={"learning_rate": written})

    assert message.startswith(f"optimizer.learning_rate{told}")


def test_a_warm_up_in_steps_is_left_to_the_plan_and_may_last_all_of_training() -> None:
    for warmup in (10**6, "4ep", "100%"):
        assert isinstance(
            rated({"initial": 0.1, "warmup": warmup}).training.optimizer.learning_rate, LearningRate
        )


@pytest.mark.parametrize(
    ("written", "read", "changes"),
    [
        (None, None, False),
        ({}, Augmentation(0, False), False),
        ({"shift": 2}, Augmentation(2, False), True),
        ({"flip": True}, Augmentation(0, True), True),
        ({"shift": 4.0, "flip": True}, Augmentation(4, True), True),
    ],
)
def test_reads_augmentation(
    written: Mapping[str, Any] | None, read: Augmentation | None, changes: bool
) -> None:
    one = recipe(augmentation=written)

    assert one.training == Training(4, 32, augmentation=read)
    assert Recipe.from_mapping(one.to_mapping(), name="base", source="base.yaml") == one
    assert bool(read and read.changes) is changes


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (True, " is True, but must be a mapping"),
        ({"shift": -1}, ".shift is -1, but must be at least 0"),
        ({"shift": 0.1}, ".shift is 0.1, but must be a whole number"),
        ({"flip": "horizontal"}, ".flip is 'horizontal', but must be true or false"),
        ({"flips": True}, ".flips is unknown. Did you mean 'flip'? Known: shift, flip"),
        ({"rotate": 10}, ".rotate is unknown."),
    ],
)
def test_refuses_an_augmentation_that_is_none(written: object, told: str) -> None:
    assert refusal(augmentation=written).startswith(f"augmentation{told}")
