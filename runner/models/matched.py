"""What comes of setting a weights file beside a model."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
_SHOWN = 8


@dataclass(frozen=True)
class Pair:
    """A variable of the model and what the file has for it, of one shape.

    Args:
        layer: The layer's name, `outer/inner` inside a nested model.
        variable: The variable.
        value: The array.
    """

    layer: str
    variable: Any
    value: Any


@dataclass(frozen=True)
class LayerMismatch:
    """A layer that is on both sides with other tensors.

    Args:
        layer: Its name in the model.
        told: What differs, both sides named.
        found: Its shapes in the file.
        wanted: Its shapes in the model.
    """

    layer: str
    told: str
    found: str
    wanted: str


@dataclass
class Matched:
    """The pairs found, and everything that found no partner.

    Args:
        pairs: Variables of the model with the values for them.
        only_in_file: Layers of the file, each with its shapes.
        only_in_model: Layers of the model, each with its shapes.
        differing: What differs in layers that are on both sides.
        stored_as: What the file calls a layer that it does not call by its name.
    """

    pairs: list[Pair] = field(default_factory=list)
    only_in_file: dict[str, str] = field(default_factory=dict)
    only_in_model: dict[str, str] = field(default_factory=dict)
    differing: list[LayerMismatch] = field(default_factory=list)
    stored_as: dict[str, str] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether every tensor of either side has its partner."""
        return not (self.only_in_file or self.only_in_model or self.differing)

    @property
    def layers(self) -> list[str]:
        """The names of all layers with weights, the model's first."""
        both = [pair.layer for pair in self.pairs] + [difference.layer for difference in self.differing]
        return list(dict.fromkeys([*both, *self.only_in_model, *self.only_in_file]))

    def pair(self, layer: str, name: str, variable: Any, value: Any) -> None:
        """Pairs a variable with a value, if the shapes are equal."""
        wanted, found = list(variable.shape), list(value.shape)
        if wanted == found:
            self.pairs.append(Pair(layer, variable, value))
        else:
            self.differ(layer, f" {name}", str(found), str(wanted))

    def differ(self, layer: str, part: str, found: str, wanted: str) -> None:
        """Notes that a layer has other tensors in the file.

        Args:
            layer: Its name in the model.
            part: What of it, with a space before; empty for the whole.
            found: The shapes in the file.
            wanted: The shapes in the model.
        """
        stored = f" ({self.stored_as[layer]})" if layer in self.stored_as else ""
        told = f"{layer}{part}: {found} in the file{stored}, {wanted} in the model"
        self.differing.append(LayerMismatch(layer, told, found, wanted))

    def lack(self, layer: str, variables: Iterable[Any]) -> None:
        """Notes that the file has nothing for a layer of the model."""
        stored = f"(as {self.stored_as[layer]}) " if layer in self.stored_as else ""
        self.only_in_model[layer] = stored + shapes(variables)

    def without(self, ignored: Callable[[str], bool]) -> "Matched":
        """Returns what is left when the layers with these names are left out, on both sides."""
        return Matched(
            [pair for pair in self.pairs if not ignored(pair.layer)],
            {name: told for name, told in self.only_in_file.items() if not ignored(name)},
            {name: told for name, told in self.only_in_model.items() if not ignored(name)},
            [difference for difference in self.differing if not ignored(difference.layer)],
            self.stored_as,
        )

    def report(self) -> list[str]:
        """Says what does not fit, a line for each kind and for each layer that differs."""
        lines = []
        for side, layers, others in (
            ("file", self.only_in_file, self.only_in_model),
            ("model", self.only_in_model, self.only_in_file),
        ):
            if layers:
                told = [f"{name} {shapes}{_near(name, others)}" for name, shapes in layers.items()]
                lines.append(f"only in the {side}: {cut(told)}")
        differing = [difference.told for difference in self.differing]
        return lines + ([f"different: {cut(differing)}"] if differing else [])


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


def cut(told: list[str]) -> str:
    """Joins the first few entries of a list for a message."""
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + more


def _loose(name: str) -> str:
    return name.replace("/", "_").lower().replace("batchnorm", "bn")


def _near(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(others), n=1)
    return f" (nearest: {near[0]})" if near else ""
