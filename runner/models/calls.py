"""How much building a saved model takes: a small file can describe a model that is never built.

A nested model is called as a whole, so that calls multiply with each level; and where layers are listed
against the order in which they are called, tf-keras goes through the list again for each of them.
"""

from typing import Any

from runner.models.known import CONSTRAINTS, INITIALIZERS, REGULARIZERS, VALUES
from runner.models.refused import Refused, shown

# Ordinary: NASNetLarge has 1,039 layers, EfficientNetB7 813, each called once.
_CALLS, _CELLS = 10_000, 100
_NO_LAYERS = INITIALIZERS | REGULARIZERS | CONSTRAINTS | VALUES | {"Policy", "PolicyV1", "function"}
# A counted thing becomes a list in Python, or a loop.
_COUNTS = {"num_oov_indices": 2**20, "ngrams": 100, "power_iterations": 1000}


def check_calls(config: Any) -> int:
    """Counts the calls of layers that building a model takes.

    Args:
        config: A model, `{"class_name": ..., "config": ...}`.

    Returns:
        How many, calls of nested models' layers included.

    Raises:
        Refused: There are far more than an ordinary model has.
    """
    built, _ = _calls(config)
    if built > _CALLS:
        told = f"{built:,}" if built < 10**12 else "more than a million million"
        raise Refused(f"building it takes {told} calls of layers; at most {_CALLS:,} are made")
    return built


def check_counts(config: dict[str, Any]) -> None:
    """Refuses a layer whose numbers ask for an absurd amount of work, whatever its weights.

    Args:
        config: Of a layer of tf-keras.

    Raises:
        Refused: With the key, its value and the most that is allowed.
    """
    for key, most in _COUNTS.items():
        count = config.get(key)
        if isinstance(count, int | float) and count > most:
            raise Refused(f"its {key} is {shown(count)[1:-1]}; at most {most:,} is allowed")
    cells = config.get("cells")
    if isinstance(cells, list) and len(cells) > _CELLS:
        raise Refused(f"it stacks {len(cells):,} cells; at most {_CELLS} are allowed")


def _calls(value: Any) -> tuple[int, int]:
    """Returns the calls of layers that making an object takes, and those that one call of it takes."""
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


def _sum(parts: Any) -> tuple[int, int]:
    built = called = 0
    for one, other in parts:
        built, called = built + one, called + other
    return built, called
