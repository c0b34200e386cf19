"""How the layers of a saved functional model are called: each on tensors, in an order that exists.

tf-keras searches for that order as long as it takes, so for ever where there is none; and a layer that is
called on constants alone computes while the model is loaded.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from runner.models.refused import Refused, shown

_CONSTANT = "_CONSTANT_VALUE"


def check_wiring(config: Mapping[str, Any], texts: Collection[str]) -> None:
    """Checks the calls of a functional model's layers.

    Args:
        config: The model's; anything else that has no list of layers with `inbound_nodes` is passed over.
        texts: The classes whose first argument may hold texts (einsum's equation), with a tensor beside.

    Raises:
        Refused: A call has no tensor among its arguments, names a layer or a call that is not there, or waits
            for itself.
    """
    layers = config.get("layers")
    if not isinstance(layers, list) or not any(isinstance(x, dict) and "inbound_nodes" in x for x in layers):
        return
    calls: dict[str, list[set[tuple[str, int]]]] = {}
    first: dict[str, int] = {}
    for layer in layers:
        name = layer.get("name") if isinstance(layer, dict) else None
        nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
        if not isinstance(name, str) or name == _CONSTANT or not isinstance(nodes, list):
            raise Refused("a layer has no name or no list of calls")
        if name in calls:
            raise Refused(f"two layers have the name {shown(name)}")
        calls[name] = [_arguments(node, name, layer.get("class_name") in texts) for node in nodes]
        first[name] = _first(layer)
    _check_order(calls, first)


def _arguments(node: Any, name: str, texts: bool) -> set[tuple[str, int]]:
    """Returns the calls whose results a call takes: the layers' names, each with the number of its call."""
    found = set(_tensors(node, texts))
    if not found:
        raise Refused(f"the layer {shown(name)} is called on constants alone, not on a tensor")
    return found


def _tensors(value: Any, texts: bool) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item, texts)
    elif isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str):
        if value[0] != _CONSTANT:
            if not isinstance(value[1], int) or not isinstance(value[2], int):
                raise Refused(f"{shown(value[0])} stands for a tensor, but without the numbers of a call")
            yield value[0], value[1]
        elif not texts and not _is_numeric(value[2]):
            raise Refused("a constant that is no number goes into a layer")
        if len(value) == 4:
            yield from _tensors(value[3], texts)
    elif isinstance(value, list):
        for item in value:
            yield from _tensors(item, texts)


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_numeric, value))
    return value is None or isinstance(value, int | float)


def _first(layer: Mapping[str, Any]) -> int:
    """Numbers a layer's first call: making a model with inputs is a call of it, which files do not list."""
    config = layer.get("config")
    inner = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(inner, list) or not inner or layer.get("class_name") != "Sequential":
        return int(bool(inner))
    begin = inner[0] if isinstance(inner[0], dict) else {}
    return int(begin.get("class_name") == "InputLayer" or "batch_input_shape" in (begin.get("config") or ()))


def _check_order(calls: Mapping[str, list[set[tuple[str, int]]]], first: Mapping[str, int]) -> None:
    """Calls layer by layer, each as far as its arguments are there, until nothing more can be called."""
    done = dict.fromkeys(calls, 0)
    waiting: dict[str, set[str]] = {}
    todo = list(calls)
    while todo:
        name = todo.pop()
        while done[name] < len(calls[name]):
            missing = next(
                (key for key in calls[name][done[name]] if not _is_there(key, calls, done, first)), None
            )
            if missing is not None:
                waiting.setdefault(missing[0], set()).add(name)
                break
            done[name] += 1
            todo += waiting.pop(name, ())
    for name, nodes in calls.items():
        if done[name] < len(nodes):
            raise Refused(
                f"the layer {shown(name)} waits for itself, or for a layer or call that is not there"
            )


def _is_there(
    key: tuple[str, int],
    calls: Mapping[str, list[set[tuple[str, int]]]],
    done: Mapping[str, int],
    first: Mapping[str, int],
) -> bool:
    name, number = key
    if name not in calls:
        return False
    # A layer without a call is an input, whose tensor is there from the beginning.
    return not calls[name] or number < done[name] + first[name]
