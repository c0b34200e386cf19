"""Matches a model's weights with a file that lists tensors by name, as Keras's older `.h5` does."""

from collections.abc import Mapping, Sequence
from typing import Any

import tf_keras

from runner.models.matched import LayerMismatch, Matched, find_name, shapes
from runner.models.naming import counted_alike
from runner.models.weights_file import NamedTensor

# Keras 3 calls this `kernel`.
_RENAMED = {"depthwise_kernel": "kernel"}


def match_named(model: tf_keras.Model, stored: Mapping[str, Sequence[NamedTensor]]) -> Matched:
    """Pairs a model's variables with those of a file.

    Args:
        model: A built model.
        stored: The tensors of each layer of the saved model; those of a nested model are in one list.
    """
    layers = [layer for layer in model.layers if layer.weights]
    counted = counted_alike(layers, stored)
    matched = Matched(stored_as={own: given for given, own in counted.items()})
    left = {counted.get(name, name): tensors for name, tensors in stored.items()}
    for layer in layers:
        key = find_name(layer.name, left)
        tensors = [] if key is None else left.pop(key)
        leaves = _leaves(layer, layer.name)
        for title, found in _split(leaves, tensors, layer.name, matched).items():
            _match_layer(title, leaves[title], found, matched)
    for name, tensors in left.items():
        matched.only_in_file[name or "the model itself"] = shapes(tensor.value for tensor in tensors)
    return matched


def _leaves(layer: Any, title: str) -> dict[str, Any]:
    """Lists the layers with weights of a nested model by path; a layer is its own leaf."""
    if not isinstance(layer, tf_keras.Model):
        return {title: layer} if layer.weights else {}
    found: dict[str, Any] = {}
    for inner in layer.layers:
        taken = {id(leaf) for leaf in found.values()}
        found |= {
            t: leaf for t, leaf in _leaves(inner, f"{title}/{inner.name}").items() if id(leaf) not in taken
        }
    return found


def _split(
    leaves: Mapping[str, Any], tensors: Sequence[NamedTensor], holder: str, matched: Matched
) -> dict[str, list[NamedTensor]]:
    """Assigns each tensor to the leaf whose name, and the most of whose path, its own name contains."""
    split: dict[str, list[NamedTensor]] = {title: [] for title in leaves}
    strangers: dict[str, list[Any]] = {}
    if len(leaves) == 1:
        return {title: list(tensors) for title in leaves}
    for tensor in tensors:
        scores = {
            title: sum(f"/{part}/" in f"/{tensor.name}" for part in title.split("/"))
            for title, leaf in leaves.items()
            if f"/{leaf.name}/" in f"/{tensor.name}"
        }
        best = [title for title, score in scores.items() if score == max(scores.values())]
        if len(best) == 1:
            split[best[0]].append(tensor)
        elif best:
            which = " or ".join(best)
            message = f"{tensor.name} of the file may belong to {which}; a .keras file tells them apart"
            shape = str(list(tensor.value.shape))
            matched.differing.append(LayerMismatch(best[0], message, shape, shape))
        else:
            strangers.setdefault(tensor.name.rpartition("/")[0], []).append(tensor.value)
    matched.only_in_file |= {f"{holder}/{name}": shapes(values) for name, values in strangers.items()}
    return split


def _match_layer(title: str, layer: Any, tensors: Sequence[NamedTensor], matched: Matched) -> None:
    """Pairs a layer's variables in order where their names agree, else by name where names are unique."""
    if not tensors:
        matched.lack(title, layer.weights)
        return
    wanted = [_last(variable.name.split(":")[0]) for variable in layer.weights]
    given = [_last(tensor.name) for tensor in tensors]
    values = [tensor.value for tensor in tensors]
    if wanted != given and sorted(wanted) == sorted(given) and len(set(given)) == len(given):
        values = [values[given.index(name)] for name in wanted]
    elif wanted != given:
        matched.differ(title, "", _listed(given, values), _listed(wanted, layer.weights))
        return
    for name, variable, value in zip(wanted, layer.weights, values, strict=True):
        matched.pair(title, name, variable, value)


def _listed(names: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name} {list(value.shape)}" for name, value in zip(names, values, strict=True))


def _last(name: str) -> str:
    last = name.rpartition("/")[2]
    return _RENAMED.get(last, last)
