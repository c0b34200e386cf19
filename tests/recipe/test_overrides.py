from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from runner.cli.composition import read_job
from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.recipe import source
from runner.recipe.overrides import with_rule_hints
from runner.recipe.recipe import LearningRate, StepSpec

KEY = "recipe.training.optimizer.learning_rate"
RECIPE = """
data: {name: digits}
model: {name: mnist_cnn}
training: {epochs: 2, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.25}}
layers: {all: {targets: "*", schedule: {name: constant, sparsity: 0.5}}}
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "number.yaml").write_text(RECIPE)
    (folder / "child.yaml").write_text("defaults: [number, _self_]\ndescription: of a number\n")
    (folder / "smaller.yaml").write_text(
        "defaults: [number, _self_]\ntraining: {optimizer: {learning_rate: 0.125}}\n"
    )
    (folder / "falling.yaml").write_text(
        "defaults: [number, _self_]\n"
        "training: {optimizer: {learning_rate: {name: cosine, initial: 0.5, warmup: 1ep}}}\n"
    )
    source.register()
    with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
        yield


def rate(*overrides: str) -> float | LearningRate:
    config = compose("config", list(overrides), return_hydra_config=True)
    return read_job(config, config.hydra)[0].training.optimizer.learning_rate


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as refused:
        rate(*overrides)
    return str(refused.value)


@pytest.mark.parametrize(
    ("recipe", "overrides", "wanted"),
    [
        ("number", [], 0.25),
        ("number", ["=1e-3"], 0.001),
        ("number", [".name=cosine"], LearningRate("cosine", 0.25)),
        ("number", [".name=constant"], LearningRate("constant", 0.25)),
        ("number", [".warmup=1ep"], LearningRate("constant", 0.25, warmup=StepSpec(1, "epochs"))),
        ("number", [".name=cosine", ".initial=0.5"], LearningRate("cosine", 0.5)),
        # As a grid over both has it.
        ("number", ["=1e-3", ".name=cosine"], LearningRate("cosine", 0.001)),
        (
            "number",
            ["={name: cosine, initial: 0.5}", ".warmup=3"],
            LearningRate("cosine", 0.5, 0, StepSpec(3)),
        ),
        ("child", [".name=cosine"], LearningRate("cosine", 0.25)),
        ("smaller", [".name=cosine"], LearningRate("cosine", 0.125)),
        ("falling", [".name=constant"], LearningRate("constant", 0.5, warmup=StepSpec(1, "epochs"))),
        ("falling", ["=0.75"], 0.75),
        ("falling", ["=0.75", ".name=cosine"], LearningRate("cosine", 0.75)),
    ],
)
def test_an_override_of_one_key_keeps_the_number(
    recipe: str, overrides: list[str], wanted: float | LearningRate
) -> None:
    assert rate(f"recipe={recipe}", *(f"{KEY}{override}" for override in overrides)) == wanted


def test_a_number_that_would_take_the_place_of_an_earlier_key_is_an_error() -> None:
    assert refusal("recipe=number", f"{KEY}.name=cosine", f"{KEY}=0.1") == (
        f"command line: {KEY}=0.1 comes after it and takes its place. Write {KEY}.initial=0.1 instead."
    )


def test_a_number_is_not_taken_from_an_optimizer_that_was_given_anew() -> None:
    message = refusal(
        "recipe=number", "recipe.training.optimizer={name: sgd, learning_rate: 0.5}", f"{KEY}.name=cosine"
    )

    assert message.endswith(f"{KEY}.initial is missing")


@pytest.mark.parametrize(
    ("message", "overrides", "hint"),
    [
        (
            "recipe.layers.first_cnv.schedule.name is missing",
            ["recipe.layers.first_cnv.schedule.sparsity"],
            "The recipe mnist_2x4 has no rule 'first_cnv'. Did you mean 'first_conv'?",
        ),
        ("recipe.layers.first_conv.m_by_n is wrong", ["recipe.layers.first_conv.m_by_n"], None),
        ("recipe.layers.other.m_by_n is wrong", ["recipe.layers.other.m_by_n"], None),
        ("recipe.training.epochs is wrong", ["recipe.layers.first_cnv.m_by_n"], None),
        ("recipe.layers.first_cnv is wrong", [], None),
    ],
)
def test_the_hint_stands_where_it_helps(message: str, overrides: list[str], hint: str | None) -> None:
    expected = message if hint is None else f"{message}\n{hint}"
    assert with_rule_hints(message, "mnist_2x4", overrides) == expected


def test_without_a_rule_in_the_message_no_recipe_is_looked_for() -> None:
    message = "recipe=null names no single recipe"
    assert with_rule_hints(message, "null", ["recipe.layers.a.m_by_n"]) == message
