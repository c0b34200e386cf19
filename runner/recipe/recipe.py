"""The recipe: one pruning experiment as frozen value objects that are valid once they exist.

Names of datasets, models and schedules, and the arguments these take beyond the keys known here, are
checked later, by the registries that know them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from runner.process.errors import UserError
from runner.recipe.export import Budget, Export
from runner.recipe.pattern import pattern_problem
from runner.recipe.problems import Invalid, Problem, message, problems_of
from runner.recipe.rule import Rule, ScheduleSettings, beyond_training
from runner.recipe.section import Arguments, Number, Section, Text, Texts, plain, section
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

    name: Annotated[Text, Field(description="A registered dataset.", examples=["mnist"])] = "mnist"
    path: Annotated[
        Text | None, Field(description="A file to load, which must exist.", examples=["my_data.npz"])
    ] = None
    fallback: Annotated[
        Text | None,
        Field(
            description="The dataset to use where `name` cannot be had; null makes that an error.",
            examples=["digits"],
        ),
    ] = None
    validation_split: Annotated[
        Number,
        Field(ge=0, lt=1, description="The share of the training set kept for validation.", examples=[0.1]),
    ] = 0.0
    arguments: Arguments = field(default_factory=dict)


@section
class Model(Section):
    """The model to prune: a registered builder or a saved file, exactly one of the two."""

    name: Annotated[Text | None, Field(description="A registered model.", examples=["mnist_cnn"])] = None
    path: Annotated[
        Text | None,
        Field(description="A saved model, `.keras` or `.h5`; excludes `name`.", examples=["my_model.keras"]),
    ] = None
    weights: Annotated[
        Text | None,
        Field(
            description="A file of Keras 3 or tf-keras whose weights the model begins with.",
            examples=["trained.weights.h5"],
        ),
    ] = None
    weights_ignore: Annotated[
        Texts,
        Field(
            description="Patterns of layers that `weights` leaves as they are built, such as another head.",
            examples=["head*"],
        ),
    ] = ()
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


def _with_targets(rules: object) -> object:
    """Gives each rule that has no targets its name for one."""
    if not isinstance(rules, Mapping):
        return rules
    found = {key: {} if rule is None else rule for key, rule in rules.items()}
    return {
        key: {**rule, "targets": key} if isinstance(rule, Mapping) and rule.get("targets") is None else rule
        for key, rule in found.items()
    }


def _with_keys(rules: dict[str, Rule]) -> dict[str, Rule]:
    return {key: replace(rule, key=key) for key, rule in rules.items()}


@section
class Document(Section):
    """A pruning experiment, as a recipe file describes it."""

    _: KW_ONLY
    description: Annotated[Text | None, Field(description="One line on what the recipe is for.")] = None
    data: Annotated[Data, Field(description="The data to train and test on.")] = Data()
    model: Annotated[Model, Field(description="The model to prune: `name` or `path`.")]
    training: Annotated[Training, Field(description="How the model is trained while it is pruned.")]
    layers: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Rule],
        BeforeValidator(_with_targets),
        AfterValidator(_with_keys),
        Field(description="The rules by name, in order: the last one that matches a layer has it."),
    ]
    export: Annotated[Export, Field(description="The TFLite files to write.")] = Export()
    budget: Annotated[
        Budget | None,
        BeforeValidator(lambda written: None if written == {} else written),
        Field(description="What a release may cost; a run whose file exceeds it has failed."),
    ] = None


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
            wrong["layers"] = "has no rules: a recipe prunes something (sparsity: 0 is a dense control)"
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
        where = where or (lambda key: source)
        problems = [Problem(key, NAMES_CODE) for key in code_keys(mapping, "recipe")]
        if problems:
            raise UserError(message(problems, where))
        try:
            said = TypeAdapter(Document).validate_python(mapping)
            return cls(
                name=name,
                source=source,
                description=said.description or "",
                data=said.data,
                model=said.model,
                training=said.training,
                layers=tuple(said.layers.values()),
                export=said.export,
                budget=said.budget,
            )
        except ValidationError as error:
            problems = list(problems_of(error, Document, "recipe"))
        except Invalid as error:
            problems = [Problem(f"recipe.{key}", text) for key, text in error.problems.items()]
        raise UserError(message(problems, where))

    def to_mapping(self) -> dict[str, Any]:
        """Gives plain data, every default filled in; `from_mapping` reads it back as an equal recipe."""
        return {
            "description": self.description or None,
            "data": plain(self.data),
            "model": plain(self.model),
            "training": plain(self.training),
            "layers": {rule.key: plain(rule) for rule in self.layers},
            "export": plain(self.export),
            "budget": self.budget and plain(self.budget),
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
