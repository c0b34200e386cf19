"""How the layers of a saved functional model are called: each on tensors, in an order that exists.

tf-keras searches for that order as long as it takes, so for ever where there is none; and a layer that is
called on constants alone computes while the model is loaded. It searches in rounds, and each call of a layer
costs more than the one before it; so both have a bound.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from runner.models.refused import Refused, shown

_CONSTANT = "_CONSTANT_VALUE"


# What the arguments of an operator may count: each becomes an output or a step of a loop.
_COUNTS, _MOST = ("axes", "num", "num_or_size_splits", "rep"), 10_000
# A decoder that is written as a loop calls its layers once a step.
_CALLS_OF_ONE = 2000
# Rounds times layers; a list in the order of its calls, as Keras saves it, takes one round.
_LOOKED_AT = 500_000


def check_wiring(config: Mapping[str, Any], operators: Collection[str]) -> None:
    """Checks the calls of a functional model's layers.

    Args:
        config: The model's; anything else that has no list of layers with `inbound_nodes` is passed over.
        operators: The classes that hold one function of TensorFlow: their first argument may hold texts
            (einsum's equation), with a tensor beside, and what the others count has a bound.

    Raises:
        Refused: A call has no tensor among its arguments, names a layer or a call that is not there, or waits
            for itself; or there are too many calls, or they are listed against their order.
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
        if len(nodes) > _CALLS_OF_ONE:
            raise Refused(
                f"the layer {shown(name)} is called {len(nodes):,} times; at most {_CALLS_OF_ONE:,} calls of"
                " one layer are made"
            )
        calls[name] = [_arguments(node, name, layer.get("class_name") in operators) for node in nodes]
        first[name] = _first(layer)
    _check_order(calls, first)


def _arguments(node: Any, name: str, operator: bool) -> set[tuple[str, int]]:
    """Returns the calls whose results a call takes: the layers' names, each with the number of its call."""
    if operator:
        _check_counts(node, name)
    found = set(_tensors(node, operator))
    if not found:
        raise Refused(f"the layer {shown(name)} is called on constants alone, not on a tensor")
    return found


def _check_counts(node: Any, name: str) -> None:
    for arguments in _named(node):
        for key in _COUNTS:
            count = arguments.get(key)
            if isinstance(count, int | float) and count > _MOST:
                raise Refused(
                    f"the layer {shown(name)} is called with {key}={shown(count)[1:-1]}; at most {_MOST:,} is"
                    " allowed"
                )


def _named(node: Any) -> Iterator[dict[str, Any]]:
    """Yields the named arguments of a call, which stand behind its tensors."""
    if isinstance(node, list) and len(node) == 4 and isinstance(node[0], str):
        if isinstance(node[3], dict):
            yield node[3]
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _named(item)


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
    """Calls layer by layer, each as far as its arguments are there, until nothing more can be called.

    tf-keras goes through the layers in the order of the list, and again until all are called: these rounds
    are counted.
    """
    done = dict.fromkeys(calls, 0)
    position = {name: number for number, name in enumerate(calls)}
    rounds: dict[tuple[str, int], int] = {}
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
            rounds[name, done[name] + first[name]] = max(
                rounds.get((name, done[name] + first[name] - 1), 1),
                *(
                    rounds.get(key, 1) + (position[key[0]] > position[name])
                    for key in calls[name][done[name]]
                ),
            )
            done[name] += 1
            todo += waiting.pop(name, ())
    for name, nodes in calls.items():
        if done[name] < len(nodes):
            raise Refused(
                f"the layer {shown(name)} waits for itself, or for a layer or call that is not there"
            )
    if max(rounds.values(), default=0) * len(calls) > _LOOKED_AT:
        raise Refused(
            f"its {len(calls):,} layers are listed against the order in which they are called, so that they"
            f" have to be gone through {max(rounds.values()):,} times"
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
