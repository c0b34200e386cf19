"""Matches a model's weights with a file that mirrors a model's objects: `.weights.h5` and `.keras`."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import tf_keras

from runner.models.matched import LayerMismatch, Matched, find_name, shapes
from runner.models.naming import class_names, counted_alike
from runner.models.weights_file import Array, StoredObject

ObjectPath: TypeAlias = tuple[str, ...]


def match_objects(model: tf_keras.Model, stored: StoredObject) -> Matched:
    """Pairs a model's variables with those of a file.

    Args:
        model: A built model.
        stored: The content of the file.
    """
    matched = Matched()
    _match_model(model, stored, "", matched, set())
    return matched


def _match_model(
    model: tf_keras.Model, stored: StoredObject, prefix: str, matched: Matched, visited: set[int]
) -> None:
    """Pairs the layers of a model, or of one nested in it; a layer used twice is stored where it is first."""
    layers = [layer for layer in model.layers if id(layer) not in visited]
    visited.update(map(id, layers))
    found = {key: part for key, part in stored.layers.items() if any(part.tensors())}
    titles = class_names(type(layer).__name__ for layer in layers)
    names = [part.name for part in found.values()]
    if found and all(names):
        for name in dict.fromkeys(str(name) for name in names if names.count(name) > 1):
            message = f"{prefix}{name}: {names.count(name)} layers of the file have this name"
            matched.differing.append(LayerMismatch(prefix + name, message, "", ""))
        counted = counted_alike((layer for layer in layers if layer.weights), map(str, names))
        matched.stored_as |= {prefix + own: given for given, own in counted.items()}
        found = {counted.get(str(part.name), str(part.name)): part for part in found.values()}
        titles = [layer.name for layer in layers]
    for title, layer in zip(titles, layers, strict=True):
        if not layer.weights:
            continue
        if title != layer.name:
            matched.stored_as[prefix + layer.name] = title
        key = find_name(title, found)
        part = None if key is None else found.pop(key)
        if isinstance(layer, tf_keras.Model):
            _match_model(layer, part or StoredObject(), f"{prefix}{layer.name}/", matched, visited)
        elif part is None:
            matched.lack(prefix + layer.name, layer.weights)
        else:
            _match_layer(f"{prefix}{layer.name}", layer, part, matched)
    for key, part in found.items():
        _only_in_file(f"{prefix}{key}", part, matched)
    # Weights of the model itself, and attributes of a subclass that are no layers.
    for path, variables in stored.tensors():
        if path[:1] not in {("layers",), ("_layer_checkpoint_dependencies",)}:
            matched.only_in_file[prefix + "/".join(path or ("the model itself",))] = shapes(
                variables.values()
            )


def _match_layer(title: str, layer: Any, stored: StoredObject, matched: Matched) -> None:
    """Pairs a layer's variables object by object: its own, those of its cell and of its projections."""
    own = dict(_objects(layer, (), set()))
    found = {tuple(_bare(key) for key in path): values for path, values in stored.tensors()}
    lonely, left = [path for path in own if path not in found], [path for path in found if path not in own]
    if len(lonely) == len(left) == 1 and shapes(own[lonely[0]]) == shapes(found[left[0]].values()):
        # The same object under an attribute that was renamed.
        found[lonely[0]] = found.pop(left[0])
    if own.keys() != found.keys() or any(len(own[path]) != len(found[path]) for path in own):
        wanted, given = (
            shapes(_all(own)),
            shapes(value for values in found.values() for value in values.values()),
        )
        matched.differ(title, "", given, wanted)
        return
    for path, variables in own.items():
        for variable, value in zip(variables, found[path].values(), strict=True):
            name = variable.name.split(":")[0].rpartition("/")[2]
            matched.pair(title, "/".join([*path, name]), variable, value)


def _objects(holder: Any, path: ObjectPath, visited: set[int]) -> Iterator[tuple[ObjectPath, list[Any]]]:
    """Lists the objects of a layer that have variables, by their paths of attributes, as Keras saves them."""
    visited.add(id(holder))
    # In the order of `Layer.save_own_variables`, the same in Keras 3.
    variables = holder._trainable_weights + holder._non_trainable_weights
    if variables:
        yield path, variables
    for attribute, value in sorted(vars(holder).items(), reverse=True):
        if attribute.startswith(("_self_", "_inbound", "_outbound", "_obj_")):
            continue
        if isinstance(value, tf_keras.layers.Layer):
            if id(value) not in visited:
                yield from _objects(value, (*path, _bare(attribute)), visited)
        elif isinstance(value, list | tuple | dict):
            members = list(value.values()) if isinstance(value, dict) else list(value)
            inner = [m for m in members if isinstance(m, tf_keras.layers.Layer) and id(m) not in visited]
            for name, member in zip(class_names(type(m).__name__ for m in inner), inner, strict=True):
                yield from _objects(member, (*path, _bare(attribute), name), visited)


def _bare(attribute: str) -> str:
    """Keras 3 calls `query_dense` what tf-keras calls `_query_dense`."""
    return attribute.lstrip("_")


def _all(objects: dict[ObjectPath, list[Any]]) -> list[Any]:
    return [variable for variables in objects.values() for variable in variables]


def _only_in_file(title: str, part: StoredObject, matched: Matched) -> None:
    if part.layers:
        for key, inner in part.layers.items():
            if any(inner.tensors()):
                _only_in_file(f"{title}/{inner.name or key}", inner, matched)
        return
    values: list[Array] = [value for _, variables in part.tensors() for value in variables.values()]
    matched.only_in_file[title] = shapes(values)
