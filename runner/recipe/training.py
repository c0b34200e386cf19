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

    name: Annotated[Text, Field(description="A registered learning rate.", examples=["cosine"])] = "constant"
    initial: Annotated[
        Number, Field(gt=0, description="The rate once the warm-up is over. Required.", examples=[0.1])
    ] = 0.0
    final: Annotated[
        Number,
        Field(
            description="The lowest rate after the warm-up, at most `initial`: cosine ends there, no other falls"
            " below.",
            json_schema_extra={"minimum": 0},
        ),
    ] = 0.0
    warmup: Annotated[
        Point,
        Field(description="How long the rate first rises to `initial`, in equal steps.", examples=["1ep"]),
    ] = StepSpec(0)
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

    name: Annotated[Text, Field(description="A registered optimizer.", examples=["sgd"])] = "adam"
    learning_rate: Annotated[
        Annotated[Number, Field(gt=0), Tag(NUMBER)] | Annotated[LearningRate, Tag(MAPPING)],
        Field(
            description="A number, which is held, or a mapping for a rate that changes along the steps.",
            examples=[0.1, {"name": "cosine", "initial": 0.1}],
        ),
        Discriminator(
            _form,
            EXPECTED,
            custom_error_message="a number, or a mapping such as {name: cosine, initial: 0.1}",
        ),
    ] = 0.001
    arguments: Arguments = field(default_factory=dict)


@section
class Augmentation(Section):
    """How training images are changed at random, each time they are seen."""

    shift: Annotated[
        Whole,
        Field(
            ge=0,
            description="The most pixels an image is moved by, up or down and left or right.",
            examples=[2],
        ),
    ] = 0
    flip: Annotated[Flag, Field(description="Mirror half of the images, left to right.", examples=[True])] = (
        False
    )

    @property
    def changes(self) -> bool:
        """Whether any image is changed at all."""
        return self.shift > 0 or self.flip


@section
class Training(Section):
    """How the model is trained while it is pruned."""

    epochs: Annotated[
        Whole, Field(ge=1, description="Passes over the training data. Required.", examples=[10])
    ]
    batch_size: Annotated[
        Whole, Field(ge=1, description="Samples in a training step. Required.", examples=[128])
    ]
    optimizer: Annotated[
        Optimizer, Field(description="The optimizer and its learning rate.", examples=[{"name": "adam"}])
    ] = Optimizer()
    loss: Annotated[
        Text | None,
        Field(description="A Keras loss; by default it follows the task.", examples=["mse"]),
    ] = None
    metrics: Annotated[
        Texts | None,
        Field(description="Keras metrics; by default they follow the task.", examples=[["mae"]]),
    ] = None
    augmentation: Annotated[
        Augmentation | None,
        Field(description="How training images are changed at random; by default they are not."),
    ] = None
    dense_epochs: Annotated[
        Whole,
        Field(
            ge=0,
            description="Passes over the data before pruning. All recipes that share data, model, training and"
            " seed begin with the weights of this dense training.",
            examples=[5],
        ),
    ] = 0

    def __post_init__(self) -> None:
        rate = self.optimizer.learning_rate
        phases = {"training": self.epochs, "dense training": self.dense_epochs or self.epochs}
        for phase, epochs in phases.items() if isinstance(rate, LearningRate) else ():
            warmup = rate.warmup.in_epochs(epochs)
            if warmup is not None and warmup > epochs:
                raise Invalid(
                    {"optimizer.learning_rate.warmup": f"is beyond the {counted(epochs, 'epoch')} of {phase}"}
                )
