"""What Hydra's Optuna sweeper is told, read and completed before its first trial."""

from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from runner.cli.search_check import is_search, prepare_search, read_examples, read_space
from runner.process.errors import UserError
from runner.settings import RunSettings

SPARSITY, RATE = "recipe.layers.all.schedule.sparsity", "recipe.training.optimizer.learning_rate"


def config(*task: str, given: tuple[str, ...] = (), **sweeper: Any) -> DictConfig:
    """A configuration as Hydra composes it for `hydra/sweeper=optuna`."""
    told = {
        "_target_": "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
        "sampler": {"_target_": "optuna.samplers.TPESampler", "seed": None},
        "direction": "minimize",
        "storage": None,
        "n_trials": 20,
        "n_jobs": 2,
        "search_space": None,
        "custom_search_space": None,
        "params": None,
    }
    return OmegaConf.create(
        {
            "hydra": {
                "sweeper": told | sweeper,
                "overrides": {"task": list(task), "hydra": ["hydra/sweeper=optuna", *given]},
            }
        }
    )


def test_only_the_published_sweeper_is_a_search() -> None:
    assert is_search(config())
    assert not is_search(config(_target_="hydra._internal.core_plugins.basic_sweeper.BasicSweeper"))
    assert not is_search(config(_target_="mine.OptunaSweeper"))


def test_the_space_is_read_from_the_command_and_from_params() -> None:
    asked = config(
        "recipe=a,b",
        f"{RATE}=tag(log,interval(0.0001,0.1))",
        "recipe.training.epochs=range(1,9)",
        "seed=3",
        "recipe.model.filters=[2,4]",
        params={SPARSITY: "choice(0.5,0.9)"},
    )

    assert read_space(asked) == (
        ["seed=3", "recipe.model.filters=[2,4]"],
        {
            SPARSITY: ["0.5", "0.9"],
            "recipe": ["a", "b"],
            RATE: ["0.0001", "0.1"],
            "recipe.training.epochs": ["1", "9"],
        },
    )


def test_a_value_on_the_command_line_fixes_a_key_of_params() -> None:
    asked = config(f"{SPARSITY}=0.7", f"{RATE}=0.1,0.2", params={SPARSITY: "interval(0.5,0.9)"})
    assert read_space(asked) == ([f"{SPARSITY}=0.7"], {RATE: ["0.1", "0.2"]})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (config("recipe=a"), "hydra/sweeper=optuna: there is nothing to search. Give values to choose among"),
        (config("seed=1,2"), "seed=1,2: a search would choose the luckiest seed"),
        (config("recipe=glob(*)"), r"recipe=glob\(\*\): a search takes values, interval\(\), range\(\)"),
        (config(search_space={"a": {"type": "int"}}), "hydra.sweeper.search_space: is out of use"),
    ],
)
def test_what_is_no_space(asked: DictConfig, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_space(asked)


def test_every_listed_value_is_read_before_the_search() -> None:
    space = {"a": ["1", "2", "3"], "b": ["4", "5"]}

    found = read_examples(["seed=0"], space, tuple)

    assert {value for job in found for value in job} == {"seed=0", "a=1", "a=2", "a=3", "b=4", "b=5"}
    assert ("seed=0", "a=2", "b=4") in found
    assert read_examples(["seed=0"], {"a": ["1"]}, tuple) == [("seed=0", "a=1")]
    assert read_examples(["seed=0"], {}, tuple) == [("seed=0",)]


def refusing(*bad: set[str]) -> Any:
    def read(overrides: list[str]) -> tuple[str, ...]:
        if any(one <= set(overrides) for one in bad):
            raise UserError(f"cannot be: {' '.join(overrides)}")
        return tuple(overrides)

    return read


def test_a_value_that_can_never_run_is_refused() -> None:
    with pytest.raises(UserError, match="the search's a=2:\ncannot be: a=2 b=4"):
        read_examples([], {"a": ["1", "2"], "b": ["4", "5"]}, refusing({"a=2"}))
    with pytest.raises(UserError, match="the search's a=2:\ncannot be: a=2"):
        read_examples([], {"a": ["1", "2"]}, refusing({"a=2"}))


def test_values_that_only_do_not_fit_each_other_are_tried() -> None:
    found = read_examples([], {"a": ["1", "2"], "b": ["4", "5"]}, refusing({"a=2", "b=4"}))
    assert set(found) == {("a=1", "b=4"), ("a=1", "b=5"), ("a=2", "b=5")}


def test_the_sweeper_learns_which_way_is_better_and_the_seed() -> None:
    asked = config()

    search = prepare_search(asked, RunSettings(seed=7), ["seed=7"], {SPARSITY: ["0.5", "0.9"]})

    assert (asked.hydra.sweeper.direction, asked.hydra.sweeper.sampler.seed) == ("maximize", 7)
    assert search.fixed == ("seed",)
    assert (search.keys, search.trials, search.at_once) == (("layers.all.schedule.sparsity",), 20, 2)


def test_two_objectives_have_two_directions() -> None:
    asked = config(n_trials=1)

    search = prepare_search(
        asked, RunSettings(objective=("-val/loss", "sparsity/_model")), [], {SPARSITY: ["0.5", "0.9"]}
    )

    assert list(asked.hydra.sweeper.direction) == ["minimize", "maximize"]
    assert search.at_once == 1


def test_a_sampler_keeps_the_seed_that_it_was_given() -> None:
    asked = config(sampler={"seed": 3})
    prepare_search(asked, RunSettings(seed=7), ["seed=7"], {SPARSITY: []})
    assert asked.hydra.sweeper.sampler.seed == 3
    prepare_search(config(sampler={"_target_": "optuna.samplers.GridSampler"}), RunSettings(), [], {"a": []})


@pytest.mark.parametrize(
    ("asked", "settings", "told"),
    [
        (config(), RunSettings(dry_run=True), "dry_run: a search chooses its values as it goes"),
        (config(storage="sqlite:///x"), RunSettings(), "hydra.sweeper.storage: a search is kept in its"),
        (config(n_trials=0), RunSettings(), "hydra.sweeper.n_trials is 0, but must be at least 1"),
        (config(n_jobs=-1), RunSettings(), "hydra.sweeper.n_jobs is -1, but must be at least 1"),
        (
            config(given=("hydra.sweeper.max_failure_rate=0.5",)),
            RunSettings(),
            "hydra.sweeper.max_failure_rate: a failed job is a failed trial",
        ),
        (
            config(given=("hydra.sweeper.direction=minimize",)),
            RunSettings(),
            "hydra.sweeper.direction is minimize, and objective=val/accuracy says maximize. Leave the",
        ),
    ],
)
def test_what_the_runner_cannot_do(asked: DictConfig, settings: RunSettings, told: str) -> None:
    with pytest.raises(UserError, match=told):
        prepare_search(asked, settings, [], {SPARSITY: ["0.5", "0.9"]})


def test_a_direction_that_agrees_is_taken() -> None:
    asked = config(given=("hydra.sweeper.direction=[maximize,minimize]",), direction=["maximize", "minimize"])
    prepare_search(asked, RunSettings(objective=("val/auc", "-val/loss")), [], {SPARSITY: []})
    assert list(asked.hydra.sweeper.direction) == ["maximize", "minimize"]
