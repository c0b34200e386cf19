import functools
import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runner.datasets import DataUnavailable, load_dataset
from runner.datasets import mnist as mnist_module
from runner.process.errors import UserError
from runner.recipe.recipe import Data

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "mnist.npz"


def small_archive() -> bytes:
    """Two images of each class, in MNIST's format."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    labels = np.repeat(np.arange(10, dtype=np.uint8), 2)
    buffer = io.BytesIO()
    np.savez(buffer, x_train=images, y_train=labels, x_test=images[::2], y_test=labels[::2])
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras cache and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(mnist_module, "URL", "http://127.0.0.1:9/mnist.npz")
    return tmp_path / "keras" / "datasets" / "mnist.npz"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """A server on this machine in Keras's place."""
    content = small_archive()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "mnist.npz").write_bytes(content)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Handler, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mnist_module, "URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
        monkeypatch.setattr(mnist_module, "FILE_SHA256", hashlib.sha256(content).hexdigest())
        yield content
        server.shutdown()


def test_a_given_file_comes_first(tmp_path: Path, served: bytes) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(small_archive())
    made = load_dataset(Data(path=str(path), fallback="digits"))
    assert (made.source, made.num_classes, made.x_train.shape) == ("mnist", 10, (20, 28, 28, 1))


def test_a_given_file_that_is_missing_does_not_fall_back(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"recipe\.data\.path: .*none\.npz: there is no such file"):
        load_dataset(Data(path=str(tmp_path / "none.npz"), fallback="digits"))


def test_other_images_are_not_taken_for_mnist(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    x, y = np.zeros((4, 8, 8), np.uint8), np.arange(4)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(UserError, match=r"shape \(8, 8, 1\); MNIST has 28x28 .* recipe\.data\.name=npz"):
        load_dataset(Data(path=str(path)))


def test_the_cache_comes_before_the_network(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(small_archive())
    made = load_dataset(Data(fallback="digits"))
    assert (made.source, len(made.x_train), made.note) == ("mnist", 20, None)


def test_a_download_is_kept_in_the_cache(cache: Path, served: bytes) -> None:
    made = load_dataset(Data())
    assert made.source == "mnist"
    assert cache.read_bytes() == served
    assert list(cache.parent.iterdir()) == [cache]


def test_a_damaged_cache_is_downloaded_again(cache: Path, served: bytes) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(served[:1000])
    assert len(load_dataset(Data()).x_train) == 20
    assert cache.read_bytes() == served


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, served: bytes) -> None:
    (tmp_path / "keras").write_text("a file where the folder should be")
    assert load_dataset(Data()).source == "mnist"


def test_a_download_with_a_wrong_checksum_is_not_used(
    cache: Path, served: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_module, "FILE_SHA256", "0" * 64)
    with pytest.raises(UserError, match="checksum is wrong"):
        load_dataset(Data())
    assert not cache.exists()


def test_the_fallback_is_used_and_said(cache: Path) -> None:
    made = load_dataset(Data(fallback="digits"))
    assert (made.source, made.requested, made.fell_back) == ("digits", "mnist", True)
    assert "'digits' in place of 'mnist'" in str(made.note)
    assert made.sha256 == load_dataset(Data(name="digits")).sha256


def test_without_a_fallback_the_ways_out_are_named(cache: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_dataset(Data())
    message = str(caught.value)
    for part in (str(cache), "recipe.data.path=", "recipe.data.name=digits", "Connection refused"):
        assert part in message
    assert not isinstance(caught.value, DataUnavailable)


def test_an_unknown_fallback_is_refused_even_where_it_is_not_needed(cache: Path) -> None:
    with pytest.raises(
        UserError, match=r"recipe\.data\.fallback: there is no dataset 'digit'\. Did you mean"
    ):
        load_dataset(Data(name="digits", fallback="digit"))


def test_real_mnist() -> None:
    if not REAL.exists():
        pytest.skip("there is no ../shared/data/mnist.npz beside this repository")
    made = load_dataset(Data(path=str(REAL)))
    assert (made.x_train.shape, made.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    np.testing.assert_array_equal(made.y_train[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    assert made.x_train.max() == 1.0
    assert made.sha256 == load_dataset(Data(name="npz", path=str(REAL))).sha256
