import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runner.datasets import UnfitArrays
from runner.datasets.idx import FILES, parse_idx, read_idx_folder
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
        (idx(IMAGES) + b"x", "f: has more bytes"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 9), "f: .*which no array has"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "f: ends too early"),
        (b"\x1f\x8bno gzip file", "f: cannot be unpacked"),
        (
            struct.pack(">BBBB65I", 0, 0, 8, 65, *[1] * 65) + b"x",
            r"f: .* shape \(1, 1, .*, which no array has",
        ),
        (
            struct.pack(">BBBB3I", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1),
            r"f: .* \(0, 4294967295, 4294967295\), which no array has",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(content: bytes, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        parse_idx(content, where="f")


def test_a_header_of_more_than_a_gibibyte_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"f: its header gives the shape \(4000000, 28, 28\), more than 1 GiB"
    ):
        parse_idx(header(4_000_000, 28, 28), where="f")


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


def folder_of(folder: Path, **contents: bytes) -> Path:
    """Writes the four files, of two images and two labels each where nothing else is given."""
    images, labels = idx(np.zeros((2, 28, 28), np.uint8)), idx(np.zeros(2, np.uint8))
    written = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels} | contents
    for array, name in FILES.items():
        packed = written[array][:2] == b"\x1f\x8b"
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(written[array])
    return folder


def header(*shape: int) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)


def peak_megabytes(read: Callable[[], object]) -> float:
    """Returns the most memory that reading refused files has taken at a time."""
    tracemalloc.start()
    with pytest.raises((UserError, UnfitArrays)):
        read()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def test_a_large_file_without_its_labels_is_refused_unread(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, x_train=header(300_000, 28, 28))
    with (folder / FILES["x_train"]).open("r+b") as file:
        file.truncate(16 + 300_000 * 28 * 28)  # Sparse: it takes no room on the disk.

    assert peak_megabytes(lambda: read_idx_folder(folder, where="folder")) < 5
    with pytest.raises(UnfitArrays, match="x_train has 300000 samples, y_train has 2; they must be as many"):
        read_idx_folder(folder, where="folder")


def test_a_packed_file_that_expands_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, x_train=gzip.compress(header(300_000, 28, 28) + bytes(300_000 * 784)))
    assert peak_megabytes(lambda: read_idx_folder(folder, where="folder")) < 5


def test_a_packed_file_is_unpacked_no_further_than_its_header_says(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, x_train=gzip.compress(header(2, 28, 28) + bytes(200_000_000)))
    assert peak_megabytes(lambda: read_idx_folder(folder, where="folder")) < 5
    with pytest.raises(UserError, match=r"images-idx3-ubyte.gz: has more bytes for the shape"):
        read_idx_folder(folder, where="folder")


def test_files_that_do_not_fit_into_memory_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.datasets.npz.total_memory", lambda: 10_000)
    with pytest.raises(UserError, match=r"folder: the four arrays take 0\.0 GB of memory"):
        read_idx_folder(folder_of(tmp_path), where="folder")
