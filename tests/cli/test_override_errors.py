import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import validate_config_path
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigKeyError

from runner.cli.override_errors import explain


def no_such_key(key: str) -> ConfigCompositionException:
    error = ConfigCompositionException(f"Could not override '{key}'.\nTo append to your config use +{key}=1")
    error.__cause__ = ConfigKeyError(
        f"Key '{key}' is not in struct\n    full_key: {key}\n    object_type=dict"
    )
    return error


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("sed", "There is no setting 'sed'. Did you mean 'seed'? Settings: recipe, launch, seed, outputs,"),
        ("lauch", "There is no setting 'lauch'. Did you mean 'launch'?"),
        ("recpie", "There is no setting 'recpie'. Did you mean 'recipe'?"),
        ("tracking.experimnt", "Did you mean 'tracking.experiment'?"),
        ("training.epochs", "There is no setting 'training.epochs'. Did you mean 'recipe.training.epochs'?"),
        (
            "hydra.foo",
            "Could not override 'hydra.foo'.\nTo append to your config use +hydra.foo=1\nKey 'hydra",
        ),
    ],
)
def test_an_unknown_key_gets_the_nearest(key: str, told: str) -> None:
    message = explain(no_such_key(key))

    assert message is not None
    assert told in message
    assert "full_key" not in message


def test_an_argument_without_a_key() -> None:
    def told(written: str) -> str | None:
        with pytest.raises(OverrideParseException) as refused:
            OverridesParser.create().parse_overrides([written])
        return explain(refused.value)

    assert told("mnist_2x4") == "'mnist_2x4' is not KEY=VALUE. Did you mean recipe=mnist_2x4?"
    unreadable = told("recipe.x=(")
    assert unreadable is not None
    assert unreadable.startswith("Cannot read 'recipe.x=(': extraneous input '('")
    assert "quoted twice" in unreadable


def test_a_missing_recipe_is_told_by_the_library() -> None:
    message = explain(MissingConfigException("...", missing_cfg_file="recipe/mnist_2x5", options=None))

    assert message is not None
    assert message.startswith("There is no recipe 'mnist_2x5'. Did you mean 'mnist_2x4'?")


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (
            "launch/jobib",
            "There is no launcher 'jobib'. Did you mean 'joblib'? Launchers: local, joblib, ray, submitit",
        ),
        (
            "hydra/launcher/submitit_slurm",
            "The launcher 'submitit_slurm' is not installed: pip install 'tflite-pruning-runner[parallel]'",
        ),
        (
            "hydra/sweeper/optuna",
            "The sweeper 'optuna' is not installed: pip install 'tflite-pruning-runner[search]'",
        ),
        ("hydra/sweeper/x", "In 'config': Could not find 'hydra/sweeper/x'"),
    ],
)
def test_a_missing_launcher_is_told_by_its_presets(missing: str, told: str) -> None:
    error = MissingConfigException(f"In 'config': Could not find '{missing}'", missing_cfg_file=missing)

    assert explain(error) == told


def test_what_hydra_did_not_raise_is_no_fault_of_the_input() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        divmod(1, 0)

    assert explain(raised.value) is None


def test_bare_errors_of_hydra_are_told() -> None:
    with pytest.raises(ValueError, match="config_path") as raised:
        validate_config_path("config.yaml")

    message = explain(raised.value)
    assert message is not None
    assert message.startswith("Using config_path to specify the config name is not supported")
