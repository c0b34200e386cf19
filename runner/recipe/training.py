"""What a recipe says about training: epochs, batches, the optimizer and its learning rate, augmentation."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from runner.process.wording import counted
from runner.recipe.problems import EXPECTED, MAPPING, NUMBER, Invalid
from runner.recipe.section import Arguments, Flag, Number, Point, Section, Text, Texts, Whole, section
from runner.recipe.steps import StepSpec


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Null takes back what a recipe says of another learning rate."""
    return {name: value for name, value in arguments.items() if value is not None}


@section
class LearningRate(Section):
    """The learning rate as a function of the training step.

    Every key but `initial` may be left out whatever the name is, so that the name alone can be swept.
    """

    name: Annotated[Text, Field(examples=["cosine"])] = "constant"
    """A registered learning rate."""
    initial: Annotated[Number, Field(gt=0, examples=[0.1])] = 0.0
    """The rate once the warm-up is over. Required."""
    final: Annotated[Number, Field(json_schema_extra={"minimum": 0})] = 0.0
    """The lowest rate after the warm-up, at most `initial`: cosine ends there, no other falls below."""
    warmup: Annotated[Point, Field(examples=["1ep"])] = StepSpec(0)
    """How long the rate first rises to `initial`, in equal steps."""
    arguments: Annotated[Arguments, AfterValidator(_without_nulls)] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.initial:
            raise Invalid({"initial": "is missing"})
        if not 0 <= self.final <= self.initial:
            raise Invalid(
                {"final": f"is {self.final:g}, but must be in [0, {self.initial:g}], up to initial"}
            )


def _form(rate: object) -> str | None:
    if isinstance(rate, int | float) and not isinstance(rate, bool):
        return NUMBER
    return MAPPING if isinstance(rate, Mapping | LearningRate) else None


@section
class Optimizer(Section):
    """The optimizer of the training."""

    name: Annotated[Text, Field(examples=["sgd"])] = "adam"
    """A registered optimizer."""
    learning_rate: Annotated[
        Annotated[Number, Field(gt=0), Tag(NUMBER)] | Annotated[LearningRate, Tag(MAPPING)],
        Field(examples=[0.1, {"name": "cosine", "initial": 0.1}]),
        Discriminator(
            _form,
            EXPECTED,
            custom_error_message="a number, or a mapping such as {name: cosine, initial: 0.1}",
        ),
    ] = 0.001
    """A number, which is held, or a mapping for a rate that changes along the steps."""
    arguments: Arguments = field(default_factory=dict)


@section
class Augmentation(Section):
    """How training images are changed at random, each time they are seen."""

    shift: Annotated[Whole, Field(ge=0, examples=[2])] = 0
    """The most pixels an image is moved by, up or down and left or right."""
    flip: Annotated[Flag, Field(examples=[True])] = False
    """Mirror half of the images, left to right."""

    @property
    def changes(self) -> bool:
        """Whether any image is changed at all."""
        return self.shift > 0 or self.flip


@section
class Training(Section):
    """How the model is trained while it is pruned."""

    epochs: Annotated[Whole, Field(ge=1, examples=[10])]
    """Passes over the training data. Required."""
    batch_size: Annotated[Whole, Field(ge=1, examples=[128])]
    """Samples in a training step. Required."""
    optimizer: Annotated[Optimizer, Field(examples=[{"name": "adam"}])] = Optimizer()
    """The optimizer and its learning rate."""
    loss: Annotated[Text | None, Field(examples=["mse"])] = None
    """A Keras loss; by default it follows the task."""
    metrics: Annotated[Texts | None, Field(examples=[["mae"]])] = None
    """Keras metrics; by default they follow the task."""
    augmentation: Augmentation | None = None
    """How training images are changed at random; by default they are not."""
    dense_epochs: Annotated[Whole, Field(ge=0, examples=[5])] = 0
    """Passes over the data before pruning. All recipes that share data, model, training and seed begin
    with the weights of this dense training.
    """

    def __post_init__(self) -> None:
        rate = self.optimizer.learning_rate
        if not isinstance(rate, LearningRate):
            return
        phases = {"training": self.epochs, "dense training": self.dense_epochs or self.epochs}
        for phase, epochs in phases.items():
            warmup = rate.warmup.in_epochs(epochs)
            if warmup is not None and warmup > epochs:
                raise Invalid(
                    {"optimizer.learning_rate.warmup": f"is beyond the {counted(epochs, 'epoch')} of {phase}"}
                )
