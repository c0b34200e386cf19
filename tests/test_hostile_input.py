"""Whatever a recipe and a command say: a plan, or one readable message, soon."""

import contextlib
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
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, example, given, settings
from rich.console import Console

import runner.run.experiment
import runner.run.prepare
from runner.cli.command_line import check_arguments
from runner.cli.composition import load_plugins, placed, read_job
from runner.cli.override_errors import explain
from runner.datasets import Dataset, load_dataset
from runner.models import build_model
from runner.plan import make_plan
from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.process.wording import readable, visible
from runner.recipe import source
from runner.recipe.recipe import Data, Model
from runner.report.display import Display
from runner.run.experiment import run_experiment
from tests.mutations import BASES, SMALL_IMAGES, TRAINING, Hostile, hostile

pytestmark = pytest.mark.slow

_LONGEST = 20_000


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        message: What was wrong, as it is printed; None where a plan was made and printed.
        planner: Whether the planner was asked.
        seconds: What it took of the processor; what else the machine does is not counted.
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
        before, began = self.planned, time.process_time()
        message = self._message(["recipe=case", "dry_run=true", *case.overrides])
        told = None if message is None else readable(message)
        return Outcome(told, self.planned > before, time.process_time() - began)

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
        patch.setattr(runner.run.prepare, "load_dataset", made.load)
        patch.setattr(runner.run.prepare, "build_model", made.build)
        patch.setattr(runner.run.prepare, "make_plan", made.plan)
        patch.setattr(
            runner.run.experiment,
            "Display",
            lambda noted=None: Display(Console(file=io.StringIO()), noted=noted),
        )
        # It collects garbage, for seconds in all, and nothing is trained here.
        patch.setattr(runner.run.experiment, "graphs_freed", contextlib.nullcontext)
        patch.setattr("runner.datasets.mnist.fetch", no_network)
        patch.setattr("runner.datasets.cifar10.fetch", no_network)
        patch.setattr("runner.datasets.fashion_mnist.fetch", no_network)
        source.register()
        with initialize_config_dir(str(packaged_folder("conf")), version_base="1.3"):
            assert made(Hostile(yaml.safe_dump(BASES[0]).encode())).planner, "and the first takes longest"
            yield made


def check(outcome: Outcome) -> None:
    assert outcome.seconds < 5
    if outcome.message is not None:
        assert outcome.message.strip()
        assert len(outcome.message) < _LONGEST
        assert outcome.message == visible(outcome.message)
        assert "Traceback" not in outcome.message


def recipe(*overrides: str, **changes: Any) -> Hostile:
    """Makes a case of the first base, with other parts."""
    written = yaml.safe_dump({**BASES[0], **changes}, sort_keys=False)
    return Hostile(written.encode(errors="surrogatepass"), overrides)


def layers(**rule: Any) -> Hostile:
    return recipe(layers={"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5}, **rule}})


@given(hostile())
@example(recipe())
@example(recipe(defaults=["x" * 10_000]))
@example(recipe(description="${..tracking.uri}"))
@example(recipe(description="\x1b[31m\ud800"))
@example(recipe(model={"name": "mnist_cnn", "filters": {"name": "x"}}))
@example(recipe(model={"name": "mnist_cnn", "filters": [1e9, 4]}))
@example(recipe(model={"name": "mnist_cnn", "dense_units": 10**400}))
@example(recipe(model={"name": "mnist_cnn", "dropout": float("nan")}))
@example(recipe(model={"name": "mnist_cnn", "other": {1: 2, "a": 3}}))
@example(recipe(training={**TRAINING, "epochs": 10**15}))
@example(recipe(training={**TRAINING, "epochs": 10**6}, data={**SMALL_IMAGES, "samples": 10**12}))
@example(recipe(data={**SMALL_IMAGES, "input_shape": [10**6, 10**6, 3]}))
@example(recipe(data={"name": "digits", "copies": 10**9}))
@example(layers(targets="re:(\\w+)+!"))
@example(layers(targets="re:(?=conv).*"))
@example(layers(schedule={"name": "constant", "sparsity": 0.5, "begin_step": "1e308ep"}))
@example(layers(schedule={"name": "constant", "sparsity": 0.5, "end_step": "9" * 400 + "ep"}))
@example(layers(schedule={"name": "constant", "sparsity": 0.5, "end_step": 1e308}))
@example(layers(schedule={"name": "constant", "sparsity": 0.5, "frequency": 10**400}))
@example(recipe("recipe.training.epochs=1", "recipe.layers=[" * 40))
@example(recipe("recipe.model.filters.name=1"))
@example(recipe("recipe.data.input_shape=\u0661ep"))
@example(recipe("~recipe.model.filters.0", "threads=100000000000000000000"))
@example(recipe("plugins=[" + "x" * 10_000 + "]"))
@example(recipe("tracking.experiment=\x1b[31m"))
@settings(
    max_examples=250,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_recipe_and_command_is_planned_or_refused_in_words(commands: Commands, case: Hostile) -> None:
    check(commands(case))
