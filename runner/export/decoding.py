"""What the bytes of a TFLite tensor mean as numbers."""

from collections.abc import Callable, Mapping

import numpy as np

from runner.export.constant import along


def decode(raw: np.ndarray, kind: str) -> np.ndarray:
    """Reads the bytes of a buffer as numbers.

    Args:
        raw: The bytes.
        kind: The tensor's type as the schema names it, e.g. `"INT8"`; one of `DECODERS`.

    Returns:
        A flat array; half and brain floats as float32, 4-bit integers as int8.

    Raises:
        ValueError: The bytes are no whole number of them.
    """
    return DECODERS[kind](raw)


def dequantize(stored: np.ndarray, scale: np.ndarray, zero_point: np.ndarray, axis: int) -> np.ndarray:
    """Brings quantized integers to what they mean, `(q - zero_point) * scale`.

    Args:
        stored: The integers.
        scale: One scale, or one per slice along `axis`.
        zero_point: As many zero points.
        axis: The quantized dimension.

    Returns:
        Float32 of the shape of `stored`.
    """
    # int64 would do for every type; weights are int8 or int4, and int32 halves the time they take.
    wide = stored.astype(np.int64 if stored.dtype.itemsize > 2 else np.int32)
    offset = wide - along(zero_point, axis, stored.ndim).astype(wide.dtype)
    return np.asarray(offset * along(scale, axis, stored.ndim), np.float32)


def _int4(raw: np.ndarray) -> np.ndarray:
    """Splits bytes into signed 4-bit values, the lower half first."""
    halves = np.stack([raw & 0x0F, raw >> 4], axis=-1).reshape(-1).astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)


def _bfloat16(raw: np.ndarray) -> np.ndarray:
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


DECODERS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "FLOAT32": lambda raw: raw.view("<f4"),
    "FLOAT16": lambda raw: raw.view("<f2").astype(np.float32),
    "BFLOAT16": _bfloat16,
    "FLOAT64": lambda raw: raw.view("<f8"),
    "INT4": _int4,
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
