"""What a recipe says about training: epochs, batches, the optimizer and its learning rate, augmentation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.process.wording import counted
from runner.recipe.section import Invalid, Section, flag, number, text, texts, whole
from runner.recipe.steps import StepSpec

_NO_STEPS = StepSpec(0)
_FORMS = "a number, or a mapping such as {name: cosine, initial: 0.1}"


@dataclass(frozen=True)
class LearningRate:
    """The learning rate as a function of the training step.

    Every key but `initial` may be left out whatever the name is, so that the name alone can be swept.

    Args:
        name: A registered learning rate.
        initial: The rate once the warm-up is over, > 0.
        final: The lowest rate after the warm-up, in [0, initial]: cosine ends there, no other falls below.
        warmup: How long the rate first rises to `initial`, in equal steps.
        arguments: What the learning rate takes beyond these, e.g. `boundaries`.
    """

    name: str = "constant"
    initial: float = 0.001
    final: float = 0.0
    warmup: StepSpec = _NO_STEPS
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = {}
        if not self.initial > 0:
            wrong["initial"] = f"is {self.initial:g}, but must be above 0"
        elif not 0 <= self.final <= self.initial:
            wrong["final"] = f"is {self.final:g}, but must be in [0, {self.initial:g}], up to initial"
        if wrong:
            raise Invalid(wrong)


@dataclass(frozen=True)
class Optimizer:
    """The optimizer of the training.

    Args:
        name: A registered optimizer.
        learning_rate: A number > 0, which is held, or one that changes along the steps.
        arguments: What the optimizer takes beyond these, e.g. `momentum`.
    """

    name: str = "adam"
    learning_rate: float | LearningRate = 0.001
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, LearningRate) and not self.learning_rate > 0:
            raise Invalid({"learning_rate": f"is {self.learning_rate:g}, but must be above 0"})


@dataclass(frozen=True)
class Augmentation:
    """How training images are changed at random, each time they are seen.

    Args:
        shift: The most pixels an image is moved by, up or down and left or right, >= 0.
        flip: Whether half of the images are mirrored, left to right.
    """

    shift: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise Invalid({"shift": f"is {self.shift}, but must be at least 0 pixels"})

    @property
    def changes(self) -> bool:
        """Whether any image is changed at all."""
        return self.shift > 0 or self.flip


@dataclass(frozen=True)
class Training:
    """How the model is trained while it is pruned.

    Args:
        epochs: >= 1.
        batch_size: >= 1.
        optimizer: See `Optimizer`.
        augmentation: See `Augmentation`; None changes nothing.
        dense_epochs: >= 0; passes over the data before, without pruning, whose weights all recipes that share
            data, model, training and seed begin with.
        loss: A Keras loss; None follows the task.
        metrics: Keras metrics; None follows the task.
    """

    epochs: int
    batch_size: int
    optimizer: Optimizer = field(default_factory=Optimizer)
    loss: str | None = None
    metrics: tuple[str, ...] | None = None
    augmentation: Augmentation | None = None
    dense_epochs: int = 0

    def __post_init__(self) -> None:
        counts = {"epochs": self.epochs, "batch_size": self.batch_size}
        wrong = {name: f"is {value}, but must be at least 1" for name, value in counts.items() if value < 1}
        if self.dense_epochs < 0:
            wrong["dense_epochs"] = f"is {self.dense_epochs}, but must be at least 0"
        phases = {"training": self.epochs, "dense training": self.dense_epochs or self.epochs}
        for phase, epochs in phases.items() if not wrong else ():
            rate = self.optimizer.learning_rate
            warmup = rate.warmup.in_epochs(epochs) if isinstance(rate, LearningRate) else None
            if warmup is not None and warmup > epochs:
                told = f"is beyond the {counted(epochs, 'epoch')} of {phase}"
                wrong.setdefault("optimizer.learning_rate.warmup", told)
        if wrong:
            raise Invalid(wrong)


def read_training(section: Section) -> Training | None:
    """Reads `recipe.training`, noting problems in the section."""
    section.required("epochs", whole)
    section.required("batch_size", whole)
    section.put("optimizer", _read_optimizer(section.section("optimizer")))
    section.optional("loss", text)
    section.optional("metrics", texts)
    section.optional("dense_epochs", whole)
    given = section.has("augmentation")
    augmentation = section.section("augmentation")
    if given:
        section.put("augmentation", _read_augmentation(augmentation))
    return section.build(Training)


def plain_training(training: Training) -> dict[str, Any]:
    """Gives plain data, every default filled in; `read_training` reads it back."""
    optimizer, augmentation = training.optimizer, training.augmentation
    return {
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "optimizer": {
            "name": optimizer.name,
            "learning_rate": _plain_learning_rate(optimizer.learning_rate),
            **optimizer.arguments,
        },
        "loss": training.loss,
        "metrics": None if training.metrics is None else list(training.metrics),
        "augmentation": augmentation and {"shift": augmentation.shift, "flip": augmentation.flip},
        "dense_epochs": training.dense_epochs,
    }


def _plain_learning_rate(rate: float | LearningRate) -> float | dict[str, Any]:
    if not isinstance(rate, LearningRate):
        return rate
    return {
        "name": rate.name,
        "initial": rate.initial,
        "final": rate.final,
        "warmup": rate.warmup.to_plain(),
        **rate.arguments,
    }


def _read_optimizer(section: Section) -> Optimizer | None:
    section.optional("name", text)
    if section.is_mapping("learning_rate"):
        section.put("learning_rate", _read_learning_rate(section.section("learning_rate")))
    else:
        section.optional("learning_rate", _rate)
    section.take_rest("arguments")
    return section.build(Optimizer)


def _rate(value: object) -> float:
    try:
        return number(value)
    except ValueError as error:
        raise ValueError(str(error).replace("a number", _FORMS)) from error


def _read_learning_rate(section: Section) -> LearningRate | None:
    section.optional("name", text)
    section.required("initial", number)
    section.optional("final", number)
    section.optional("warmup", StepSpec.parse)
    section.take_rest("arguments")
    return section.build(_learning_rate)


def _learning_rate(arguments: Mapping[str, Any], **known: Any) -> LearningRate:
    """Makes one; an argument that is null is not given, which takes back what a recipe says of another."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return LearningRate(**known, arguments=given)


def _read_augmentation(section: Section) -> Augmentation | None:
    section.optional("shift", whole)
    section.optional("flip", flag)
    return section.build(Augmentation)
