"""What a recipe says of its files: which TFLite files to write, and what they may cost."""

from typing import Annotated

from pydantic import Field

from runner.process.errors import did_you_mean
from runner.process.wording import shown
from runner.recipe.problems import Invalid
from runner.recipe.section import Flag, Number, Section, Text, Texts, Whole, section

_LIMITS = ("max_bytes", "max_accuracy_drop", "min_accuracy")


@section
class Export(Section):
    """The TFLite files to write."""

    variants: Annotated[Texts, Field(examples=[["float32", "int8"]])] = ("float32",)
    """Kinds of TFLite file to write."""
    calibration_samples: Annotated[Whole, Field(ge=1)] = 128
    """How many training samples the int8 variants are calibrated on, or all where there are fewer.
    They are selected once for a data set, whatever the seed.
    """
    dense: Flag = True
    """Also measure the dense model's files, which sizes and times are compared with."""

    def __post_init__(self) -> None:
        if not self.variants:
            raise Invalid({"variants": "is empty: name at least one, e.g. float32"})
        if len(set(self.variants)) < len(self.variants):
            raise Invalid({"variants": f"names one twice: {', '.join(self.variants)}"})


@section
class Budget(Section):
    """What a release may cost; a run whose file exceeds it has failed."""

    variant: Annotated[Text, Field(examples=["int8"])] = ""
    """The file that is meant, one of `export.variants`. Required."""
    max_bytes: Annotated[Whole | None, Field(ge=1, examples=[100_000])] = None
    """The largest size of the file, in bytes."""
    max_accuracy_drop: Annotated[Number | None, Field(ge=0, le=1, examples=[0.01])] = None
    """The most test accuracy that the file may lose against the dense model or, where that was not
    trained, against the pruned Keras model.
    """
    min_accuracy: Annotated[Number | None, Field(ge=0, le=1, examples=[0.97])] = None
    """The lowest test accuracy of the file."""

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in _LIMITS):
            limits = f"{', '.join(_LIMITS[:-1])} or {_LIMITS[-1]}"
            raise Invalid({"variant": f"has no limit beside it: give {limits}"})

    @property
    def judges_accuracy(self) -> bool:
        """Whether it needs data with classes."""
        return self.max_accuracy_drop is not None or self.min_accuracy is not None

    def unmet_by(self, export: Export) -> dict[str, str]:
        """Says what is wrong with it beside an export, by its keys."""
        variants = f"export.variants ({', '.join(export.variants)})"
        if not self.variant:
            return {"variant": f"is missing: name the file that is meant, of recipe.{variants}"}
        if self.variant in export.variants:
            return {}
        hint = did_you_mean(self.variant, export.variants)
        return {
            "variant": f"is {shown(self.variant)}, which {variants} does not name{'.' if hint else ''}{hint}"
        }
