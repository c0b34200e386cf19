"""What the shipped recipes say, against the issue they were written for."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hydra import compose, initialize_config_dir

from runner.cli.composition import read_job
from runner.process.packaged import packaged_folder
from runner.recipe import source
from runner.recipe.library import recipe_names
from runner.recipe.recipe import (
    Augmentation,
    Data,
    LearningRate,
    Model,
    Optimizer,
    Recipe,
    Rule,
    ScheduleSettings,
    Training,
)
from runner.recipe.steps import StepSpec


@pytest.fixture(autouse=True)
def composing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(packaged_folder("recipes").parent)
    source.register()
    with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
        yield


def read(name: str, *overrides: str) -> Recipe:
    config = compose("config", [f"recipe={name}", *overrides], return_hydra_config=True)
    return read_job(config, config.hydra)[0]


@pytest.mark.parametrize("name", recipe_names())
def test_each_is_valid_described_and_reads_back(name: str) -> None:
    recipe = read(name)

    assert (recipe.name, recipe.source) == (name, f"recipes/{name}.yaml")
    assert 20 < len(recipe.description) < 110
    assert Recipe.from_mapping(recipe.to_mapping(), name=name, source=recipe.source) == recipe


def test_mnist_2x4_is_the_tutorial() -> None:
    recipe = read("mnist_2x4")

    assert recipe.data == Data("mnist", fallback="digits", validation_split=0.1)
    assert recipe.model == Model("tutorial_cnn")
    assert recipe.training == Training(2, 128, Optimizer("adam", 0.001))
    assert recipe.layers == (
        Rule("first_conv", ("pruning_sparsity_0_5",), schedule=ScheduleSettings("constant", 0.5)),
        Rule("structural", ("structural_pruning*",), m_by_n=(2, 4)),
    )


def test_constant_and_polynomial_differ_in_the_schedule_only() -> None:
    constant, polynomial = read("mnist_constant"), read("mnist_polynomial")

    assert constant.data == Data("mnist", fallback=None, validation_split=0.2)
    assert constant.training == Training(30, 250)
    held = ScheduleSettings("constant", 0.875, StepSpec(0.2, "share"), StepSpec(1, "share"))
    assert constant.layers == (Rule("all", ("*",), schedule=held),)
    grown = replace(held, name="polynomial")
    assert polynomial.layers == (Rule("all", ("*",), schedule=grown),)
    assert (constant.data, constant.model, constant.training) == (
        polynomial.data,
        polynomial.model,
        polynomial.training,
    )


def test_sweeping_the_schedules_name_makes_the_one_of_the_other() -> None:
    swept = read("mnist_constant", "recipe.layers.all.schedule.name=polynomial")

    assert swept.layers[0].schedule is not None
    assert swept.layers[0].schedule.name == "polynomial"
    assert swept.hash != read("mnist_constant").hash


def test_the_study_asks_of_one_experiment() -> None:
    constant, polynomial, random_mask, dense, small_dense = (
        read(f"study_schedules/{name}")
        for name in ("constant", "polynomial", "random_mask", "dense", "small_dense")
    )

    assert (constant.hash, polynomial.hash) == (read("mnist_constant").hash, read("mnist_polynomial").hash)
    [rule] = polynomial.layers
    assert random_mask.layers == (replace(rule, importance="random"),)
    assert rule.schedule is not None
    assert dense.layers == (replace(rule, schedule=replace(rule.schedule, name="constant", sparsity=0.0)),)
    assert small_dense.layers == dense.layers
    for recipe in (constant, polynomial, random_mask, dense, small_dense):
        assert recipe.data == Data("mnist", fallback=None, validation_split=0.2)
        assert recipe.training == Training(30, 250)
        expected = {"filters": [7, 22], "dense_units": 94} if recipe is small_dense else {}
        assert recipe.model == Model("mnist_cnn", arguments=expected)


def test_two_conv_is_regression_under_one_rule() -> None:
    recipe = read("two_conv_2x4")

    assert recipe.data.name == "random"
    assert recipe.data.arguments["input_shape"][1:] == [128, 2]
    # Two convolutions of stride 2 along 128, with 16 filters.
    assert recipe.data.arguments["target_shape"][1:] == [32, 16]
    assert (recipe.training.loss, recipe.training.metrics) == (None, None)
    assert recipe.layers == (Rule("convolutions", ("*",), types=("Conv2D",), m_by_n=(2, 4)),)


def test_cifar10_resnet20_trains_as_the_paper_does() -> None:
    recipe = read("cifar10_resnet20")

    assert recipe.data == Data("cifar10", fallback=None, validation_split=0.1)
    assert recipe.model == Model("resnet20")
    assert recipe.training == Training(
        182,
        128,
        Optimizer(
            "sgd",
            LearningRate("piecewise", 0.1),
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.001},
        ),
        augmentation=Augmentation(shift=4, flip=True),
    )
    # 45,000 images in batches of 128 are 352 steps: 64,064 of the paper's 64,000.
    assert 182 * -(-45_000 // 128) == 64_064


def test_the_name_of_its_learning_rate_can_be_swept() -> None:
    key = "recipe.training.optimizer.learning_rate"

    for name in ("constant", "cosine", "exponential"):
        swept = read("cifar10_resnet20", f"{key}.name={name}").training.optimizer.learning_rate
        assert swept == LearningRate(name, 0.1)
    assert read("mnist_constant", f"{key}.name=cosine").training.optimizer.learning_rate == LearningRate(
        "cosine", 0.001
    )
