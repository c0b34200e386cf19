from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.object_type import ObjectType
from hydra.errors import MissingConfigException
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf

from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.recipe import source
from runner.recipe.source import RecipeSource


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    return folder


@pytest.fixture
def composing(own: Path) -> Iterator[Path]:
    """Hydra, set up as the command line sets it up."""
    source.register()
    with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
        yield own


def test_is_the_group_recipe_of_one_folder(own: Path) -> None:
    (own / "mine.yaml").write_text("model: {name: x}\n")
    recipes = RecipeSource("recipes", f"recipes://{own}")

    assert recipes.available()
    assert all(map(recipes.is_group, ["", "recipe"]))
    assert not recipes.is_group("hydra")
    assert all(map(recipes.is_config, ["recipe/mine", "recipe/mine.yaml"]))
    assert not any(
        map(recipes.is_config, ["mine", "recipe", "recipe/other", "recipe/sub/mine", "recipe/../mine"])
    )
    assert recipes.list("", None) == ["recipe"]
    assert recipes.list("recipe", ObjectType.CONFIG) == ["mine"]
    assert recipes.list("recipe", ObjectType.GROUP) == recipes.list("hydra", None) == []
    loaded = recipes.load_config("recipe/mine")
    assert loaded.header["package"] == "recipe"
    assert OmegaConf.to_container(loaded.config) == {"model": {"name": "x"}}
    with pytest.raises(ConfigLoadError):
        recipes.load_config("config")


def test_folders_are_parts_of_names_and_no_groups(own: Path) -> None:
    (own / "sub").mkdir()
    (own / "mine.yaml").write_text("model: {name: x}\n")
    (own / "sub" / "mine.yaml").write_text("model: {name: y}\n")
    recipes = RecipeSource("recipes", f"recipes://{own}")

    assert all(map(recipes.is_config, ["recipe/sub/mine", "recipe/sub/mine.yaml"]))
    assert not recipes.is_config("recipe/sub")
    assert not recipes.is_group("recipe/sub")
    assert recipes.list("recipe", ObjectType.CONFIG) == ["mine", "sub/mine"]
    assert recipes.list("recipe", ObjectType.GROUP) == recipes.list("recipe/sub", None) == []
    loaded = OmegaConf.to_container(recipes.load_config("recipe/sub/mine").config)
    assert loaded == {"model": {"name": "y"}}


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    recipes = RecipeSource("recipes", f"recipes://{tmp_path}/none")

    assert not recipes.available()
    assert not recipes.is_group("recipe")
    assert not recipes.is_config("recipe/mnist_2x4")


def test_the_own_recipe_shadows_the_shipped_one(composing: Path) -> None:
    (composing / "mnist_2x4.yaml").write_text("model: {name: mine}\n")

    assert compose("config", ["recipe=mnist_2x4"]).recipe == {"model": {"name": "mine"}}
    assert compose("config", ["recipe=two_conv_2x4"]).recipe.model.name == "two_conv"


def test_mappings_merge_under_inheritance_and_lists_are_replaced(composing: Path) -> None:
    (composing / "parent.yaml").write_text(
        "training: {epochs: 1, batch_size: 8}\nlayers: {a: {targets: [x, y], m_by_n: 2x4}}\n"
    )
    (composing / "child.yaml").write_text(
        "defaults: [parent, _self_]\ntraining: {epochs: 5}\nlayers: {a: {targets: [z]}, b: {prune: false}}\n"
    )

    recipe = compose("config", ["recipe=child"]).recipe

    assert recipe == {
        "training": {"epochs": 5, "batch_size": 8},
        "layers": {"a": {"targets": ["z"], "m_by_n": "2x4"}, "b": {"prune": False}},
    }
    assert list(recipe.layers) == ["a", "b"]


def test_recipes_in_folders_inherit_from_beside_them_and_from_elsewhere(composing: Path) -> None:
    sub = composing / "sub"
    (sub / "deep").mkdir(parents=True)
    (sub / "parent.yaml").write_text(
        "defaults: [mnist_constant, _self_]\ntraining: {epochs: 3}\nmodel: {name: x}\n"
    )
    (sub / "child.yaml").write_text("defaults: [parent, _self_]\nmodel: {units: 7}\n")
    (sub / "deep" / "child.yaml").write_text(
        "defaults: [sub/child.yaml, _self_]\ntraining: {batch_size: 5}\n"
    )
    (composing / "top.yaml").write_text("defaults: [_self_, sub/deep/child]\ndescription: of top\n")

    child = compose("config", ["recipe=sub/child"]).recipe
    deep = compose("config", ["recipe=sub/deep/child.yaml"]).recipe
    top = compose("config", ["recipe=top"]).recipe

    assert (child.model, child.training.epochs) == ({"name": "x", "units": 7}, 3)
    assert child.layers.all.schedule.name == "constant"
    assert (deep.model, deep.training.batch_size, deep.training.epochs) == (child.model, 5, 3)
    assert top.description != "of top", "what comes after _self_ wins, as in Hydra"
    assert (top.model, top.training) == (deep.model, deep.training)


def test_keys_that_a_recipe_does_not_write_take_no_plus(composing: Path) -> None:
    recipe = compose(
        "config",
        [
            "recipe=mnist_2x4",
            "recipe.training.optimizer.momentum=0.9",
            "recipe.data.path=/data/mnist.npz",
            "recipe.layers.structural.m_by_n=1x4",
            "recipe.layers.new={targets: dense, m_by_n: 2x4}",
            "~recipe.layers.first_conv",
        ],
    ).recipe

    assert recipe.training.optimizer == {"name": "adam", "learning_rate": 0.001, "momentum": 0.9}
    assert recipe.data.path == "/data/mnist.npz"
    assert list(recipe.layers) == ["structural", "new"]
    assert recipe.layers.structural.m_by_n == "1x4"
    assert recipe.layers.new == {"targets": "dense", "m_by_n": "2x4"}


def test_an_inherited_recipe_takes_no_plus_either(composing: Path) -> None:
    recipe = compose("config", ["recipe=mnist_polynomial", "recipe.layers.all.schedule.frequency=7"]).recipe

    assert recipe.layers.all.schedule == {
        "name": "polynomial",
        "sparsity": 0.875,
        "begin_step": "20%",
        "end_step": "100%",
        "frequency": 7,
    }


def test_what_is_not_data_never_reaches_hydra(composing: Path) -> None:
    (composing / "evil.yaml").write_text(
        "# @package _global_\nhydra: {callbacks: {x: {_target_: os.abort}}}\n"
    )

    with pytest.raises(UserError, match=r"^recipes/evil\.yaml:1: @package"):
        compose("config", ["recipe=evil"])


def test_an_unknown_recipe_is_hydras_error(composing: Path) -> None:
    with pytest.raises(MissingConfigException) as missing:
        compose("config", ["recipe=nope"])

    assert missing.value.missing_cfg_file == "recipe/nope"
