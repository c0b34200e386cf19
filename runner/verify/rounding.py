"""How far a stored weight may lie from the trained one because of the bits it is stored in."""

import re

import numpy as np

from runner.tflite.constant import StoredConstant, along

# A limit is computed from values that may be read off rounded ones: half a step in 127.
_ROOM = 1.01
# TensorFlow's quantizer takes no range of weights for smaller than this to either side of zero ...
_SMALLEST_HALF_RANGE = 0.5e-6
# ... and stores a bias in steps of its weights' step times the input's. Where it would be more of these than
# this, half of what 32 bits hold, it enlarges the weights' step until it is not.
_MOST_BIAS = 2.0**30
# Rows that are looked up take the step of whatever they are concatenated with; four of eight bits must stay.
_LOOKED_UP = frozenset({"GATHER", "EMBEDDING_LOOKUP"})
_SHARED = 16.0


def allowed_steps(constant: StoredConstant, wanted: np.ndarray) -> np.ndarray:
    """Returns the quantization step within which a weight must reappear.

    That is the constant's own step, but at most the one that a quantizer would choose for these weights
    and for the bias that is added to what they compute: a constant whose step is as large as its weights for
    no such reason holds nothing of them.

    Args:
        constant: The constant.
        wanted: What its values should be, in its shape; the result broadcasts against it.
    """
    return np.minimum(np.abs(constant.steps()), _limit(constant, wanted))


def coarseness(constant: StoredConstant, wanted: np.ndarray) -> float:
    """Returns how many times larger than needed a constant's quantization step is, where it is worst.

    It is 1 or less where the step is as fine as a quantizer would choose it, 0 where nothing is quantized;
    `wanted` is what the constant's values should be, in its shape.
    """
    if not constant.quantized:
        return 0.0
    ratios = np.abs(constant.steps()) / _limit(constant, wanted)
    return float(ratios.max(initial=0.0))


def _limit(constant: StoredConstant, wanted: np.ndarray) -> np.ndarray:
    """The largest step that there is no choice but to take, with some room: for the weights or for a bias."""
    if not constant.quantized:
        return np.full((1,) * wanted.ndim, np.inf)
    size = np.abs(np.asarray(wanted, np.float64))
    per_slice = constant.scale.size > 1
    others = tuple(axis for axis in range(size.ndim) if not (per_slice and axis == constant.axis))
    largest = size.max(axis=others, keepdims=True, initial=0.0)
    shared = _SHARED if {use.op for use in constant.uses} <= _LOOKED_UP else 1.0
    needed = shared * np.maximum(largest, _SMALLEST_HALF_RANGE) / _levels(constant.dtype)
    return np.asarray(_ROOM * np.maximum(needed, _needed_for_biases(constant)))


def _needed_for_biases(constant: StoredConstant) -> np.ndarray:
    """The step below which a bias would not fit: the constant's own as far as a bias fills its integers."""
    filled = np.zeros(constant.scale.size)
    for bias in constant.biases:
        counts = np.abs(bias.astype(np.float64).reshape(-1)) / _MOST_BIAS
        if bias.dtype == np.int32 and (filled.size == 1 or filled.size == counts.size):
            filled = np.maximum(filled, counts if filled.size > 1 else counts.max(initial=0.0))
    # Operators take the weights' step for the bias's, whatever step the bias itself names.
    steps = np.nan_to_num(np.abs(constant.scale.astype(np.float64)), nan=0.0, posinf=0.0)
    return along(steps * np.minimum(filled, 1.0), constant.axis, len(constant.shape))


def _levels(dtype: str) -> int:
    """The steps from zero to the largest number, e.g. 127 for int8; unsigned types have as many each way."""
    bits = int(re.sub(r"\D", "", dtype))
    return max(1, 2 ** (bits - 1) - 1)
