"""The calls of the layers of a saved model: each on tensors, in an order that exists, and not too many.

A small file can describe a model whose building never ends. A nested model is called as a whole, so calls
multiply with each level. tf-keras searches for an order of the calls as long as it takes, in rounds through
the list of layers, and each call of a layer costs more than the one before it. A layer that is called on
constants alone computes while the model is loaded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from runner.models.known import CONSTRAINTS, INITIALIZERS, REGULARIZERS, VALUES
from runner.models.refused import ModelRefused, quoted

# For comparison: NASNetLarge has 1,039 layers, EfficientNetB7 813, each called once.
_MOST_CALLS = 10_000
# A decoder that is written as a loop calls its layers once a step.
_MOST_CALLS_OF_ONE = 2000
# Rounds times layers; a list in the order of its calls, as Keras saves it, takes one round.
_MOST_SEARCHED = 500_000
# Counts in a layer's configuration that become a list in Python, or a loop.
_MOST_OF = {"num_oov_indices": 2**20, "ngrams": 100, "power_iterations": 1000}
_MOST_CELLS = 100
# Counts among the arguments of an operator; each becomes an output or a step of a loop.
_COUNTS, _MOST_COUNTED = ("axes", "num", "num_or_size_splits", "rep"), 10_000
_NO_LAYERS = INITIALIZERS | REGULARIZERS | CONSTRAINTS | VALUES | {"Policy", "PolicyV1", "function"}
_CONSTANT = "_CONSTANT_VALUE"


def check_calls(config: Any) -> int:
    """Counts the calls of layers that building a model takes.

    Args:
        config: A model, `{"class_name": ..., "config": ...}`.

    Returns:
        The number of calls, with those of nested models' layers.

    Raises:
        ModelRefused: There are far more than an ordinary model has.
    """
    built, _ = _calls(config)
    if built > _MOST_CALLS:
        count = f"{built:,}" if built < 10**12 else "more than a million million"
        raise ModelRefused(f"building it takes {count} calls of layers; at most {_MOST_CALLS:,} are made")
    return built


def check_sizes(config: dict[str, Any]) -> None:
    """Refuses a layer's configuration with counts that ask for an absurd amount of work.

    Raises:
        ModelRefused: The message has the key, its value and the most that is allowed.
    """
    for key, most in _MOST_OF.items():
        count = config.get(key)
        if isinstance(count, int | float) and count > most:
            raise ModelRefused(f"its {key} is {quoted(count)[1:-1]}; at most {most:,} is allowed")
    cells = config.get("cells")
    if isinstance(cells, list) and len(cells) > _MOST_CELLS:
        raise ModelRefused(f"it stacks {len(cells):,} cells; at most {_MOST_CELLS} are allowed")


def check_wiring(config: Mapping[str, Any], operators: Collection[str]) -> None:
    """Checks the calls of a functional model's layers.

    Args:
        config: A configuration; one without a list of layers with `inbound_nodes` is accepted.
        operators: The classes that hold one function of TensorFlow. Their first argument may hold texts
            (einsum's equation) beside a tensor, and counts among the others have a bound.

    Raises:
        ModelRefused: A call has no tensor among its arguments, names a layer or a call that is not there, or
            waits for itself; or there are too many calls, or they are listed against their order.
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
            raise ModelRefused("a layer has no name or no list of calls")
        if name in calls:
            raise ModelRefused(f"two layers have the name {quoted(name)}")
        if len(nodes) > _MOST_CALLS_OF_ONE:
            raise ModelRefused(
                f"the layer {quoted(name)} is called {len(nodes):,} times; at most {_MOST_CALLS_OF_ONE:,}"
                " calls of one layer are made"
            )
        calls[name] = [_arguments(node, name, layer.get("class_name") in operators) for node in nodes]
        first[name] = _first(layer)
    _check_order(calls, first)


def _calls(value: Any) -> tuple[int, int]:
    """Returns the calls of layers that making an object takes, and those that calling it once takes."""
    if isinstance(value, list):
        return _sum(_calls(item) for item in value)
    if not isinstance(value, dict):
        return 0, 0
    kind, config = value.get("class_name"), value.get("config")
    if not isinstance(kind, str) or kind in _NO_LAYERS:
        return _sum(map(_calls, value.values())) if "class_name" not in value else (0, 0)
    layers = config.get("layers") if isinstance(config, dict) else config
    if isinstance(layers, list):
        return _calls_of_model(layers)
    built, called = _calls(config)
    # A wrapper may call what it wraps once more for its shape; Bidirectional makes it three times.
    return 1 + (3 if kind == "Bidirectional" else 1) * built, 1 + 2 * called


def _calls_of_model(layers: list[Any]) -> tuple[int, int]:
    made = in_one = 0
    for layer in layers:
        built, called = _calls(layer)
        nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
        times = len(nodes) if isinstance(nodes, list) else 1
        made, in_one = made + built, in_one + times * called
    return made + in_one, in_one


def _sum(parts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    built = called = 0
    for one, other in parts:
        built, called = built + one, called + other
    return built, called


def _arguments(node: Any, name: str, operator: bool) -> set[tuple[str, int]]:
    """Returns the calls whose results a call takes: the layers' names, each with the number of its call."""
    if operator:
        _check_counts(node, name)
    found = set(_tensors(node, operator))
    if not found:
        raise ModelRefused(f"the layer {quoted(name)} is called on constants alone, not on a tensor")
    return found


def _check_counts(node: Any, name: str) -> None:
    for arguments in _named(node):
        for key in _COUNTS:
            count = arguments.get(key)
            if isinstance(count, int | float) and count > _MOST_COUNTED:
                raise ModelRefused(
                    f"the layer {quoted(name)} is called with {key}={quoted(count)[1:-1]}; at most"
                    f" {_MOST_COUNTED:,} is allowed"
                )


def _named(node: Any) -> Iterator[dict[str, Any]]:
    """Yields the named arguments of a call, which follow its tensors."""
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
                raise ModelRefused(
                    f"{quoted(value[0])} stands for a tensor, but without the numbers of a call"
                )
            yield value[0], value[1]
        elif not texts and not _is_numeric(value[2]):
            raise ModelRefused("a constant that is no number goes into a layer")
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
    """Simulates tf-keras's search: each layer is called as soon as its arguments are there.

    tf-keras goes through the list of layers again and again until all are called; the rounds are counted.
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
            raise ModelRefused(
                f"the layer {quoted(name)} waits for itself, or for a layer or call that is not there"
            )
    if max(rounds.values(), default=0) * len(calls) > _MOST_SEARCHED:
        raise ModelRefused(
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
    # A layer without a call is an input, whose tensor is always there.
    return not calls[name] or number < done[name] + first[name]
