"""The `cifar10` data set: from a file or folder, Keras's cache, or the network."""

import io
import lzma
import pickle
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from runner.datasets.dataset import DATASETS, Array, Arrays, UnfitArrays
from runner.datasets.npz import arrays_from, read_npz
from runner.datasets.published import cache_folder, fetch, has_sha256, load_published
from runner.process.errors import UserError
from runner.process.named_file import check_regular

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
# What Keras's own cifar10.load_data() expects.
FILE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_MOST_BYTES = 1 << 26  # A file of CIFAR-10 has 31 MB.
DOWNLOAD_SECONDS = 900.0  # 170 MB
FOLDER = "cifar-10-batches-py"
TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"


@DATASETS.register("cifar10")
def cifar10(*, path: Path | None = None) -> Arrays:
    """Loads CIFAR-10: 50,000 training and 10,000 test photographs of ten classes, `[32, 32, 3]`, in [0, 1].

    They are not centred; a batch norm after the first convolution, as in `resnet20`, compensates for that.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

    Args:
        path: A `.npz` file with `x_train`, `y_train`, `x_test` and `y_test`, labels `[samples]` or
            `[samples, 1]`; or the folder `cifar-10-batches-py`, or its `.tar.gz`. None reads Keras's cache
            or downloads.

    Raises:
        UserError: The file or folder is missing or damaged.
        UnfitArrays: It holds other data than 32x32 colour images of ten classes.
        DataUnavailable: No path is given, and neither the cache nor the network has the data.
    """
    cache = cache_folder()
    kept = cache / f"{FOLDER}.tar.gz"

    def download() -> Arrays:
        content = fetch(URL, kept, is_expected=has_sha256(FILE_SHA256), total_seconds=DOWNLOAD_SECONDS)
        return _as_cifar(_arrays_of(_archived(io.BytesIO(content), URL), URL))

    cached = [cache / FOLDER, cache / f"{FOLDER}-target" / FOLDER, kept]
    return load_published("CIFAR-10", path, cached=cached, read=_read, download=download)


def _read(path: Path, where: str) -> Arrays:
    if path.is_dir():
        return _as_cifar(_arrays_of(_in_folder(path, where), where))
    check_regular(path, where)
    if path.is_file() and tarfile.is_tarfile(path):
        with path.open("rb") as file:
            return _as_cifar(_arrays_of(_archived(file, where), where))
    return _as_cifar(read_npz(path, where=where))


def _in_folder(folder: Path, where: str) -> dict[str, bytes]:
    """Returns the content of the six files by their names."""
    try:
        for name in (*TRAINING, TEST):
            check_regular(folder / name, f"{where}: {name}")
            _check_size(name, (folder / name).stat().st_size, where)
        return {name: (folder / name).read_bytes() for name in (*TRAINING, TEST)}
    except OSError as error:
        raise UserError(
            f"{where}: {Path(str(error.filename)).name} cannot be read ({error.strerror}); the folder needs"
            f" {TRAINING[0]} to {TRAINING[-1]} and {TEST}"
        ) from error


def _archived(file: IO[bytes], where: str) -> dict[str, bytes]:
    """Returns the content of the six files in a `.tar.gz`, without unpacking it to the disk."""
    found = {}
    try:
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            for member in archive:
                name = Path(member.name).name
                content = archive.extractfile(member) if name in (*TRAINING, TEST) else None
                if content is not None:
                    _check_size(name, member.size, where)
                    found[name] = content.read()
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise UserError(f"{where}: the file cannot be read ({error}). Is it damaged or cut off?") from error
    missing = [name for name in (*TRAINING, TEST) if name not in found]
    if missing:
        raise UserError(f"{where}: {', '.join(missing)} missing in the archive")
    return found


def _check_size(name: str, size: int, where: str) -> None:
    if size > _MOST_BYTES:
        raise UserError(f"{where}: {name} has {size:,} bytes, more than a batch of CIFAR-10")


def _arrays_of(files: Mapping[str, bytes], where: str) -> dict[str, Array]:
    batches = {name: _unpickled(content, f"{where}: {name}") for name, content in files.items()}
    return {
        "x_train": np.concatenate([batches[name][0] for name in TRAINING]),
        "y_train": np.concatenate([batches[name][1] for name in TRAINING]),
        "x_test": batches[TEST][0],
        "y_test": batches[TEST][1],
    }


def _unpickled(content: bytes, where: str) -> tuple[Array, Array]:
    """Reads one file: `[samples, 3072]` bytes, colour plane by colour plane, and as many labels."""
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images = np.asarray(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return images, np.asarray(batch[b"labels"], np.int64)
    except pickle.UnpicklingError as error:
        raise UserError(f"{where} is damaged, or holds more than arrays ({error})") from error
    # A few wrong bytes in a pickle can raise nearly anything.
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, MemoryError) as error:
        raise UserError(f"{where} is damaged, or no batch of CIFAR-10 ({error!r})") from error


class _ArraysOnly(pickle.Unpickler):
    """Reads arrays and plain values only, so that no code named in the file is run."""

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[str, Callable[..., Any]] = {
            "_reconstruct": np.empty(0).__reduce__()[0],  # type: ignore[dict-item]
            "ndarray": np.ndarray,
            "dtype": np.dtype,
        }
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in allowed:
            return allowed[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _as_cifar(found: dict[str, Array]) -> Arrays:
    integers = np.issubdtype(found["y_train"].dtype, np.integer)
    arrays = arrays_from(found, classes=10 if integers else None)
    if arrays.num_classes is None or arrays.x_train.shape[1:] != (32, 32, 3):
        raise UnfitArrays(
            f"one image of x_train has the shape {arrays.x_train.shape[1:]}; CIFAR-10 has 32x32 images of"
            " three channels, the channels last, and the labels 0 to 9. Other data is read by"
            " recipe.data.name=npz"
        )
    return arrays
