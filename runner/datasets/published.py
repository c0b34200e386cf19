"""Published data sets: read from a given path, from Keras's cache, or from the network.

Downloads are our own since `tf_keras.utils.get_file` has no timeout: it waits for a silent server for ever.
"""

import hashlib
import http.client
import os
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.datasets.dataset import Arrays, DataUnavailable, UnfitArrays
from runner.process.errors import UserError

ANSWER_SECONDS = 10.0


def cache_folder() -> Path:
    """Returns the folder that Keras keeps data sets in."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or os.path.expanduser("~/.keras")) / "datasets"


def load_published(
    title: str,
    path: Path | None,
    *,
    cached: Sequence[Path],
    read: Callable[[Path, str], Arrays],
    download: Callable[[], Arrays],
) -> Arrays:
    """Loads a published data set from a given path, or else from Keras's cache or the network.

    Args:
        title: Its name in messages, such as `MNIST`.
        path: The file or folder that the recipe names; None reads the cache or downloads.
        cached: Where Keras may have kept it; messages name the first.
        read: Reads a file or folder; its second argument names the place in messages.
        download: Downloads the data set and keeps it in the cache.

    Raises:
        UserError: The given path is missing or damaged.
        UnfitArrays: The given path holds other data.
        DataUnavailable: No path is given, and neither the cache nor the network has the data.
    """
    if path is not None:
        return read(path, f"recipe.data.path: {path}")
    damage = ""
    for place in cached:
        if place.exists():
            try:
                return read(place, str(place))
            except (UserError, UnfitArrays) as error:
                damage += f" (what is there cannot be used: {error})"
    try:
        return download()
    except OSError as error:
        raise DataUnavailable(
            f"{title} is not in Keras's cache, {cached[0]}{damage}, and cannot be downloaded ({error})"
        ) from error


def fetch(url: str, kept: Path, *, is_expected: Callable[[bytes], bool], total_seconds: float) -> bytes:
    """Downloads a file and keeps it in the cache, if that can be written.

    Args:
        url: The address.
        kept: The file in the cache.
        is_expected: Checks the content; see `has_sha256`.
        total_seconds: The longest wait after the first byte, > 0.

    Raises:
        OSError: No answer, too slow an answer, or another file than expected.
    """
    content = download(url, answer_seconds=ANSWER_SECONDS, total_seconds=total_seconds)
    if not is_expected(content):
        raise OSError(f"what {url} sent is something else: its checksum is wrong")
    _keep(content, kept)
    return content


def has_sha256(expected: str) -> Callable[[bytes], bool]:
    """Returns a function that checks a file's SHA-256, in hex."""
    return lambda content: hashlib.sha256(content).hexdigest() == expected


def download(url: str, *, answer_seconds: float, total_seconds: float) -> bytes:
    """Downloads a file within limits of time, even where a name server never answers.

    Args:
        url: The address.
        answer_seconds: The longest wait for the answer to begin, > 0.
        total_seconds: The longest wait for the rest, > 0.

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

    # The look-up of a name has no timeout, so the thread may outlive the wait, which a daemon may.
    thread = threading.Thread(target=fetch, name="download", daemon=True)
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
    """Writes a download to the cache, whole or not at all; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(part, path)
    except OSError:
        return
