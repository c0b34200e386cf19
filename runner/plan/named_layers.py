"""The layers of a model by name, those of nested models by their path."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import tf_keras

from runner.pruning.copying import layer_paths
from runner.pruning.prunable import is_prunable

Layer: TypeAlias = tf_keras.layers.Layer


@dataclass(frozen=True)
class NamedLayer:
    """A layer of a model, nested models entered; its name is `outer/inner` there.

    Args:
        name: Where it is found first; plan and tables name it so.
        layer: The layer.
        aliases: Its names in other nested models that share it. Patterns may name it by any of them.
    """

    name: str
    layer: Layer
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return self.name, *self.aliases

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.layer).__name__

    @property
    def prunable(self) -> bool:
        """Whether it has weights that can be pruned."""
        return is_prunable(self.layer)


def named_layers(model: tf_keras.Model) -> list[NamedLayer]:
    """Lists a model's layers in order, those of nested models by their path; each layer once."""
    names: dict[int, tuple[Layer, list[str]]] = {}
    for name, layer in layer_paths(model):
        names.setdefault(id(layer), (layer, []))[1].append(name)
    return [NamedLayer(first, layer, tuple(others)) for layer, (first, *others) in names.values()]


def listed(names: Iterable[str], most: int = 12) -> str:
    """Joins the first few names for a message, and says how many more there are."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "") or "none"
