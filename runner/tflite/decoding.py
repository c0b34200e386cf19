"""Decodes the bytes of a TFLite tensor as numbers."""

from collections.abc import Callable, Mapping

import numpy as np

from runner.tflite.constant import along


def decode(raw: np.ndarray, kind: str) -> np.ndarray:
    """Reads the bytes of a buffer as a flat array of numbers.

    Args:
        raw: The bytes.
        kind: The tensor's type as the schema names it, e.g. `"INT8"`; one of `DECODERS`.

    Returns:
        Half and brain floats as float32, smaller integers as 8-bit ones. Where a value takes less than a
        byte, those that fill up the last byte are there too.

    Raises:
        ValueError: The bytes are no whole number of values.
    """
    return DECODERS[kind](raw)


def bytes_for(count: int, kind: str) -> int:
    """Returns how many bytes so many values of a type take; where a value takes less than one, rounded up."""
    return -(-count // _VALUES_PER_BYTE.get(kind, 1)) * _BYTES.get(kind, 1)


def dequantize(stored: np.ndarray, scale: np.ndarray, zero_point: np.ndarray, axis: int) -> np.ndarray:
    """Returns what quantized integers mean, `(q - zero_point) * scale`, as float32.

    Args:
        stored: The integers.
        scale: One scale, or one per slice along `axis`.
        zero_point: As many zero points.
        axis: The quantized dimension.
    """
    # A type or scale may be damaged, and then the values are for the caller to judge.
    with np.errstate(over="ignore", invalid="ignore"):
        # int64 would do for every type; weights are int8 or int4, and int32 halves the time they take.
        wide = stored.astype(np.int64 if stored.dtype.itemsize > 2 else np.int32)
        offset = wide - along(zero_point, axis, stored.ndim).astype(wide.dtype)
        return np.asarray(offset * along(scale, axis, stored.ndim), np.float32)


def _split(raw: np.ndarray, bits: int) -> np.ndarray:
    """Splits bytes into values of so many bits, the lowest first."""
    parts = [(raw >> shift) & (2**bits - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, axis=-1).reshape(-1)


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    values = values.astype(np.int8)
    return np.where(values >= 2 ** (bits - 1), values - 2**bits, values).astype(np.int8)


def _bfloat16(raw: np.ndarray) -> np.ndarray:
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


_VALUES_PER_BYTE: Mapping[str, int] = {"INT2": 4, "INT4": 2, "UINT4": 2}
# Of the types that take more than one.
_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 2),
    **dict.fromkeys(("FLOAT32", "INT32", "UINT32"), 4),
    **dict.fromkeys(("FLOAT64", "INT64", "UINT64"), 8),
}

DECODERS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "FLOAT32": lambda raw: raw.view("<f4"),
    "FLOAT16": lambda raw: raw.view("<f2").astype(np.float32),
    "BFLOAT16": _bfloat16,
    "FLOAT64": lambda raw: raw.view("<f8"),
    "INT2": lambda raw: _signed(_split(raw, 2), 2),
    "INT4": lambda raw: _signed(_split(raw, 4), 4),
    "UINT4": lambda raw: _split(raw, 4),
    "INT8": lambda raw: raw.view("i1"),
    "UINT8": lambda raw: raw,
    "INT16": lambda raw: raw.view("<i2"),
    "UINT16": lambda raw: raw.view("<u2"),
    "INT32": lambda raw: raw.view("<i4"),
    "UINT32": lambda raw: raw.view("<u4"),
    "INT64": lambda raw: raw.view("<i8"),
    "UINT64": lambda raw: raw.view("<u8"),
    "BOOL": lambda raw: raw.view("?"),
}
