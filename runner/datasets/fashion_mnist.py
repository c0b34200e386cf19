"""The `fashion_mnist` data set: from a file or folder, Keras's cache, or the network."""

import hashlib
import zlib
from functools import partial
from pathlib import Path

from runner.datasets.dataset import DATASETS, Arrays
from runner.datasets.idx import FILES, as_mnist_format, parse_idx, read_mnist_format
from runner.datasets.published import cache_folder, fetch, load_published

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
CONTENT_SHA256 = {
    "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of each unpacked file, whatever the compression."""

DOWNLOAD_SECONDS = 120.0
_MOST_BYTES = 1 << 26  # The largest file has 47 MB.
_TITLE = "Fashion-MNIST"


@DATASETS.register("fashion_mnist")
def fashion_mnist(*, path: Path | None = None) -> Arrays:
    """Loads Fashion-MNIST: 60,000 training and 10,000 test images of clothes, `[28, 28, 1]`, ten classes.

    Harder than MNIST, where methods hardly differ at 99 %.

    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
    Learning Algorithms, arXiv 1708.07747.

    Args:
        path: A `.npz` file with `x_train`, `y_train`, `x_test` and `y_test`; or a folder with the four idx
            files, gzipped or not, such as Debian's package `dataset-fashion-mnist` installs. None reads
            Keras's cache or downloads.

    Raises:
        UserError: The file or folder is missing or damaged.
        UnfitArrays: It holds other data than 28x28 images of ten classes.
        DataUnavailable: No path is given, and neither the cache nor the network has the data.
    """
    cached = cache_folder() / "fashion-mnist"

    def download() -> Arrays:
        found = {}
        for array, name in FILES.items():
            url, kept = f"{URL}/{name}.gz", cached / f"{name}.gz"
            published = partial(_is_published, array)
            content = fetch(url, kept, is_expected=published, total_seconds=DOWNLOAD_SECONDS)
            found[array] = parse_idx(content, where=url)
        return as_mnist_format(found, title=_TITLE)

    read = partial(read_mnist_format, title=_TITLE)
    return load_published(_TITLE, path, cached=[cached], read=read, download=download)


def _is_published(array: str, content: bytes) -> bool:
    """Whether a download is the file of one of the four arrays."""
    try:
        unpacked = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, _MOST_BYTES)
    except zlib.error:  # A server's error page, for one.
        return False
    return hashlib.sha256(unpacked).hexdigest() == CONTENT_SHA256[array]
