"""Whatever a recipe and a command say: a plan, or one readable message, soon."""

import io
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tf_keras
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from rich.console import Console

import runner.experiment
import runner.stages
from runner.command_line import check_arguments
from runner.datasets import Dataset, load_dataset
from runner.errors import UserError
from runner.experiment import run_experiment
from runner.job import load_plugins, placed, read_job
from runner.models import build_model
from runner.override_errors import explain
from runner.packaged import packaged_folder
from runner.plan import make_plan
from runner.recipe import source
from runner.recipe.schema import Data, Model
from runner.report.display import Display
from runner.wording import readable, visible
from tests.mutations import Hostile, hostile

_LONGEST = 20_000


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        message: What was wrong; None where a plan was made and printed.
        planner: Whether the planner was asked.
        seconds: How long it took.
    """

    message: str | None
    planner: bool
    seconds: float


class Commands:
    """Runs `recipe=case dry_run=true` in this process, as the command does; models and data are made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data: dict[str, Dataset] = {}
        self._models: dict[str, tf_keras.Model] = {}
        self.planned = 0

    def __call__(self, case: Hostile) -> Outcome:
        (self._folder / "recipes" / "case.yaml").write_bytes(case.content)
        before, began = self.planned, time.perf_counter()
        message = self._message(["recipe=case", "dry_run=true", *case.overrides])
        return Outcome(message, self.planned > before, time.perf_counter() - began)

    def _message(self, arguments: list[str]) -> str | None:
        try:
            check_arguments(arguments)
            config = compose("config", arguments, return_hydra_config=True)
            recipe, run_settings = read_job(config, config.hydra)
            load_plugins(run_settings.plugins)
            try:
                run_experiment(recipe, replace(run_settings, dry_run=True))
            except UserError as error:
                return placed(str(error), config, config.hydra)
        except UserError as error:
            return str(error)
        except Exception as error:
            told = explain(error)
            if told is None:
                raise
            return told
        return None

    def load(self, data: Data, **others: Any) -> Dataset:
        key = json.dumps(asdict(replace(data, validation_split=0.0)), sort_keys=True)
        if key not in self._data:
            self._data[key] = load_dataset(data, **others)
        return self._data[key]

    def build(self, model: Model, **others: Any) -> tf_keras.Model:
        key = repr((model, {name: value for name, value in others.items() if name != "tell"}))
        if key not in self._models:
            self._models[key] = build_model(model, **others)
        return self._models[key]

    def plan(self, *arguments: Any, **keywords: Any) -> Any:
        self.planned += 1
        return make_plan(*arguments, **keywords)


def no_network(*arguments: Any, **keywords: Any) -> bytes:
    raise OSError("no network in this test")


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        made = Commands(Path(folder))
        (Path(folder) / "recipes").mkdir()
        patch.chdir(folder)
        patch.setenv("KERAS_HOME", folder)
        patch.setattr(runner.stages, "load_dataset", made.load)
        patch.setattr(runner.stages, "build_model", made.build)
        patch.setattr(runner.stages, "make_plan", made.plan)
        patch.setattr(runner.experiment, "Display", lambda: Display(Console(file=io.StringIO())))
        patch.setattr("runner.datasets.mnist.fetch", no_network)
        patch.setattr("runner.datasets.cifar10.fetch", no_network)
        source.register()
        with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
            yield made


def check(outcome: Outcome) -> None:
    assert outcome.seconds < 5
    if outcome.message is not None:
        told = readable(outcome.message)
        assert told.strip()
        assert len(told) < _LONGEST
        assert told == outcome.message == visible(outcome.message), "what is told is readable as it is"


@given(hostile())
@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_recipe_and_command_is_planned_or_refused_in_words(commands: Commands, case: Hostile) -> None:
    check(commands(case))
