"""The `mnist` data set: Keras's `mnist.npz`, from a given file, its cache, or the network."""

import io
from pathlib import Path

import numpy as np

from runner.datasets.dataset import DATASETS, Array, Arrays, DataUnavailable, UnfitArrays
from runner.datasets.keras_cache import cache_folder, fetch
from runner.datasets.npz import arrays_from, read_npz
from runner.errors import UserError

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
# What Keras's own mnist.load_data() expects.
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
DOWNLOAD_SECONDS = 120.0


@DATASETS.register("mnist")
def mnist(*, path: Path | None = None) -> Arrays:
    """Loads MNIST: 60,000 training and 10,000 test images of handwritten digits, `[28, 28, 1]`.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998.

    Args:
        path: A file like Keras's `mnist.npz`. None looks into Keras's cache and then downloads.

    Raises:
        UserError: The given file is missing or damaged.
        UnfitArrays: The given file holds other data than 28x28 images of ten classes.
        DataUnavailable: No path is given, and neither the cache nor the network has the data.
    """
    if path is not None:
        return _as_mnist(read_npz(path, where=f"recipe.data.path: {path}"))
    cached = cache_folder() / "mnist.npz"
    damage = ""
    if cached.is_file():
        try:
            found = _as_mnist(read_npz(cached, where=str(cached)))
        except (UserError, UnfitArrays) as error:
            damage = f" (the file there is of no use: {error})"
        else:
            return found
    try:
        content = fetch(URL, cached, sha256=FILE_SHA256, total_seconds=DOWNLOAD_SECONDS)
    except OSError as error:
        raise DataUnavailable(
            f"MNIST is not in Keras's cache, {cached}{damage}, and cannot be downloaded ({error})"
        ) from error
    return _as_mnist(read_npz(io.BytesIO(content), where=URL))


def _as_mnist(found: dict[str, Array]) -> Arrays:
    arrays = arrays_from(found, classes=10 if np.issubdtype(found["y_train"].dtype, np.integer) else None)
    if arrays.num_classes is None or arrays.x_train.shape[1:] != (28, 28, 1):
        raise UnfitArrays(
            f"one image of x_train has the shape {arrays.x_train.shape[1:]}; MNIST has 28x28 images and the"
            " labels 0 to 9. Other data is read by recipe.data.name=npz"
        )
    return arrays
