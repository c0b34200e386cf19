"""Checks a saved model's configuration before tf-keras builds anything from it.

tf-keras imports the modules, calls the functions and runs the code that a configuration names, even in its
safe mode. So everything in it must be on the lists of `runner.models.known`.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn

from runner.models.calls import check_calls, check_sizes, check_wiring
from runner.models.known import (
    ALIASES,
    CLASSES,
    FUNCTIONS,
    LAYERS,
    MODULES,
    OPERATOR_LAYERS,
    REFUSED,
    VALUES,
    is_operator,
    registered,
)
from runner.models.refused import ModelRefused, quoted
from runner.pruning.schedules import schedule_names

# Nested models take four levels each, and tf-keras several calls per level.
_DEPTH = 200
_DEEP = "its configuration is nested too deeply"
_OBJECTS = ("initializer", "regularizer", "constraint")
_NUMBERS = re.compile(r"bool|bfloat16|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)|string")


def parse_config(text: str | bytes) -> Any:
    """Reads JSON as tf-keras does, but refuses what can be read in two ways.

    Raises:
        ModelRefused: A key is there twice, a number is NaN, or lists and objects are nested absurdly deep.
        ValueError: It is not JSON.
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except RecursionError as error:
        raise ModelRefused(_DEEP) from error
    if _deeper(found, _DEPTH):
        raise ModelRefused(_DEEP)
    return found


def check_config(config: Any) -> int:
    """Refuses a configuration that names anything not on the lists, or that takes too long to build.

    Args:
        config: A model, `{"class_name": ..., "config": ...}`, as `parse_config` gives it.

    Returns:
        The number of calls of layers that building it takes.

    Raises:
        ModelRefused: At the first such part.
    """
    calls = check_calls(config)
    _check(config, _Place())
    return calls


def without_compilation(config: Any) -> Any:
    """Copies a configuration without the losses, metrics and optimizers of its models.

    Args:
        config: As `parse_config` gives it.
    """
    if isinstance(config, dict):
        compiled = {"compile_config"} if "class_name" in config else set()
        return {key: without_compilation(value) for key, value in config.items() if key not in compiled}
    return [without_compilation(item) for item in config] if isinstance(config, list) else config


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in inner)


@dataclass(frozen=True)
class _Place:
    """A place in a configuration: the models and layers around it, and the keys below the last of them."""

    layers: tuple[str, ...] = ()
    path: str = ""

    def below(self, key: str) -> "_Place":
        return _Place(self.layers, f"{self.path}.{key}" if self.path else key)

    def refuse(self, why: str) -> NoReturn:
        layer = f"layer {quoted('/'.join(self.layers[1:] or self.layers))}, " if self.layers else ""
        raise ModelRefused(f"{layer}{f'key {quoted(self.path)}, ' if self.path else ''}{why}")

    def refuse_unregistered(self, what: str) -> NoReturn:
        self.refuse(f"{what}, and no module named in `plugins` has registered it")


def _check(value: Any, place: _Place) -> None:
    if isinstance(value, list):
        for number, item in enumerate(value):
            _check(item, _Place(place.layers, f"{place.path}[{number}]"))
    elif isinstance(value, dict):
        if "class_name" in value:
            config = value.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            if isinstance(name, str) and value["class_name"] != "Policy":
                place = _Place((*place.layers, name))
            _check_object(value, place)
        elif "_TYPE" in value:
            place.refuse("a composite tensor, which has a notation of its own, is not read")
        for key, item in value.items():
            if key == "pruning_schedule" and _is_schedule(item):
                item = item["config"]
            _check(item, place if key == "config" else place.below(key))
        try:
            check_wiring(value, operators=OPERATOR_LAYERS)
        except ModelRefused as error:
            place.refuse(str(error))


def _check_object(described: dict[str, Any], place: _Place) -> None:
    name, config = described["class_name"], described.get("config")
    if not isinstance(name, str):
        place.refuse(f"a class is named by {quoted(name)}, which is no text")
    if name in VALUES:
        _check_number(config, place)
        return
    if name == "function":
        _check_function(described, place)
        return
    _check_class(described, name, place)
    if not isinstance(config, dict):
        return
    if name in OPERATOR_LAYERS and not is_operator(config.get("function")):
        what = f"the function {quoted(config.get('function'))} of TensorFlow"
        place.refuse(f"{what} is not on the list of pure operators of tensors")
    if name in CLASSES:
        _check_names(config, name, place)
        try:
            check_sizes(config)
        except ModelRefused as error:
            place.refuse(str(error))


def _check_class(described: dict[str, Any], name: str, place: _Place) -> None:
    """Checks the three keys by which tf-keras finds a class; which of them it uses depends on the file."""
    alias = described.get("registered_name", name)
    if name in REFUSED:
        place.refuse(f"the class {quoted(name)} is not loaded from a file: {REFUSED[name]}")
    own = registered(alias if "module" in described else name)
    known_as = {alias, getattr(own, "__name__", None)} if own is not None else set()
    if name not in CLASSES and registered(name) is None and name not in known_as:
        place.refuse_unregistered(f"the class {quoted(name)} is not one of tf-keras's")
    if own is not None:
        return
    if alias not in (None, name):
        what = f"the class {quoted(name)} is registered as {quoted(alias)}"
        place.refuse(f"{what}, which no module named in `plugins` has registered")
    _check_module(described, place)


def _check_module(described: dict[str, Any], place: _Place) -> None:
    module = described.get("module")
    if module is not None and (not isinstance(module, str) or module not in MODULES):
        what = f"{quoted(described['class_name'])} is said to come from the module {quoted(module)}"
        place.refuse(f"{what}, which is not imported for a file")


def _check_function(described: dict[str, Any], place: _Place) -> None:
    name, alias = described.get("config"), described.get("registered_name")
    if registered(name) is not None:
        return
    if not isinstance(name, str) or name not in FUNCTIONS or alias not in (None, name):
        odd = quoted(name if alias in (None, name) else alias)
        place.refuse_unregistered(f"the function {odd} is no activation of tf-keras")
    _check_module(described, place)


def _check_number(config: Any, place: _Place) -> None:
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if dtype is not None and not (isinstance(dtype, str) and _NUMBERS.fullmatch(dtype)):
        place.refuse(f"a constant of the type {quoted(dtype)} is not read")


def _check_names(config: dict[str, Any], owner: str, place: _Place) -> None:
    """Checks the texts that tf-keras takes for the names of objects, functions and files."""
    for key, value in config.items():
        if not isinstance(value, str) or registered(value) is not None:
            continue
        where = place.below(key)
        if key.endswith("activation") and value not in FUNCTIONS | LAYERS:
            where.refuse_unregistered(f"the activation {quoted(value)} is not one of tf-keras's")
        if key.endswith(_OBJECTS) and value not in CLASSES | ALIASES:
            kind = key.rpartition("_")[2]
            where.refuse_unregistered(f"the {kind} {quoted(value)} is not one of tf-keras's")
        if key == "vocabulary":
            what = f"the vocabulary of the {owner} layer is the file {quoted(value)}"
            where.refuse(f"{what} of this machine, which is not read for a model's file")


def _is_schedule(value: Any) -> bool:
    """Whether a value is a schedule in the configuration of the runner's own wrapper.

    With another key, `module`, tf-keras would import that module.
    """
    if not isinstance(value, dict) or value.keys() != {"class_name", "config"}:
        return False
    return isinstance(value["class_name"], str) and value["class_name"] in schedule_names()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ModelRefused(f"its configuration has the key {quoted(twice)} twice in one object")
    return found


def _constant(text: str) -> float:
    if text == "NaN":
        raise ModelRefused("a number of its configuration is NaN")
    return float(text)
