import functools
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runner.datasets import fashion_mnist as module
from runner.datasets import load_dataset
from runner.datasets.idx import FILES
from runner.process.errors import UserError
from runner.recipe.recipe import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ARRAYS = {
    "x_train": np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8),
    "y_train": np.repeat(np.arange(10, dtype=np.uint8), 2),
    "x_test": np.random.default_rng(1).integers(0, 256, (10, 28, 28), np.uint8),
    "y_test": np.arange(10, dtype=np.uint8),
}


def write_idx(folder: Path) -> dict[str, str]:
    """Writes the four files, gzipped; returns the SHA-256 of what is packed in each, by array."""
    folder.mkdir(parents=True)
    sums = {}
    for name, array in ARRAYS.items():
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
        (folder / f"{FILES[name]}.gz").write_bytes(gzip.compress(content, mtime=0))
        sums[name] = hashlib.sha256(content).hexdigest()
    return sums


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras cache and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:9")
    return tmp_path / "keras" / "datasets" / "fashion-mnist"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server on this machine in Keras's place; returns the folder that it serves."""
    monkeypatch.setattr(module, "CONTENT_SHA256", write_idx(tmp_path / "www"))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Handler, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(module, "URL", f"http://127.0.0.1:{server.server_port}")
        yield tmp_path / "www"
        server.shutdown()


def test_a_folder_of_idx_files_is_read(tmp_path: Path) -> None:
    write_idx(tmp_path / "files")
    made = load_dataset(Data(name="fashion_mnist", path=str(tmp_path / "files")))
    assert (made.source, made.num_classes) == ("fashion_mnist", 10)
    np.testing.assert_array_equal(made.x_test[..., 0], ARRAYS["x_test"] / np.float32(255))
    np.testing.assert_array_equal(made.y_train, ARRAYS["y_train"])


def test_an_archive_is_the_same_data(tmp_path: Path) -> None:
    write_idx(tmp_path / "files")
    np.savez(tmp_path / "same.npz", allow_pickle=False, **ARRAYS)
    folder, archive = (
        load_dataset(Data(name="fashion_mnist", path=str(tmp_path / name))) for name in ("files", "same.npz")
    )
    assert folder.sha256 == archive.sha256


def test_mnist_reads_idx_files_too(tmp_path: Path) -> None:
    write_idx(tmp_path / "files")
    assert len(load_dataset(Data(name="mnist", path=str(tmp_path / "files"))).x_train) == 20


def test_other_images_are_refused(tmp_path: Path) -> None:
    x, y = np.zeros((4, 8, 8), np.uint8), np.arange(4)
    np.savez(tmp_path / "other.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(UserError, match=r"shape \(8, 8, 1\); Fashion-MNIST has 28x28"):
        load_dataset(Data(name="fashion_mnist", path=str(tmp_path / "other.npz")))


def test_the_cache_comes_before_the_network(cache: Path) -> None:
    write_idx(cache)
    assert load_dataset(Data(name="fashion_mnist")).source == "fashion_mnist"


def test_a_download_is_kept_as_keras_keeps_it(cache: Path, served: Path) -> None:
    assert len(load_dataset(Data(name="fashion_mnist")).x_train) == 20
    assert {path.name for path in cache.iterdir()} == {f"{name}.gz" for name in FILES.values()}
    (served / f"{FILES['x_train']}.gz").unlink()  # The second time nothing is asked for.
    assert len(load_dataset(Data(name="fashion_mnist")).x_train) == 20


def test_a_damaged_cache_is_downloaded_again(cache: Path, served: Path) -> None:
    write_idx(cache)
    (cache / f"{FILES['x_train']}.gz").write_bytes(b"\x1f\x8b")
    assert len(load_dataset(Data(name="fashion_mnist")).x_train) == 20


@pytest.mark.parametrize("content", [b"<html>sorry</html>", gzip.compress(b"other", mtime=0)])
def test_what_is_not_the_published_file_is_not_used(cache: Path, served: Path, content: bytes) -> None:
    (served / f"{FILES['y_test']}.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"Fashion-MNIST is not in Keras's cache, .* checksum is wrong"):
        load_dataset(Data(name="fashion_mnist"))
    assert not (cache / f"{FILES['y_test']}.gz").exists()


def test_without_cache_and_network_the_ways_out_are_named(cache: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_dataset(Data(name="fashion_mnist"))
    assert str(cache) in str(caught.value)
    assert "recipe.data.path=" in str(caught.value)


def test_the_files_of_debian_are_the_published_ones() -> None:
    if not DEBIAN.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    made = load_dataset(Data(name="fashion_mnist", path=str(DEBIAN)))
    assert (made.x_train.shape, made.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert np.bincount(made.y_train).tolist() == [6000] * 10
    for array, name in FILES.items():
        content = gzip.decompress((DEBIAN / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == module.CONTENT_SHA256[array]
