"""MNIST's format, which other data sets share: 28x28 grey images of ten classes, in idx files or a `.npz`.

An idx file holds bytes behind a header with their shape, gzipped or not.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998, "File formats".
"""

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from runner.datasets.dataset import Array, Arrays, UnfitArrays
from runner.datasets.npz import arrays_from, check_claims, read_npz
from runner.process.errors import UserError
from runner.process.wording import shown

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""The names of the four files of a data set, by array; gzipped they end in `.gz`."""

_GZIP = b"\x1f\x8b"
_BYTES = 0x08  # The header's code for unsigned bytes, the only type in these data sets.
_MOST_BYTES = 1 << 30


def read_mnist_format(path: Path, where: str, *, title: str) -> Arrays:
    """Reads images and labels from a `.npz` file or a folder of idx files.

    Args:
        path: An archive with `x_train`, `y_train`, `x_test` and `y_test`; or a folder with the four idx files
            as they were published, gzipped or not.
        where: The key and file for messages.
        title: The name of the data set for messages, such as `MNIST`.

    Raises:
        UserError: The file is missing or damaged.
        UnfitArrays: It holds other data than 28x28 images of ten classes.
    """
    found = read_idx_folder(path, where=where) if path.is_dir() else read_npz(path, where=where)
    return as_mnist_format(found, title=title)


def as_mnist_format(found: Mapping[str, Array], *, title: str) -> Arrays:
    """Makes a data set of four arrays.

    Args:
        found: `x_train`, `y_train`, `x_test` and `y_test`: images `[samples, 28, 28]` and labels 0 to 9.
        title: The name of the data set for messages.

    Raises:
        UnfitArrays: The arrays have other shapes or classes.
    """
    integers = np.issubdtype(found["y_train"].dtype, np.integer)
    arrays = arrays_from(dict(found), classes=10 if integers else None)
    if arrays.num_classes is None or arrays.x_train.shape[1:] != (28, 28, 1):
        raise UnfitArrays(
            f"one image of x_train has the shape {arrays.x_train.shape[1:]}; {title} has 28x28 images and the"
            " labels 0 to 9. Other data is read by recipe.data.name=npz"
        )
    return arrays


def read_idx_folder(folder: Path, *, where: str) -> dict[str, Array]:
    """Reads the four files of a data set: all headers first, so that files that do not fit are not read on.

    Args:
        folder: Holds each of `FILES`, or the same with `.gz`.
        where: The key and folder for messages.

    Returns:
        `x_train`, `y_train`, `x_test` and `y_test`, uint8.

    Raises:
        UserError: A file is missing or damaged, or the arrays do not fit into memory.
        UnfitArrays: There are more images than labels, or fewer.
    """
    paths = {}
    for array, name in FILES.items():
        found = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
        if not found:
            raise UserError(
                f"{where}: there is no {name} or {name}.gz; the folder needs {', '.join(FILES.values())}"
            )
        paths[array] = found[0]
    names = {array: f"{where}: {path.name}" for array, path in paths.items()}
    streams, shapes = {}, {}
    with ExitStack() as opened:
        for array, path in paths.items():
            with _reading(names[array]):
                streams[array] = _unpacked(opened.enter_context(path.open("rb")))
                shapes[array] = _read_shape(streams[array], names[array])
        check_claims({array: (shape, np.dtype(np.uint8)) for array, shape in shapes.items()}, where)
        return {array: _read_array(streams[array], shapes[array], names[array]) for array in FILES}


def parse_idx(content: bytes, *, where: str) -> Array:
    """Reads one file of unsigned bytes.

    Args:
        content: The file, gzipped or not.
        where: The name of the file for messages.

    Returns:
        uint8, of the shape that the header gives.

    Raises:
        UserError: It is no such file, or has more or fewer bytes than its header says.
    """
    stream = _unpacked(io.BytesIO(content))
    with _reading(where):
        shape = _read_shape(stream, where)
    return _read_array(stream, shape, where)


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    packed = file.read(2) == _GZIP
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


def _read_shape(stream: IO[bytes], where: str) -> tuple[int, ...]:
    begin = stream.read(4)
    if len(begin) < 4 or begin[:3] != bytes([0, 0, _BYTES]) or not begin[3]:
        raise UserError(f"{where}: no idx file of unsigned bytes, such as {FILES['x_train']}")
    sizes = stream.read(4 * begin[3])
    if len(sizes) < 4 * begin[3]:
        raise UserError(f"{where}: ends within its header. Is it cut off?")
    shape = struct.unpack(f">{begin[3]}I", sizes)
    try:
        np.broadcast_to(np.uint8(0), shape)  # Takes no memory; NumPy has a limit of dimensions and of size.
    except ValueError as error:
        raise UserError(
            f"{where}: its header gives the shape {shown(shape)}, which no array has. Is it damaged?"
        ) from error
    if math.prod(shape) > _MOST_BYTES:
        raise UserError(f"{where}: its header gives the shape {shape}, more than 1 GiB. Is it damaged?")
    return shape


def _read_array(stream: IO[bytes], shape: tuple[int, ...], where: str) -> Array:
    needed = math.prod(shape)
    with _reading(where):
        content = stream.read(needed + 1)
    if len(content) != needed:
        found = f"{len(content):,}" if len(content) < needed else "more"
        raise UserError(
            f"{where}: has {found} bytes for the shape {shape} that its header gives, which needs {needed:,}."
            " Is it damaged or cut off?"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise UserError(f"{where}: ends too early. Is it cut off?") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{where}: cannot be unpacked ({error}). Is it damaged?") from error
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror})") from error
