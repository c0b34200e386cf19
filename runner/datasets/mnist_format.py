"""MNIST's format, which other data sets share: 28x28 grey images of ten classes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runner.datasets.dataset import Array, Arrays, UnfitArrays
from runner.datasets.idx import read_idx_folder
from runner.datasets.npz import arrays_from, read_npz


def read_mnist_format(path: Path, where: str, *, title: str) -> Arrays:
    """Reads images and labels from a `.npz` file or a folder of idx files.

    Args:
        path: An archive with `x_train`, `y_train`, `x_test` and `y_test`; or a folder with the four idx files
            as they were published, gzipped or not.
        where: The key and file that the messages name.
        title: What the data set is called in messages, such as `MNIST`.

    Raises:
        UserError: It is missing or damaged.
        UnfitArrays: It holds other data than 28x28 images of ten classes.
    """
    found = read_idx_folder(path, where=where) if path.is_dir() else read_npz(path, where=where)
    return as_mnist_format(found, title=title)


def as_mnist_format(found: Mapping[str, Array], *, title: str) -> Arrays:
    """Makes a data set of the four arrays.

    Args:
        found: `x_train`, `y_train`, `x_test` and `y_test`: images `[samples, 28, 28]` and labels 0 to 9.
        title: What the data set is called in messages.

    Raises:
        UnfitArrays: They are of other shapes or classes.
    """
    integers = np.issubdtype(found["y_train"].dtype, np.integer)
    arrays = arrays_from(dict(found), classes=10 if integers else None)
    if arrays.num_classes is None or arrays.x_train.shape[1:] != (28, 28, 1):
        raise UnfitArrays(
            f"one image of x_train has the shape {arrays.x_train.shape[1:]}; {title} has 28x28 images and the"
            " labels 0 to 9. Other data is read by recipe.data.name=npz"
        )
    return arrays
