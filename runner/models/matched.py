"""The result of matching a weights file with a model."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
_SHOWN = 8


@dataclass(frozen=True)
class Pair:
    """A variable of the model and its value in the file; a layer in a nested model is `outer/inner`."""

    layer: str
    variable: Any
    value: Any


@dataclass(frozen=True)
class LayerMismatch:
    """A layer of the model and the file with different tensors.

    Args:
        layer: Its name in the model.
        message: What differs, in words.
        found: Its shapes in the file.
        wanted: Its shapes in the model.
    """

    layer: str
    message: str
    found: str
    wanted: str


@dataclass
class Matched:
    """The matched variables, and everything that has no match.

    Args:
        pairs: Variables of the model with their values.
        only_in_file: Layers of the file, each with its shapes.
        only_in_model: Layers of the model, each with its shapes.
        differing: Layers of both with different tensors.
        stored_as: The names in the file of layers with another name there.
    """

    pairs: list[Pair] = field(default_factory=list)
    only_in_file: dict[str, str] = field(default_factory=dict)
    only_in_model: dict[str, str] = field(default_factory=dict)
    differing: list[LayerMismatch] = field(default_factory=list)
    stored_as: dict[str, str] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether every tensor of the file and the model is matched."""
        return not (self.only_in_file or self.only_in_model or self.differing)

    @property
    def layers(self) -> list[str]:
        """The names of all layers with weights, the model's first."""
        both = [pair.layer for pair in self.pairs] + [difference.layer for difference in self.differing]
        return list(dict.fromkeys([*both, *self.only_in_model, *self.only_in_file]))

    def pair(self, layer: str, name: str, variable: Any, value: Any) -> None:
        """Matches a variable with a value if their shapes are equal."""
        wanted, found = list(variable.shape), list(value.shape)
        if wanted == found:
            self.pairs.append(Pair(layer, variable, value))
        else:
            self.differ(layer, f" {name}", str(found), str(wanted))

    def differ(self, layer: str, part: str, found: str, wanted: str) -> None:
        """Records that a layer, or a part of it given with a space before, has other tensors in the file."""
        stored = f" ({self.stored_as[layer]})" if layer in self.stored_as else ""
        message = f"{layer}{part}: {found} in the file{stored}, {wanted} in the model"
        self.differing.append(LayerMismatch(layer, message, found, wanted))

    def lack(self, layer: str, variables: Iterable[Any]) -> None:
        """Records that the file has nothing for a layer of the model."""
        stored = f"(as {self.stored_as[layer]}) " if layer in self.stored_as else ""
        self.only_in_model[layer] = stored + shapes(variables)

    def without(self, ignored: Callable[[str], bool]) -> "Matched":
        """Returns the result without the layers that `ignored` selects by name."""
        return Matched(
            [pair for pair in self.pairs if not ignored(pair.layer)],
            {name: text for name, text in self.only_in_file.items() if not ignored(name)},
            {name: text for name, text in self.only_in_model.items() if not ignored(name)},
            [difference for difference in self.differing if not ignored(difference.layer)],
            self.stored_as,
        )

    def report(self) -> list[str]:
        """Returns lines on everything that does not fit."""
        lines = []
        for side, layers, others in (
            ("file", self.only_in_file, self.only_in_model),
            ("model", self.only_in_model, self.only_in_file),
        ):
            if layers:
                listed = [f"{name} {shapes}{_near(name, others)}" for name, shapes in layers.items()]
                lines.append(f"only in the {side}: {cut(listed)}")
        differing = [difference.message for difference in self.differing]
        return lines + ([f"different: {cut(differing)}"] if differing else [])


def shapes(values: Iterable[Any]) -> str:
    """Lists the shapes of tensors."""
    return ", ".join(str(list(value.shape)) for value in values)


def find_name(name: str, among: Mapping[str, T]) -> str | None:
    """Finds a layer's name or the only one that can be its name in Keras 3, which allows no slash.

    `expanded_conv/project/BatchNorm` in tf-keras's MobileNetV3 is `expanded_conv_project_bn` in Keras 3.
    """
    if name in among:
        return name
    near = [other for other in among if _loose(other) == _loose(name)]
    return near[0] if len(near) == 1 else None


def cut(entries: list[str]) -> str:
    """Joins the first few entries of a list for a message."""
    more = f"; and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return "; ".join(entries[:_SHOWN]) + more


def _loose(name: str) -> str:
    return name.replace("/", "_").lower().replace("batchnorm", "bn")


def _near(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(others), n=1)
    return f" (nearest: {near[0]})" if near else ""
