"""The `mnist` data set: Keras's `mnist.npz`, from a given file, its cache, or the network."""

import hashlib
import http.client
import io
import os
import tempfile
import threading
import urllib.request
from pathlib import Path

import numpy as np

from runner.datasets.dataset import DATASETS, Array, Arrays, DataUnavailable, UnfitArrays
from runner.datasets.npz import arrays_from, read_npz
from runner.errors import UserError

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
# What Keras's own mnist.load_data() expects.
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
ANSWER_SECONDS = 10.0
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
    cached = cache_path()
    damage = ""
    if cached.is_file():
        try:
            found = _as_mnist(read_npz(cached, where=str(cached)))
        except (UserError, UnfitArrays) as error:
            damage = f" (the file there is of no use: {error})"
        else:
            return found
    try:
        content = download(URL, answer_seconds=ANSWER_SECONDS, total_seconds=DOWNLOAD_SECONDS)
    except OSError as error:
        raise DataUnavailable(
            f"MNIST is not in Keras's cache, {cached}{damage}, and cannot be downloaded ({error})"
        ) from error
    if hashlib.sha256(content).hexdigest() != FILE_SHA256:
        raise DataUnavailable(
            f"MNIST is not in Keras's cache, {cached}{damage}, and what {URL} sent is something else: its"
            " checksum is wrong"
        )
    _keep(content, cached)
    return _as_mnist(read_npz(io.BytesIO(content), where=URL))


def cache_path() -> Path:
    """Returns where Keras keeps `mnist.npz`."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or os.path.expanduser("~/.keras")) / "datasets" / "mnist.npz"


def download(url: str, *, answer_seconds: float, total_seconds: float) -> bytes:
    """Fetches a file, and gives up in time: a name server that never answers is no reason to hang.

    Args:
        url: The address.
        answer_seconds: The longest wait for an answer, > 0.
        total_seconds: The longest wait for the rest of it, > 0.

    Raises:
        OSError: No answer, an error for an answer, or too slow.
    """
    answered = threading.Event()
    received: list[bytes] = []
    problems: list[Exception] = []

    def fetch() -> None:
        try:
            with urllib.request.urlopen(url, timeout=answer_seconds) as response:
                answered.set()
                received.append(response.read())
        except (OSError, http.client.HTTPException) as error:
            problems.append(error)
        finally:
            answered.set()

    # Looking up a name has no timeout of its own, so the thread may outlive the wait; a daemon may.
    thread = threading.Thread(target=fetch, name="mnist-download", daemon=True)
    thread.start()
    if not answered.wait(answer_seconds):
        raise TimeoutError(f"no answer within {answer_seconds:g} s")
    thread.join(total_seconds)
    if problems:
        reason = getattr(problems[0], "reason", problems[0])
        raise OSError(str(reason) or type(reason).__name__) from problems[0]
    if not received:
        raise TimeoutError(f"not complete within {total_seconds:g} s")
    return received[0]


def _keep(content: bytes, path: Path) -> None:
    """Puts a download into the cache, whole or not at all; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(part, path)
    except OSError:
        return


def _as_mnist(found: dict[str, Array]) -> Arrays:
    arrays = arrays_from(found, classes=10 if np.issubdtype(found["y_train"].dtype, np.integer) else None)
    if arrays.num_classes is None or arrays.x_train.shape[1:] != (28, 28, 1):
        raise UnfitArrays(
            f"one image of x_train has the shape {arrays.x_train.shape[1:]}; MNIST has 28x28 images and the"
            " labels 0 to 9. Other data is read by recipe.data.name=npz"
        )
    return arrays
