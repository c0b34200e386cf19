"""What comes of setting a weights file beside a model."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
_SHOWN = 8


@dataclass
class Matched:
    """The pairs found, and everything that found no partner.

    Args:
        pairs: Variables of the model with the values for them.
        only_in_file: Layers of the file, each with its shapes.
        only_in_model: Layers of the model, each with its shapes.
        differing: One line for each layer on both sides whose tensors differ.
    """

    pairs: list[tuple[Any, Any]] = field(default_factory=list)
    only_in_file: dict[str, str] = field(default_factory=dict)
    only_in_model: dict[str, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether every tensor of either side has its partner."""
        return not (self.only_in_file or self.only_in_model or self.differing)

    def pair(self, title: str, variable: Any, value: Any) -> None:
        """Pairs a variable with a value, if the shapes are equal."""
        wanted, found = tuple(variable.shape), tuple(value.shape)
        if wanted == found:
            self.pairs.append((variable, value))
        else:
            self.differing.append(f"{title}: {list(found)} in the file, {list(wanted)} in the model")

    def report(self) -> list[str]:
        """Says what does not fit, a line for each kind and for each layer that differs."""
        lines = []
        for side, layers, others in (
            ("file", self.only_in_file, self.only_in_model),
            ("model", self.only_in_model, self.only_in_file),
        ):
            if layers:
                told = [f"{name} {shapes}{_near(name, others)}" for name, shapes in layers.items()]
                lines.append(f"only in the {side}: {_cut(told)}")
        return lines + ([f"different: {_cut(self.differing)}"] if self.differing else [])


def shapes(values: Iterable[Any]) -> str:
    """Lists the shapes of tensors."""
    return ", ".join(str(list(value.shape)) for value in values)


def find_name(name: str, among: Mapping[str, T]) -> str | None:
    """Finds a layer's name: itself, or the only one that differs no more than Keras 3's names do.

    Keras 3 allows no slash: what is `expanded_conv/project/BatchNorm` in tf-keras's MobileNetV3 is
    `expanded_conv_project_bn` there.
    """
    if name in among:
        return name
    near = [other for other in among if _loose(other) == _loose(name)]
    return near[0] if len(near) == 1 else None


def _loose(name: str) -> str:
    return name.replace("/", "_").lower().replace("batchnorm", "bn")


def _near(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(others), n=1)
    return f" (nearest: {near[0]})" if near else ""


def _cut(told: list[str]) -> str:
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + more
