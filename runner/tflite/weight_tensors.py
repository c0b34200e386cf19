"""Which constants of a TFLite file are weight tensors, and how their axes read as rows of inputs.

A weight is a constant of two dimensions or more that an operator multiplies its input by, or looks rows up
in. Biases, shapes, states and the factors of element-wise operators are none. The positions and the axes are
those of TFLite's kernels (`tensorflow/lite/kernels`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

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
        layout: How its axes read; the first operator's reading where several differ.
    """

    constant: StoredConstant
    uses: tuple[Use, ...]
    layout: StoredAxes


Reading = Callable[[int, bool], StoredAxes]
"""Gives the layout for a rank, and for whether a matrix product reads the tensor transposed."""


def _output_first(rank: int, turned: bool) -> StoredAxes:
    return StoredAxes((0,), tuple(range(1, rank - 1)), (rank - 1,))


def _depthwise(rank: int, turned: bool) -> StoredAxes:
    # [1, h, w, channels]: every output sees one input channel.
    return StoredAxes((rank - 1,), tuple(range(rank - 1)), ())


def _output_last(rank: int, turned: bool) -> StoredAxes:
    return StoredAxes((rank - 1,), tuple(range(rank - 2)), (rank - 2,))


def _input_last(rank: int, turned: bool) -> StoredAxes:
    return StoredAxes((rank - 2,), tuple(range(rank - 2)), (rank - 1,))


def _left_factor(rank: int, turned: bool) -> StoredAxes:
    inputs = rank - 2 if turned else rank - 1
    return StoredAxes(tuple(axis for axis in range(rank) if axis != inputs), (), (inputs,))


def _right_factor(rank: int, turned: bool) -> StoredAxes:
    return _left_factor(rank, not turned)


def _looked_up(rank: int, turned: bool) -> StoredAxes:
    # Along a stored row run the dimensions of one entry.
    return StoredAxes((0,), (), tuple(range(1, rank)))


def _each(reading: Reading, *positions: int | range) -> dict[int, Reading]:
    spread = ((place,) if isinstance(place, int) else place for place in positions)
    return {position: reading for places in spread for position in places}


_WEIGHTS: Mapping[str, Mapping[int, Reading]] = {
    "CONV_2D": _each(_output_first, 1),
    "DEPTHWISE_CONV_2D": _each(_depthwise, 1),
    "TRANSPOSE_CONV": _each(_output_first, 1),
    "CONV_3D": _each(_output_last, 1),
    "CONV_3D_TRANSPOSE": _each(_input_last, 1),
    "FULLY_CONNECTED": _each(_output_first, 1),
    "BATCH_MATMUL": {0: _left_factor, 1: _right_factor},
    "SVDF": _each(_output_first, 1, 2),
    "RNN": _each(_output_first, 1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _each(_output_first, 1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": _each(_output_first, 1, 2, 5, 6, 10, 11),
    # Input and recurrent weights of the four gates, then the projection.
    "LSTM": _each(_output_first, range(1, 9), 16),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _each(_output_first, range(1, 9), 16),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _each(_output_first, range(1, 9), 16, range(18, 26), 33, range(40, 48)),
    "UNIDIRECTIONAL_SEQUENCE_GRU": _each(_output_first, 2, 4),
    "GATHER": _each(_looked_up, 0),
    "EMBEDDING_LOOKUP": _each(_looked_up, 1),
    "EMBEDDING_LOOKUP_SPARSE": _each(_looked_up, 4),
    "HASHTABLE_LOOKUP": _each(_looked_up, 2),
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
        matrices and are none as far as this module knows, for the reader to be told of.
    """
    weights, left_out = [], []
    for constant in sorted(constants, key=lambda one: (one.subgraph, one.first_read)):
        # Integers without a scale are indices and shapes.
        if len(constant.shape) < 2 or not (constant.quantized or "float" in constant.dtype):
            continue
        uses = _multiplying(constant.uses)
        if uses:
            weights.append(WeightTensor(constant, uses, _layout(uses[0], len(constant.shape))))
        elif sum(extent > 1 for extent in constant.shape) > 1:
            left_out.append(constant)
    return weights, left_out


def _multiplying(uses: Sequence[Use]) -> tuple[Use, ...]:
    """Keeps the uses as a weight; a table that is also multiplied by is a matrix first."""
    found = [use for use in uses if use.position in _WEIGHTS.get(use.op, ())]
    return tuple(sorted(dict.fromkeys(found), key=lambda use: use.op in _LOOKING_UP))


def _layout(use: Use, rank: int) -> StoredAxes:
    return _WEIGHTS[use.op][use.position](rank, use.turned)
