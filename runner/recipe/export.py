"""What a recipe says of its files: which TFLite files to write, and what they may cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.process.errors import did_you_mean
from runner.process.wording import shown
from runner.recipe.section import Invalid, Section, flag, number, text, texts, whole

_LIMITS = ("max_bytes", "max_accuracy_drop", "min_accuracy")


@dataclass(frozen=True)
class Export:
    """The TFLite files to write.

    Args:
        variants: Registered kinds, each once.
        calibration_samples: >= 1; how many training samples the int8 variants are calibrated on, or all where
            there are fewer. They are drawn once for a data set, whatever the seed.
        dense: Whether the dense model's files are measured beside, which is what sizes and times are compared
            with.
    """

    variants: tuple[str, ...] = ("float32",)
    calibration_samples: int = 128
    dense: bool = True

    def __post_init__(self) -> None:
        if not self.variants:
            raise Invalid({"variants": "is empty: name at least one, e.g. float32"})
        if len(set(self.variants)) < len(self.variants):
            raise Invalid({"variants": f"names one twice: {', '.join(self.variants)}"})
        if self.calibration_samples < 1:
            raise Invalid({"calibration_samples": f"is {self.calibration_samples}, but must be at least 1"})


@dataclass(frozen=True)
class Budget:
    """What a release may cost; a run whose file misses it has failed.

    Args:
        variant: The file that is meant, one of `export.variants`.
        max_bytes: >= 1; the most bytes it may have.
        max_accuracy_drop: In [0, 1]; the most test accuracy it may lose against the dense model, or where
            that was not trained, against the pruned Keras model.
        min_accuracy: In [0, 1]; the least test accuracy it may have.
    """

    variant: str
    max_bytes: int | None = None
    max_accuracy_drop: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        wrong = {}
        if self.max_bytes is not None and self.max_bytes < 1:
            wrong["max_bytes"] = f"is {self.max_bytes}, but must be at least 1"
        for name in ("max_accuracy_drop", "min_accuracy"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                hint = f"; write {value / 100:g} for {value:g} %" if 1 < value <= 100 else ""
                wrong[name] = f"is {value:g}, but must be in [0, 1]{hint}"
        if all(getattr(self, name) is None for name in _LIMITS):
            wrong["variant"] = f"has no limit beside it: give {', '.join(_LIMITS[:-1])} or {_LIMITS[-1]}"
        if wrong:
            raise Invalid(wrong)

    @property
    def judges_accuracy(self) -> bool:
        """Whether it needs data with classes."""
        return self.max_accuracy_drop is not None or self.min_accuracy is not None

    def unmet_by(self, export: Export) -> dict[str, str]:
        """Says what is wrong with it beside an export, by its keys."""
        if self.variant in export.variants:
            return {}
        told = f"is {shown(self.variant)}, which export.variants ({', '.join(export.variants)}) does not name"
        return {"variant": f"{told}.{did_you_mean(self.variant, export.variants)}".removesuffix(".")}


def read_export(section: Section) -> Export | None:
    """Reads the section `export`."""
    section.optional("variants", texts)
    section.optional("calibration_samples", whole)
    section.optional("dense", flag)
    return section.build(Export)


def read_budget(section: Section, variants: Sequence[str] = ()) -> Budget | None:
    """Reads the section `budget`; None where a recipe has none.

    Args:
        section: Where it stands.
        variants: Those of the recipe's export, for the message where none of them is named.
    """
    if not section.names():
        return None
    choices = f": name the file that is meant, of recipe.export.variants ({', '.join(variants)})"
    section.required("variant", text, hint=choices if variants else "")
    section.optional("max_bytes", whole)
    section.optional("max_accuracy_drop", number)
    section.optional("min_accuracy", number)
    return section.build(Budget)


def plain_export(export: Export) -> dict[str, Any]:
    """Gives plain data that `read_export` reads back."""
    return {
        "variants": list(export.variants),
        "calibration_samples": export.calibration_samples,
        "dense": export.dense,
    }


def plain_budget(budget: Budget | None) -> Mapping[str, Any] | None:
    """Gives plain data that `read_budget` reads back."""
    if budget is None:
        return None
    return {name: getattr(budget, name) for name in ("variant", *_LIMITS)}
