"""What a recipe may say: frozen value objects that are valid once they exist.

Names of datasets, models and schedules, and the arguments these take beyond the keys known here, are
checked later, by the registries that know them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.process.errors import UserError
from runner.recipe.export import Budget, Export, plain_budget, plain_export, read_budget, read_export
from runner.recipe.pattern import pattern_problem
from runner.recipe.rule import NO_RULES, Rule, plain_rule, read_rules
from runner.recipe.schedule import Schedule, beyond_training
from runner.recipe.section import (
    NAMES_CODE,
    Invalid,
    Problem,
    Section,
    code_keys,
    share,
    text,
    texts,
)
from runner.recipe.steps import StepSpec
from runner.recipe.training import (
    Augmentation,
    LearningRate,
    Optimizer,
    Training,
    plain_training,
    read_training,
)

__all__ = [
    "Augmentation",
    "Budget",
    "Data",
    "Export",
    "LearningRate",
    "Model",
    "Optimizer",
    "Recipe",
    "Rule",
    "Schedule",
    "StepSpec",
    "Training",
]


_MOST_TOLD = 20


@dataclass(frozen=True)
class Data:
    """The data to train and test on.

    Args:
        name: A registered dataset.
        path: A file to load; it must exist then.
        fallback: The dataset to use where `name` cannot be had; None makes that an error.
        validation_split: The share of the training set kept for validation, in [0, 1).
        arguments: What the dataset's loader takes beyond these.
    """

    name: str = "mnist"
    path: str | None = None
    fallback: str | None = None
    validation_split: float = 0.0
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.validation_split < 1:
            raise Invalid({"validation_split": f"is {self.validation_split:g}, but must be in [0, 1)"})


@dataclass(frozen=True)
class Model:
    """The model to prune: a registered builder or a saved file, exactly one of the two.

    Args:
        name: A registered model.
        path: A `.keras` or `.h5` file.
        weights: A file of Keras 3 or tf-keras whose weights the model begins with.
        weights_ignore: Patterns of layers that `weights` leaves as they are built, such as another head.
        arguments: What the model's builder takes.
    """

    name: str | None = None
    path: str | None = None
    weights: str | None = None
    weights_ignore: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if problem := pattern_problem(self.weights_ignore):
            raise Invalid({"weights_ignore": problem})
        if self.weights_ignore and self.weights is None:
            raise Invalid({"weights_ignore": "stands without weights, the file whose layers it names"})
        if self.name is None and self.path is None:
            raise Invalid({"name": "is missing: name a registered model, or give the path of a saved one"})
        if self.name is not None and self.path is not None:
            raise Invalid(
                {"path": f"stands beside name: {self.name}; keep one of the two, set the other to null"}
            )


@dataclass(frozen=True)
class Recipe:
    """One pruning experiment.

    Args:
        name: What the command line calls it.
        source: The file it came from, for messages.
        description: One line on what it is for.
        data: See `Data`.
        model: See `Model`.
        training: See `Training`.
        layers: The rules in order; the last one that matches a layer has it.
        export: See `Export`.
        budget: See `Budget`; None for none.
    """

    name: str
    source: str
    description: str
    data: Data
    model: Model
    training: Training
    layers: tuple[Rule, ...]
    export: Export
    budget: Budget | None = None

    def __post_init__(self) -> None:
        wrong: dict[str, str] = {}
        if not self.layers:
            wrong["layers"] = NO_RULES
        for rule in self.layers:
            wrong |= {
                f"layers.{rule.key}.schedule.{name}": problem
                for name, problem in beyond_training(rule.schedule, self.training.epochs).items()
            }
        if self.budget is not None:
            wrong |= {f"budget.{key}": told for key, told in self.budget.unmet_by(self.export).items()}
        if wrong:
            raise Invalid(wrong)

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, Any],
        *,
        name: str,
        source: str,
        where: Callable[[str], str] | None = None,
    ) -> "Recipe":
        """Reads a recipe from plain, resolved data.

        Args:
            mapping: `description`, `data`, `model`, `training`, `layers`, `export`, `budget`, as in a recipe
                file.
            name: What the command line calls it.
            source: The file it came from, e.g. `recipes/mnist_2x4.yaml`.
            where: Says for a dotted key (`recipe.training.epochs`) where it was written; by default in
                `source`.

        Returns:
            The recipe, valid but for what only the registries and the built model can tell.

        Raises:
            UserError: One message that names every problem found, each with its place and key.
        """
        problems = [Problem(key, NAMES_CODE) for key in code_keys(mapping, "recipe")]
        if problems:
            raise UserError(_message(problems, where or (lambda key: source)))
        section = Section(mapping, "recipe", problems)
        section.optional("description", text)
        for part, read in _PARTS.items():
            section.put(part, read(section.section(part)))
        export = read_export(section.section("export"))
        section.put("export", export)
        section.put("budget", read_budget(section.section("budget"), export.variants if export else ()))
        recipe = section.build(
            lambda description="", **parts: cls(name=name, source=source, description=description, **parts)
        )
        if recipe is None:
            raise UserError(_message(problems, where or (lambda key: source)))
        return recipe

    def to_mapping(self) -> dict[str, Any]:
        """Gives plain data, every default filled in; `from_mapping` reads it back as an equal recipe."""
        return {
            "description": self.description or None,
            "data": {
                "name": self.data.name,
                "path": self.data.path,
                "fallback": self.data.fallback,
                "validation_split": self.data.validation_split,
                **self.data.arguments,
            },
            "model": {
                "name": self.model.name,
                "path": self.model.path,
                "weights": self.model.weights,
                "weights_ignore": list(self.model.weights_ignore),
                **self.model.arguments,
            },
            "training": plain_training(self.training),
            "layers": {rule.key: plain_rule(rule) for rule in self.layers},
            "export": plain_export(self.export),
            "budget": plain_budget(self.budget),
        }

    @property
    def hash(self) -> str:
        """Twelve hex digits that only recipes saying the same share; name, source, description aside."""
        return self._hash("description")

    @property
    def training_hash(self) -> str:
        """Twelve hex digits that recipes share which train the same, whatever they export and demand."""
        return self._hash("description", "export", "budget")

    def _hash(self, *without: str) -> str:
        plain = {key: value for key, value in self.to_mapping().items() if key not in without}
        # The last matching rule wins, so the order of rules is meaning and must outlive the sorting of keys.
        plain["layers"] = list(plain["layers"].items())
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _message(problems: list[Problem], where: Callable[[str], str]) -> str:
    lines = [f"{where(key)}: {key} {told}" for key, told in problems[:_MOST_TOLD]]
    if len(problems) > _MOST_TOLD:
        lines.append(f"and {len(problems) - _MOST_TOLD} more")
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(problems)} problems in the recipe:", *lines])


def _read_data(section: Section) -> Data | None:
    for name in ("name", "path", "fallback"):
        section.optional(name, text)
    section.optional("validation_split", share)
    section.take_rest("arguments")
    return section.build(Data)


def _read_model(section: Section) -> Model | None:
    for name in ("name", "path", "weights"):
        section.optional(name, text)
    section.optional("weights_ignore", texts)
    section.take_rest("arguments")
    return section.build(Model)


_PARTS: dict[str, Callable[[Section], object]] = {
    "data": _read_data,
    "model": _read_model,
    "training": read_training,
    "layers": read_rules,
}
