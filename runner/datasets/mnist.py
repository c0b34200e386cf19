"""The `mnist` data set: from a file or folder, Keras's cache, or the network."""

import io
from functools import partial
from pathlib import Path

from runner.datasets.dataset import DATASETS, Arrays
from runner.datasets.idx import as_mnist_format, read_mnist_format
from runner.datasets.npz import read_npz
from runner.datasets.published import cache_folder, fetch, has_sha256, load_published

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
# What Keras's own mnist.load_data() expects.
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
DOWNLOAD_SECONDS = 120.0
_TITLE = "MNIST"


@DATASETS.register("mnist")
def mnist(*, path: Path | None = None) -> Arrays:
    """Loads MNIST: 60,000 training and 10,000 test images of handwritten digits, `[28, 28, 1]`.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998.

    Args:
        path: A file like Keras's `mnist.npz`, or a folder with the four idx files, gzipped or not. None reads
            Keras's cache or downloads.

    Raises:
        UserError: The file or folder is missing or damaged.
        UnfitArrays: It holds other data than 28x28 images of ten classes.
        DataUnavailable: No path is given, and neither the cache nor the network has the data.
    """
    cached = cache_folder() / "mnist.npz"

    def download() -> Arrays:
        content = fetch(URL, cached, is_expected=has_sha256(FILE_SHA256), total_seconds=DOWNLOAD_SECONDS)
        return as_mnist_format(read_npz(io.BytesIO(content), where=URL), title=_TITLE)

    read = partial(read_mnist_format, title=_TITLE)
    return load_published(_TITLE, path, cached=[cached], read=read, download=download)
