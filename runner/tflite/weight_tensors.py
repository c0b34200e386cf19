"""Which constants of a TFLite file are weight tensors, and how their axes read as rows of inputs.

A weight is a constant of two dimensions or more that an operator multiplies its input by, or looks rows up
in. Biases, shapes, states and the factors of element-wise operators are none. The positions and the axes are
those of TFLite's kernels (`tensorflow/lite/kernels`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runner.tflite.constant import StoredConstant, Use


@dataclass(frozen=True)
class StoredAxes:
    """Which axes of a stored weight are outputs, which spatial and which inputs.

    Several axes read as one, in their order; none reads as one of length 1.

    Args:
        outputs: Axes of the outputs: every one of them has a row of its own.
        spatial: Axes of the window.
        inputs: Axes of the input channels.
    """

    outputs: tuple[int, ...]
    spatial: tuple[int, ...]
    inputs: tuple[int, ...]

    def rows(self, stored: np.ndarray) -> np.ndarray:
        """Views a stored tensor as `[outputs, spatial, inputs]`."""
        parts = (self.outputs, self.spatial, self.inputs)
        moved = stored.transpose([axis for part in parts for axis in part])
        return moved.reshape([math.prod(stored.shape[axis] for axis in part) for part in parts])


@dataclass(frozen=True, eq=False)
class WeightTensor:
    """One weight tensor of a file.

    Attributes:
        constant: Its decoded values.
        uses: The operators that multiply by it; one tensor may serve several.
        axes: How its axes read; the first operator's reading where several differ.
    """

    constant: StoredConstant
    uses: tuple[Use, ...]
    axes: StoredAxes


@dataclass(frozen=True)
class _Reading:
    """Which axes of a stored weight are outputs and which inputs; all others are what `rest` says."""

    outputs: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    rest: Literal["outputs", "spatial", "inputs"] = "spatial"

    def axes(self, rank: int) -> StoredAxes:
        outputs, inputs = ([axis % rank for axis in axes] for axes in (self.outputs, self.inputs))
        others = tuple(axis for axis in range(rank) if axis not in (*outputs, *inputs))
        named = {"outputs": tuple(outputs), "spatial": (), "inputs": tuple(inputs)}
        return StoredAxes(**{**named, self.rest: others})


_OUTPUT_FIRST = _Reading(outputs=(0,), inputs=(-1,))
_OUTPUT_LAST = _Reading(outputs=(-1,), inputs=(-2,))
_INPUT_LAST = _Reading(outputs=(-2,), inputs=(-1,))
# [1, h, w, channels]: every output sees one input channel.
_DEPTHWISE = _Reading(outputs=(-1,))
# Along a stored row run the dimensions of one entry.
_LOOKED_UP = _Reading(outputs=(0,), rest="inputs")
_LEFT_FACTOR, _RIGHT_FACTOR = _Reading(inputs=(-1,), rest="outputs"), _Reading(inputs=(-2,), rest="outputs")
_TURNED = {_LEFT_FACTOR: _RIGHT_FACTOR, _RIGHT_FACTOR: _LEFT_FACTOR}
"""How a matrix product reads a factor that it transposes."""


def _each(reading: _Reading, *positions: int | range) -> dict[int, _Reading]:
    spread = ((place,) if isinstance(place, int) else place for place in positions)
    return {position: reading for places in spread for position in places}


_WEIGHTS: Mapping[str, Mapping[int, _Reading]] = {
    "CONV_2D": _each(_OUTPUT_FIRST, 1),
    "DEPTHWISE_CONV_2D": _each(_DEPTHWISE, 1),
    "TRANSPOSE_CONV": _each(_OUTPUT_FIRST, 1),
    "CONV_3D": _each(_OUTPUT_LAST, 1),
    "CONV_3D_TRANSPOSE": _each(_INPUT_LAST, 1),
    "FULLY_CONNECTED": _each(_OUTPUT_FIRST, 1),
    "BATCH_MATMUL": {0: _LEFT_FACTOR, 1: _RIGHT_FACTOR},
    "SVDF": _each(_OUTPUT_FIRST, 1, 2),
    "RNN": _each(_OUTPUT_FIRST, 1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _each(_OUTPUT_FIRST, 1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": _each(_OUTPUT_FIRST, 1, 2, 5, 6, 10, 11),
    # Input and recurrent weights of the four gates, then the projection.
    "LSTM": _each(_OUTPUT_FIRST, range(1, 9), 16),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _each(_OUTPUT_FIRST, range(1, 9), 16),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _each(_OUTPUT_FIRST, range(1, 9), 16, range(18, 26), 33, range(40, 48)),
    "UNIDIRECTIONAL_SEQUENCE_GRU": _each(_OUTPUT_FIRST, 2, 4),
    "GATHER": _each(_LOOKED_UP, 0),
    "EMBEDDING_LOOKUP": _each(_LOOKED_UP, 1),
    "EMBEDDING_LOOKUP_SPARSE": _each(_LOOKED_UP, 4),
    "HASHTABLE_LOOKUP": _each(_LOOKED_UP, 2),
}
_LOOKING_UP = frozenset({"GATHER", "EMBEDDING_LOOKUP", "EMBEDDING_LOOKUP_SPARSE", "HASHTABLE_LOOKUP"})


def many_weights(op: str) -> bool:
    """Tells whether an operator takes several weights, so that its name alone does not tell them apart."""
    return len(_WEIGHTS.get(op, ())) > 1


def weight_tensors(constants: Iterable[StoredConstant]) -> tuple[list[WeightTensor], list[StoredConstant]]:
    """Picks the weight tensors out of a file's constants.

    Args:
        constants: The file's constants.

    Returns:
        The weight tensors, in the order in which operators first read them; and the constants that look like
        matrices and are none as far as this module knows.
    """
    weights, left_out = [], []
    for constant in sorted(constants, key=lambda one: (one.subgraph, one.first_read)):
        # Integers without a scale are indices and shapes.
        if len(constant.shape) < 2 or not (constant.quantized or "float" in constant.dtype):
            continue
        uses = _multiplying(constant.uses)
        if uses:
            weights.append(WeightTensor(constant, uses, _axes(uses[0], len(constant.shape))))
        elif sum(extent > 1 for extent in constant.shape) > 1:
            left_out.append(constant)
    return weights, left_out


def _multiplying(uses: Sequence[Use]) -> tuple[Use, ...]:
    """Keeps the uses as a weight; a table that is also multiplied by is a matrix first."""
    found = [use for use in uses if use.position in _WEIGHTS.get(use.op, ())]
    return tuple(sorted(dict.fromkeys(found), key=lambda use: use.op in _LOOKING_UP))


def _axes(use: Use, rank: int) -> StoredAxes:
    reading = _WEIGHTS[use.op][use.position]
    return (_TURNED[reading] if use.turned else reading).axes(rank)
