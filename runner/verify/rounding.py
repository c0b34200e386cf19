"""How far a stored weight may lie from the trained one because of the bits it is stored in."""

import re

import numpy as np

from runner.export.flatbuffer import Constant

# A limit is computed from values that may be read off rounded ones: half a step in 127.
_ROOM = 1.01
# The bias of a channel is stored in steps of its weights' step times the input's. Where it would not fit into
# 32 bits so, TensorFlow's quantizer makes the step of that channel's weights larger: it happens to channels
# that have next to no weights beside the others.
_NEGLIGIBLE = 1 / 1024
# Rows that are looked up take the step of whatever they are concatenated with; four of eight bits must stay.
_LOOKED_UP = frozenset({"GATHER", "EMBEDDING_LOOKUP"})
_SHARED = 16.0
# The quantizer takes ranges below this for zero.
_NOTHING = float(np.finfo(np.float64).eps)


def allowed_steps(constant: Constant, wanted: np.ndarray) -> np.ndarray:
    """Returns the quantization step within which a weight must reappear.

    That is the constant's own step, but at most the one that a quantizer would choose for these weights: a
    constant with a step as large as its weights holds nothing of them.

    Args:
        constant: The constant.
        wanted: What its values should be, in its shape.

    Returns:
        An array that broadcasts against `wanted`; zeros for full floats.
    """
    return np.minimum(np.abs(constant.steps()), _limit(constant, wanted))


def coarseness(constant: Constant, wanted: np.ndarray) -> float:
    """Tells how many times larger than needed a constant's quantization step is, where it is worst.

    Args:
        constant: The constant.
        wanted: What its values should be, in its shape.

    Returns:
        1 or less where the step is as fine as a quantizer would choose it; 0 where nothing is quantized.
    """
    if not constant.quantized:
        return 0.0
    ratios = np.abs(constant.steps()) / _limit(constant, wanted)
    return float(ratios.max(initial=0.0))


def _limit(constant: Constant, wanted: np.ndarray) -> np.ndarray:
    """The largest step that 8 bits (or as many as there are) leave no choice but to take, with some room."""
    if not constant.quantized:
        return np.full((1,) * wanted.ndim, np.inf)
    size = np.abs(np.asarray(wanted, np.float64))
    per_slice = constant.scale.size > 1
    others = tuple(axis for axis in range(size.ndim) if not (per_slice and axis == constant.axis))
    largest = size.max(axis=others, keepdims=True, initial=0.0)
    shared = _SHARED if {use.op for use in constant.uses} <= _LOOKED_UP else 1.0
    needed = shared * np.maximum(largest, _NEGLIGIBLE * largest.max(initial=0.0)) / _levels(constant.dtype)
    return np.asarray(_ROOM * needed + _NOTHING)


def _levels(dtype: str) -> int:
    """The steps from zero to the largest number, e.g. 127 for int8; unsigned types have as many each way."""
    bits = int(re.sub(r"\D", "", dtype))
    return max(1, 2 ** (bits - 1) - 1)
