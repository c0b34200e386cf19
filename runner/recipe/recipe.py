"""The recipe: one pruning experiment as frozen value objects that are valid once they exist.

Names of datasets, models and schedules, and the arguments these take beyond the keys known here, are
checked later, by the registries that know them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, field
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from runner.process.errors import UserError
from runner.recipe.export_settings import Budget, Export
from runner.recipe.pattern import pattern_problem
from runner.recipe.problems import Invalid, Problem, message, problems_of
from runner.recipe.rule import Rule, ScheduleSettings, beyond_training
from runner.recipe.section import Arguments, Number, Placed, Section, Text, Texts, plain, section
from runner.recipe.steps import StepSpec
from runner.recipe.training import Augmentation, LearningRate, Optimizer, Training
from runner.recipe.vetting import NAMES_CODE, code_keys

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
    "ScheduleSettings",
    "StepSpec",
    "Training",
]


@section
class Data(Section):
    """The data to train and test on."""

    name: Annotated[Text, Field(examples=["mnist"])] = "mnist"
    """A registered dataset."""
    path: Annotated[Text | None, Field(examples=["my_data.npz"])] = None
    """A file to load, which must exist."""
    fallback: Annotated[Text | None, Field(examples=["digits"])] = None
    """The dataset to use where `name` cannot be had; null makes that an error."""
    validation_split: Annotated[Number, Field(ge=0, lt=1, examples=[0.1])] = 0.0
    """The share of the training set kept for validation."""
    arguments: Arguments = field(default_factory=dict)


@section
class Model(Section):
    """The model to prune: a registered builder or a saved file, exactly one of the two."""

    name: Annotated[Text | None, Field(examples=["mnist_cnn"])] = None
    """A registered model."""
    path: Annotated[Text | None, Field(examples=["my_model.keras"])] = None
    """A saved model, `.keras` or `.h5`; excludes `name`."""
    weights: Annotated[Text | None, Field(examples=["trained.weights.h5"])] = None
    """A file of Keras 3 or tf-keras whose weights the model begins with."""
    weights_ignore: Annotated[Texts, Field(examples=["head*"])] = ()
    """Patterns of layers that `weights` leaves as they are built, such as another head."""
    arguments: Arguments = field(default_factory=dict)

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


def _rules(written: object) -> object:
    if not isinstance(written, Mapping):
        return written if isinstance(written, tuple) else _RULES.validate_python(written)
    placed = {str(key): Placed(rule, {"key": str(key), "targets": str(key)}) for key, rule in written.items()}
    return tuple(_RULES.validate_python(placed).values())


_Rules = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Rule]
_RULES = TypeAdapter(_Rules)


@section
class Recipe(Section):
    """One pruning experiment."""

    # What the command line calls it.
    name: Annotated[str, Field(exclude=True)]
    # The file it came from, for messages.
    source: Annotated[str, Field(exclude=True)]
    _: KW_ONLY
    description: Annotated[str, Strict()] = ""
    """One line on what the recipe is for."""
    data: Data = Data()
    """The data to train and test on."""
    model: Model
    """The model to prune: `name` or `path`. Required."""
    training: Training
    """How the model is trained while it is pruned. Required."""
    layers: Annotated[
        tuple[Rule, ...],
        BeforeValidator(_rules, json_schema_input_type=_Rules),
        PlainSerializer(lambda rules: {rule.key: plain(rule) for rule in rules}),
    ]
    """The rules by name, in order: the last one that matches a layer has it. Required."""
    export: Export = Export()
    """The TFLite files to write."""
    budget: Annotated[Budget | None, BeforeValidator(lambda written: None if written == {} else written)] = (
        None
    )
    """What a release may cost; a run whose file exceeds it has failed."""

    def __post_init__(self) -> None:
        wrong: dict[str, str] = {}
        if not self.layers:
            wrong["layers"] = "has no rules: a recipe prunes something (sparsity: 0 is a dense control)"
        for rule in self.layers:
            wrong |= {
                f"layers.{rule.key}.schedule.{name}": problem
                for name, problem in beyond_training(rule.schedule, self.training.epochs).items()
            }
        if self.budget is not None:
            wrong |= {f"budget.{key}": text for key, text in self.budget.unmet_by(self.export).items()}
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
        where = where or (lambda key: source)
        problems = [Problem(key, NAMES_CODE) for key in code_keys(mapping, "recipe")]
        if problems:
            raise UserError(message(problems, where))
        try:
            return TypeAdapter(cls).validate_python(Placed(mapping, {"name": name, "source": source}))
        except ValidationError as error:
            problems = list(problems_of(error, cls, "recipe"))
        raise UserError(message(problems, where))

    def to_mapping(self) -> dict[str, Any]:
        """Gives plain data, every default filled in; `from_mapping` reads it back as an equal recipe."""
        return {**plain(self), "description": self.description or None}

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
