"""The `npz` data set: a user's own arrays in a NumPy archive."""

import io
import itertools
import lzma
import math
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from runner.datasets.dataset import DATASETS, Array, Arrays, UnfitArrays, check_counts, check_whole_number
from runner.process.errors import UserError, did_you_mean
from runner.process.memory import gigabytes, total_memory
from runner.process.named_file import check_regular

# As many classes are believed however few samples there are.
_FEW_CLASSES = 10_000
_MOST_HEADER_BYTES = 2**16
ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")


@DATASETS.register("npz")
def npz(*, path: Path | None = None, classes: int | None = None) -> Arrays:
    """Loads `x_train`, `y_train`, `x_test` and `y_test` from a `.npz` file.

    Args:
        path: The file. uint8 inputs are images: they are divided by 255, and `[samples, height, width]` gets
            a channel axis. Float inputs are not changed. Integer labels make it a classification, float
            targets a regression.
        classes: The number of classes; by default the highest label + 1.

    Raises:
        UserError: No path is given, or the file is missing or damaged.
        UnfitArrays: The arrays do not make a data set.
    """
    if path is None:
        raise UserError("recipe.data.path: dataset 'npz' needs the file's path: recipe.data.path=FILE.npz")
    return arrays_from(read_npz(path, where=f"recipe.data.path: {path}"), classes=classes)


def read_npz(file: Path | IO[bytes], *, where: str) -> dict[str, Array]:
    """Reads the four arrays of a data set, without running code that the file may hold.

    Args:
        file: A path or an open binary file.
        where: The key and file for messages.

    Raises:
        UserError: The file is missing, damaged, not an archive, lacks an array, or does not fit into memory.
        UnfitArrays: There are more inputs than labels, or fewer.
    """
    if isinstance(file, Path):
        check_regular(file, where)
    try:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(
                f"{where}: this holds one bare array. Save all four with np.savez(FILE, x_train=...)"
            )
        with archive:
            missing = [name for name in ARRAY_NAMES if name not in archive.files]
            if missing:
                hint = did_you_mean(missing[0], archive.files)
                raise UserError(
                    f"{where}: {', '.join(missing)} missing; the archive holds"
                    f" {', '.join(archive.files) or 'nothing'}.{hint} It needs {', '.join(ARRAY_NAMES)}."
                )
            check_claims({name: _claim(archive, name, where) for name in ARRAY_NAMES}, where)
            return {name: archive[name] for name in ARRAY_NAMES}
    except UnfitArrays:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{where}: there is no such file") from error
    except IsADirectoryError as error:
        raise UserError(f"{where}: this is a folder, a .npz file is needed") from error
    # zipfile raises RuntimeError for an encrypted member, and for a compression that it does not know.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise UserError(f"{where}: the file cannot be read ({error}). Is it damaged or cut off?") from error
    except ValueError as error:
        # With pickling off, NumPy says this of Python objects and of files that are no NumPy files at all.
        raise UserError(
            f"{where}: no .npz archive of plain arrays, or a damaged one. Python objects in it are not"
            " loaded, since that could run code."
        ) from error


def check_claims(claims: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], where: str) -> None:
    """Checks what files claim to hold before their arrays are read.

    Args:
        claims: Shape and dtype of each of the four arrays.
        where: The key and file for messages.

    Raises:
        UnfitArrays: There are more inputs than labels, or fewer.
        UserError: The arrays, and their copies as float32, do not fit into memory.
    """
    for part in ("train", "test"):
        (inputs, _), (targets, _) = claims[f"x_{part}"], claims[f"y_{part}"]
        if inputs and targets:
            check_counts(part, inputs[0], targets[0])
    needed = sum(
        math.prod(shape) * (dtype.itemsize + (0 if dtype == np.float32 else 4))
        for shape, dtype in claims.values()
    )
    if needed > total_memory():
        raise UserError(
            f"{where}: the four arrays take {gigabytes(needed)} of memory, and this machine has"
            f" {gigabytes(total_memory())}"
        )


def _claim(archive: Any, name: str, where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Reads an array's header alone: NumPy would take the memory that it claims before it reads on."""
    member = archive.zip.getinfo(f"{name}.npy" if f"{name}.npy" in archive.zip.namelist() else name)
    with archive.zip.open(member) as file:
        if np.lib.format.read_magic(file) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            length = int.from_bytes(file.read(4), "little")
            if length > _MOST_HEADER_BYTES:  # NumPy would read it whole before it refuses it.
                raise UserError(f"{where}: {name} says that its header has {length:,} bytes. Is it damaged?")
            file.seek(-4, io.SEEK_CUR)
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
        if not all(0 <= size <= sys.maxsize for size in shape):
            raise UserError(f"{where}: {name} says that it has the shape {shape}. Is it damaged?")
        claimed = math.prod(shape) * dtype.itemsize
        held = member.file_size - file.tell()
    if claimed != held and not dtype.hasobject:
        raise UserError(
            f"{where}: {name} says that it has the shape {shape} of {dtype}, {claimed:,} bytes, but the file"
            f" holds {held:,}. Is it damaged or cut off?"
        )
    return shape, dtype


def arrays_from(found: dict[str, Array], *, classes: int | None = None) -> Arrays:
    """Brings a user's arrays to the types and scales of `Arrays`.

    Args:
        found: The four arrays by name.
        classes: The number of classes, None to count them.

    Raises:
        UnfitArrays: The arrays cannot be brought there.
    """
    x_train, x_test = (_inputs(name, found[name]) for name in ("x_train", "x_test"))
    y_train, y_test = (_targets(name, found[name]) for name in ("y_train", "y_test"))
    if y_train.dtype != y_test.dtype:
        raise UnfitArrays("one of y_train and y_test holds integers (labels), the other floats (targets)")
    if classes is not None:
        check_whole_number("classes", classes, least=2)
    num_classes: int | None = None
    warnings: tuple[str, ...] = ()
    if y_train.dtype == np.int64:
        num_classes = classes
        if classes is None:
            num_classes, warnings = _count_classes(y_train, y_test)
    elif classes is not None:
        raise UnfitArrays(
            f"classes is {classes}, but y_train holds floats: regression targets have no classes"
        )
    return Arrays(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        num_classes=num_classes,
        warnings=warnings,
    )


def _inputs(name: str, x: Array) -> Array:
    if x.dtype == np.uint8:
        images = x.astype(np.float32) / np.float32(255)
        return images[..., np.newaxis] if images.ndim == 3 else images
    if x.dtype == np.bool_ or np.issubdtype(x.dtype, np.floating):
        return x.astype(np.float32, copy=False)
    raise UnfitArrays(
        f"{name} holds {x.dtype}; save images as uint8 (0 to 255) and other features as float32"
    )


def _targets(name: str, y: Array) -> Array:
    if np.issubdtype(y.dtype, np.floating):
        targets = y.astype(np.float32, copy=False)
        if targets.ndim == 2 and targets.shape[1] > 1 and _is_one_hot(targets):
            raise UnfitArrays(f"{name} is one-hot; save class numbers: {name}.argmax(axis=1)")
        return targets[:, np.newaxis] if targets.ndim == 1 else targets
    if not np.issubdtype(y.dtype, np.integer):
        raise UnfitArrays(
            f"{name} holds {y.dtype}; labels are integers from 0, regression targets are floats"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise UnfitArrays(
            f"{name} holds integers of shape {y.shape}; class numbers are [samples]"
            + (f": {name}.argmax(axis=1)" if y.ndim == 2 else "")
        )
    if y.dtype == np.uint64 and y.size and y.max() > np.iinfo(np.int64).max:
        raise UnfitArrays(f"{name} holds the label {y.max()}; classes are numbered from 0")
    return y.astype(np.int64)


def _is_one_hot(targets: Array) -> bool:
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all())


def _count_classes(y_train: Array, y_test: Array) -> tuple[int, tuple[str, ...]]:
    """Counts the classes from 0 to the highest label, with a warning if some have no sample."""
    labels = np.concatenate([y_train, y_test])
    if labels.size == 0:
        raise UnfitArrays("y_train and y_test are empty")
    if labels.min() != 0:
        raise UnfitArrays(
            f"labels go from {labels.min()} to {labels.max()}; classes are counted from 0. Subtract the"
            " lowest, or write recipe.data.classes where the first ones just do not occur"
        )
    present = np.unique(labels)
    count = int(present[-1]) + 1
    if count == len(present):
        return count, ()
    before, after = next((a, b) for a, b in itertools.pairwise(present.tolist()) if b - a > 1)
    gap = f"no sample has the label {before + 1}" + (f" to {after - 1}" if after - before > 2 else "")
    found = f"labels go from 0 to {count - 1}, but only {len(present)} different ones occur ({gap}, for one)"
    if count > max(_FEW_CLASSES, len(labels)):
        raise UnfitArrays(f"{found}; that would make {count:,} classes. Is one label a mistake?")
    return count, (
        f"{found}: {count} classes are counted. Is one a mistake? recipe.data.classes says how many there"
        " are.",
    )
