"""The idx files that MNIST was published in: bytes behind a header with their shape, gzipped or not.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998, "File formats".
"""

import math
import struct
import zlib
from pathlib import Path

import numpy as np

from runner.datasets.dataset import Array
from runner.process.errors import UserError

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""The names of the four files of a data set, by array; gzipped they end in `.gz`."""

_GZIP = b"\x1f\x8b"
_BYTES = 0x08  # The header's code for unsigned bytes, the only one of these data sets.
_MOST_BYTES = 1 << 30


def read_idx_folder(folder: Path, *, where: str) -> dict[str, Array]:
    """Reads the four files of a data set.

    Args:
        folder: Holds each of `FILES`, or the same with `.gz`.
        where: The key and folder that the messages name.

    Returns:
        `x_train`, `y_train`, `x_test` and `y_test`, uint8.

    Raises:
        UserError: A file is missing or damaged.
    """
    paths = {}
    for array, name in FILES.items():
        found = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
        if not found:
            raise UserError(
                f"{where}: there is no {name} or {name}.gz; the folder needs {', '.join(FILES.values())}"
            )
        paths[array] = found[0]
    arrays = {}
    for array, path in paths.items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{where}: {path.name} cannot be read ({error.strerror})") from error
        arrays[array] = parse_idx(content, where=f"{where}: {path.name}")
    return arrays


def parse_idx(content: bytes, *, where: str) -> Array:
    """Reads one file of unsigned bytes.

    Args:
        content: The file, gzipped or not.
        where: What the messages name.

    Returns:
        uint8, of the shape that the header gives.

    Raises:
        UserError: It is no such file, or more or fewer bytes than its header says.
    """
    if content[:2] == _GZIP:
        content = unpack(content, where=where)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _BYTES or not content[3]:
        raise UserError(f"{where}: no idx file of unsigned bytes, such as {FILES['x_train']}")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise UserError(f"{where}: ends within its header. Is it cut off?")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise UserError(
            f"{where}: has {len(content) - header:,} bytes for the shape {shape} that its header gives,"
            f" which needs {math.prod(shape):,}. Is it damaged or cut off?"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def unpack(content: bytes, *, where: str) -> bytes:
    """Unpacks a gzipped file of at most 1 GiB.

    Raises:
        UserError: It is damaged, cut off, or larger.
    """
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(content, _MOST_BYTES)
    except zlib.error as error:
        raise UserError(f"{where}: cannot be unpacked ({error}). Is it damaged?") from error
    if unpacker.unconsumed_tail:
        raise UserError(f"{where}: unpacks to more than 1 GiB, which no file of this kind does")
    if not unpacker.eof:
        raise UserError(f"{where}: ends too early. Is it cut off?")
    return unpacked
