"""Setting a file that lists tensors by name, as Keras's older `.h5` does, beside a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import tf_keras

from runner.models.matched import Matched, find_name, shapes
from runner.models.weights_file import NamedTensor

# Keras 3 calls this `kernel`.
_RENAMED = {"depthwise_kernel": "kernel"}


def match_named(model: tf_keras.Model, stored: Mapping[str, Sequence[NamedTensor]]) -> Matched:
    """Pairs a model's variables with those of a file.

    Args:
        model: A built model.
        stored: Of each layer of the saved model its tensors; those of a nested model are in one list.
    """
    matched = Matched()
    left = dict(stored)
    for layer in model.layers:
        if not layer.weights:
            continue
        key = find_name(layer.name, left)
        tensors = [] if key is None else left.pop(key)
        leaves = _leaves(layer, layer.name)
        for title, found in _split(leaves, tensors, matched).items():
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
    leaves: Mapping[str, Any], tensors: Sequence[NamedTensor], matched: Matched
) -> dict[str, list[NamedTensor]]:
    """Gives each tensor to the leaf whose name, and the most of whose path, its own name contains."""
    split: dict[str, list[NamedTensor]] = {title: [] for title in leaves}
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
            matched.differing.append(
                f"{tensor.name} of the file may belong to {' or '.join(best)}; a .keras file tells them apart"
            )
        else:
            matched.only_in_file[tensor.name] = str(list(tensor.value.shape))
    return split


def _match_layer(title: str, layer: Any, tensors: Sequence[NamedTensor], matched: Matched) -> None:
    """Pairs a layer's variables in order where their names agree, else by name where none is there twice."""
    if not tensors:
        matched.only_in_model[title] = shapes(layer.weights)
        return
    wanted = [_last(variable.name.split(":")[0]) for variable in layer.weights]
    given = [_last(tensor.name) for tensor in tensors]
    values = [tensor.value for tensor in tensors]
    if wanted != given and sorted(wanted) == sorted(given) and len(set(given)) == len(given):
        values = [values[given.index(name)] for name in wanted]
    elif wanted != given:
        told = (
            ", ".join(f"{name} {list(value.shape)}" for name, value in zip(names, those, strict=True))
            for names, those in ((given, values), (wanted, layer.weights))
        )
        matched.differing.append("{}: {} in the file, {} in the model".format(title, *told))
        return
    for name, variable, value in zip(wanted, layer.weights, values, strict=True):
        matched.pair(f"{title} {name}", variable, value)


def _last(name: str) -> str:
    last = name.rpartition("/")[2]
    return _RENAMED.get(last, last)
