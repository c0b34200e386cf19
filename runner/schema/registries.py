"""Where in a recipe registered names stand, and what may be written beside each."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.datasets import DATASETS
from runner.export.variants import VARIANTS
from runner.models import MODELS
from runner.plan import SCHEDULES
from runner.recipe.recipe import Data, LearningRate, Model, Optimizer, ScheduleSettings
from runner.recipe.registry import Registry
from runner.recipe.section import Section
from runner.recipe.signature import adapter_of, parameter_types
from runner.training.learning_rates import LEARNING_RATES
from runner.training.optimizers import OPTIMIZERS

NAMED: Mapping[type[Section], Registry[Any]] = {
    Data: DATASETS,
    Model: MODELS,
    Optimizer: OPTIMIZERS,
    LearningRate: LEARNING_RATES,
    ScheduleSettings: SCHEDULES,
}
"""The registries by the section whose `name` is one of their names."""


@dataclass(frozen=True)
class Argument:
    """A key that a section takes beside its own for one registered name.

    Args:
        name: The key.
        schema: The JSON Schema of its values.
        default: Its default; `inspect.Parameter.empty` where it must be given.
        meaning: What its annotation or the docstring says of it; may be empty.
    """

    name: str
    schema: Mapping[str, Any]
    default: Any
    meaning: str

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty


def variants() -> list[str]:
    """Returns the names of the TFLite variants."""
    return VARIANTS.names()


def arguments_of(registry: Registry[Any], name: str) -> list[Argument]:
    """Returns what a recipe can write for a registered name."""
    builder = registry.get(name, where="")
    types = parameter_types(builder)
    meanings = _meanings(inspect.getdoc(builder) or "")
    found = []
    for key, parameter in registry.parameters(name).items():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            adapter = adapter_of(types.get(key, Any))
            schema = adapter.json_schema() if adapter else {}
            meaning = meanings.get(key) or schema.get("description", "")
            found.append(Argument(key, schema, parameter.default, meaning))
    return found


def _meanings(docstring: str) -> dict[str, str]:
    """Reads the section Args of a docstring in Google style."""
    listed = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", docstring, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", listed[1] if listed else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
