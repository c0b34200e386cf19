import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from runner.datasets.idx import FILES, parse_idx, read_idx_folder, unpack
from runner.process.errors import UserError


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_header_gives_the_shape(pack: type[bytes]) -> None:
    np.testing.assert_array_equal(parse_idx(pack(idx(IMAGES)), where="f"), IMAGES)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "f: no idx file of unsigned bytes, such as train-images-idx3-ubyte"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01abcd", "f: no idx file of unsigned bytes"),  # floats
        (b"<html>", "f: no idx file of unsigned bytes"),
        (idx(IMAGES)[:9], "f: ends within its header"),
        (idx(IMAGES)[:-1], r"f: has 23 bytes for the shape \(2, 3, 4\) .* needs 24"),
        (idx(IMAGES) + b"x", "f: has 25 bytes"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 9), "f: has 0 bytes"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "f: ends too early"),
        (b"\x1f\x8bno gzip file", "f: cannot be unpacked"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(content: bytes, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        parse_idx(content, where="f")


def test_a_small_file_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.datasets.idx._MOST_BYTES", 1000)
    assert unpack(gzip.compress(bytes(1000), mtime=0), where="f") == bytes(1000)
    with pytest.raises(UserError, match="f: unpacks to more than"):
        unpack(gzip.compress(bytes(1001), mtime=0), where="f")


def test_a_folder_may_hold_packed_and_plain_files(tmp_path: Path) -> None:
    for number, name in enumerate(FILES.values()):
        content = idx(np.full((2,), number, np.uint8))
        if number % 2:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (tmp_path / name).write_bytes(content)
    arrays = read_idx_folder(tmp_path, where="folder")
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "x_train": [0, 0],
        "y_train": [1, 1],
        "x_test": [2, 2],
        "y_test": [3, 3],
    }


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"folder: there is no train-images-idx3-ubyte or .*\.gz; the folder"):
        read_idx_folder(tmp_path, where="folder")
