"""How the layers of a model are connected, those of nested models included."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import tf_keras

from runner.pruning.keras_internals import calls, has_graph, input_layers

Layer: TypeAlias = tf_keras.layers.Layer


@dataclass(frozen=True)
class Connections:
    """Which layer feeds which; a layer that is used twice is listed once.

    Args:
        layers: Every layer that is no model itself, in an order in which the model can run.
        producers: The layers whose outputs a layer takes; an input of the model takes none.
        consumers: The layers that take a layer's outputs.
        outputs: The layers whose outputs are the model's.
    """

    layers: tuple[Layer, ...]
    producers: dict[Layer, list[Layer]]
    consumers: dict[Layer, list[Layer]]
    outputs: tuple[Layer, ...]

    def followed(
        self, first: Iterable[Layer], step: dict[Layer, list[Layer]], stop: Callable[[Layer], bool]
    ) -> list[Layer]:
        """Lists the layers that are reached from the first ones, these included.

        Args:
            first: Where to begin.
            step: `consumers` to go forward, `producers` to go back.
            stop: Tells whether not to go beyond a layer, which is listed itself.
        """
        met: dict[Layer, None] = {}
        waiting = list(first)
        while waiting:
            layer = waiting.pop(0)
            if layer not in met:
                met[layer] = None
                waiting += [] if stop(layer) else step[layer]
        return list(met)


def connections(model: tf_keras.Model) -> Connections:
    """Reads the connections of a Sequential or functional model that is built."""
    found = Connections((), {}, {}, ())
    inputs = input_layers(model)
    for layer in inputs:
        _meet(layer, [], found)
    outputs = _trace(model, inputs, found)
    return Connections(
        tuple(found.producers), found.producers, found.consumers, tuple(dict.fromkeys(outputs))
    )


def _trace(model: tf_keras.Model, sources: list[Layer], found: Connections) -> list[Layer]:
    """Notes the connections inside a model that is fed by `sources`; returns the layers of its outputs."""
    source = dict(zip((str(id(tensor)) for tensor in model.inputs), sources, strict=True))
    for call in calls(model):
        layer, fed_by = call.layer, [source[tensor] for tensor in call.flat_input_ids]
        if isinstance(layer, tf_keras.Model) and has_graph(layer):
            outputs = _trace(layer, fed_by, found)
        else:
            _meet(layer, fed_by, found)
            outputs = [layer] * len(call.flat_output_ids)
        source.update(zip(call.flat_output_ids, outputs, strict=True))
    return [source[str(id(tensor))] for tensor in model.outputs]


def _meet(layer: Layer, fed_by: list[Layer], found: Connections) -> None:
    producers = found.producers.setdefault(layer, [])
    found.consumers.setdefault(layer, [])
    for producer in fed_by:
        if producer not in producers:
            producers.append(producer)
            found.consumers[producer].append(layer)
