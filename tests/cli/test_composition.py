import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.cli.composition import load_plugins, placed, read_job
from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.recipe import source
from runner.recipe.recipe import Recipe
from runner.recipe.rule import ScheduleSettings
from runner.settings import RunSettings


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder `recipes` where the user stands, and Hydra set up as the command line does it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    source.register()
    with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
        yield folder


def read(*overrides: str) -> tuple[Recipe, RunSettings]:
    config = compose("config", list(overrides), return_hydra_config=True)
    return read_job(config, config.hydra)


def swept(*arguments: str) -> list[Recipe]:
    """Reads the recipes of the jobs that Hydra makes of `--multirun` and these arguments."""
    loader = GlobalHydra.instance().config_loader()
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
    [batch] = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return [read(*job)[0] for job in batch]


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as refused:
        read(*overrides)
    return str(refused.value)


def test_reads_recipe_and_settings(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/some/where/runner", "seed=7"])

    recipe, settings = read(
        "seed=7",
        "recipe=two_conv_2x4.yaml",
        "recipe.training.epochs=1",
        "outputs=${recipe.model.name}/${seed}",
    )

    assert (recipe.name, recipe.training.epochs) == ("two_conv_2x4", 1)
    assert recipe.source == str(packaged_folder("recipes") / "two_conv_2x4.yaml")
    assert settings == RunSettings(
        seed=7,
        outputs=Path.cwd() / "two_conv" / "7",
        argv=("runner", "seed=7"),
        overrides=("recipe.training.epochs=1",),
    )


@pytest.mark.parametrize("wrong", ["schedule.sparsity=0.5", "m_by_n=9x4"])
def test_a_misspelled_rule_is_told_the_nearest(own: Path, wrong: str) -> None:
    told = refusal("recipe=mnist_2x4", f"recipe.layers.structual.{wrong}")
    assert told.endswith("\nThe recipe mnist_2x4 has no rule 'structual'. Did you mean 'structural'?")


def test_a_rule_that_the_recipe_has_or_that_is_like_none_gets_no_hint(own: Path) -> None:
    for rule in ("structural", "logits"):
        assert "has no rule" not in refusal("recipe=mnist_2x4", f"recipe.layers.{rule}.m_by_n=9x4")


def test_what_the_plan_finds_wrong_with_a_misspelled_rule_has_the_hint(own: Path) -> None:
    overrides = ["recipe=mnist_2x4", "recipe.layers.structual.m_by_n=1x4"]
    config = compose("config", overrides, return_hydra_config=True)
    message = "recipe.layers.structual.targets: no layer is called 'structual'."
    assert placed(message, config, config.hydra) == (
        f"command line, recipe.layers.structual.m_by_n=1x4: {message}\n"
        "The recipe mnist_2x4 has no rule 'structual'. Did you mean 'structural'?"
    )


def test_a_run_directory_is_handed_on(own: Path) -> None:
    config = compose("config", return_hydra_config=True)

    assert read_job(config, config.hydra, run_dir=own)[1].run_dir == own
    config.dry_run = True
    assert read_job(config, config.hydra, run_dir=own)[1].run_dir is None


def test_interpolations_within_the_recipe_are_resolved(own: Path) -> None:
    (own / "mine.yaml").write_text(
        "defaults: [mnist_2x4, _self_]\ndescription: ${.model.name} in ${recipe.training.epochs} epochs\n"
    )

    assert read("recipe=mine", "recipe.training.epochs=5")[0].description == "tutorial_cnn in 5 epochs"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("recipe.training.epochs=0", "command line: recipe.training.epochs is 0, but must be at least 1"),
        ("recipe.trainin.epochs=3", "command line, recipe.trainin.epochs=3: recipe.trainin is unknown. Did"),
        ("recipe.layers.structural.m_by_n=4x2", "command line: recipe.layers.structural.m_by_n is 4x2"),
        ("recipe.layers.x={m_by_n: 0x4}", "command line: recipe.layers.x.m_by_n is 0x4"),
        (
            "recipe.data.path=${oc.env:HOME}",
            "command line: recipe.data.path is '${oc.env:HOME}': a recipe may",
        ),
        ("recipe.description=${recipe.nodel.name}", "command line: recipe.description: Interpolation key"),
        (
            "recipe.description=${.description}",
            "command line: recipe.description: interpolations of the recipe",
        ),
        ("recipe.layers.x._target_=os.system", "command line: recipe.layers.x._target_: a recipe is data"),
        ("recipe.hydra.x=1", "command line, recipe.hydra.x=1: recipe.hydra: a recipe cannot set Hydra"),
        ("~recipe", "recipe=null names no single recipe. Choose one of cifar10_resnet20, mnist_2x4,"),
        ("recipe=[mnist_2x4,two_conv_2x4]", "names no single recipe"),
        ("+sed=3", "sed is unknown. Did you mean 'seed'?"),
        ("outputs=${recipe.nodel.name}", "outputs: Interpolation key 'recipe.nodel.name' not found"),
    ],
)
def test_bad_overrides_are_refused(own: Path, override: str, told: str) -> None:
    assert told in refusal(override)


def test_a_recipe_from_elsewhere_is_not_taken(own: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "recipe").mkdir(parents=True)
    (tmp_path / "other" / "recipe" / "alien.yaml").write_text("model: {name: x}\n")

    assert refusal("recipe=alien", f"hydra.searchpath=[file://{tmp_path}/other]").startswith(
        "There is no recipe 'alien'."
    )


def test_plugins_are_found_where_the_user_stands(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(Path.cwd()))])
    Path("my_plugin_of_test_job.py").write_text("loaded = True\n")

    load_plugins(["my_plugin_of_test_job"])

    assert sys.modules.pop("my_plugin_of_test_job").loaded is True


def test_plugins_that_fail_are_named(own: Path) -> None:
    Path("broken_plugin_of_test_job.py").write_text("1 / 0\n")

    with pytest.raises(UserError, match="plugins: cannot import 'nowhere': No module named 'nowhere'"):
        load_plugins(["nowhere"])
    with pytest.raises(UserError, match="'broken_plugin_of_test_job' fails on import: ZeroDivisionError"):
        load_plugins(["broken_plugin_of_test_job"])


STUDY = ["constant", "dense", "polynomial", "random_mask", "small_dense"]


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("recipe=glob(study_schedules/*)", [f"study_schedules/{name}" for name in STUDY]),
        ("recipe=glob(mnist_*)", ["mnist_2x4", "mnist_constant", "mnist_polynomial"]),
        ("recipe=glob(mnist_*,exclude=*_2x4)", ["mnist_constant", "mnist_polynomial"]),
        (
            "recipe=glob([mnist_c*,study_schedules/*dense])",
            ["mnist_constant", "study_schedules/dense", "study_schedules/small_dense"],
        ),
        ("recipe=study_schedules/dense,mnist_2x4", ["study_schedules/dense", "mnist_2x4"]),
        # As in Hydra, and unlike in a shell, a * goes into folders.
        (
            "recipe=glob(*,exclude=*/*)",
            ["cifar10_resnet20", "mnist_2x4", "mnist_constant", "mnist_polynomial", "two_conv_2x4"],
        ),
        ("recipe=glob(*polynomial)", ["mnist_polynomial", "study_schedules/polynomial"]),
    ],
)
def test_a_glob_selects_the_recipes_it_says(own: Path, argument: str, names: list[str]) -> None:
    assert [recipe.name for recipe in swept(argument)] == names


def test_a_glob_takes_own_recipes_in(own: Path) -> None:
    (own / "study_schedules").mkdir()
    for name in ("linear", "dense"):
        written = f"defaults: [study_schedules/constant, _self_]\ndescription: own {name}\n"
        (own / "study_schedules" / f"{name}.yaml").write_text(written)

    recipes = swept("recipe=glob(study_schedules/*)", "seed=1,2")

    assert [recipe.name for recipe in recipes[::2]] == [
        f"study_schedules/{name}" for name in sorted([*STUDY, "linear"])
    ]
    assert {recipe.source: recipe.description for recipe in recipes if recipe.source.startswith("rec")} == {
        "recipes/study_schedules/dense.yaml": "own dense",
        "recipes/study_schedules/linear.yaml": "own linear",
    }


def test_sweeps_inside_a_recipe_as_people_type_them(own: Path) -> None:
    patterns = swept("recipe=mnist_2x4", "recipe.layers.structural.m_by_n=1x4,2x4")
    names = swept("recipe=mnist_constant", "recipe.layers.all.schedule.name=constant,polynomial")
    levels = swept("recipe=mnist_polynomial", "recipe.layers.all.schedule.sparsity=0.0,0.5,0.9")
    importances = swept("recipe=mnist_constant", "recipe.layers.all.importance=magnitude,random")
    epochs = swept("recipe=glob(mnist_*)", "recipe.training.epochs=range(1,4)")

    assert [[rule.m_by_n for rule in recipe.layers] for recipe in patterns] == [
        [None, (1, 4)],
        [None, (2, 4)],
    ]
    assert [schedule(recipe).name for recipe in names] == ["constant", "polynomial"]
    assert [schedule(recipe).sparsity for recipe in levels] == [0.0, 0.5, 0.9]
    assert [recipe.layers[0].importance for recipe in importances] == ["magnitude", "random"]
    assert [recipe.training.epochs for recipe in epochs] == [1, 2, 3] * 3
    for recipes in (patterns, names, levels, importances, epochs):
        assert len({recipe.hash for recipe in recipes}) == len(recipes)


def schedule(recipe: Recipe) -> ScheduleSettings:
    assert recipe.layers[0].schedule is not None
    return recipe.layers[0].schedule


@pytest.mark.parametrize("written_in", ["mnist_constant", "mnist_polynomial", "study_schedules/constant"])
def test_sweeping_the_name_of_either_shipped_schedule_makes_the_other(own: Path, written_in: str) -> None:
    names = ["constant", "polynomial", "linear", "exponential"]

    recipes = swept(f"recipe={written_in}", f"recipe.layers.all.schedule.name={','.join(names)}")

    constant = schedule(read("recipe=mnist_constant")[0])
    assert [schedule(recipe) for recipe in recipes] == [replace(constant, name=name) for name in names]
    assert all(not schedule(recipe).written_for for recipe in recipes)


def test_what_a_file_wrote_for_one_schedule_is_marked_where_another_is_named(own: Path) -> None:
    (own / "mine.yaml").write_text(
        "defaults: [mnist_constant, _self_]\n"
        "layers: {all: {schedule: {name: polynomial, power: 2, initial_sparsity: 0.25}}}\n"
    )
    (own / "child.yaml").write_text(
        "defaults: [mine, _self_]\nlayers: {all: {schedule: {name: exponential, rate: 0.1}}}\n"
    )
    key = "recipe.layers.all.schedule"

    def marked(*arguments: str) -> list[Mapping[str, str]]:
        return [schedule(recipe).written_for for recipe in swept(*arguments)]

    polynomials = {"power": "polynomial", "initial_sparsity": "polynomial"}
    assert marked("recipe=mine", f"{key}.name=constant,polynomial") == [polynomials, {}]
    assert (
        marked("recipe=mine", f"{key}.name=linear", f"{key}.power=1,2")
        == [{"initial_sparsity": "polynomial"}] * 2
    )
    assert marked("recipe=mine", f"{key}={{name: constant}}") == [polynomials]
    assert marked("recipe=child") == [polynomials]
    assert marked("recipe=child", f"{key}.name=polynomial,constant") == [
        {"rate": "exponential"},
        polynomials | {"rate": "exponential"},
    ]
    assert marked("recipe=mine", "recipe.layers.new={schedule: {name: linear, sparsity: 0.5}}") == [{}]
