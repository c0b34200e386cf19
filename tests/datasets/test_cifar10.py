import functools
import hashlib
import http.server
import io
import pickle
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from runner.datasets import cifar10 as cifar10_module
from runner.datasets import load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
RNG = np.random.default_rng(0)
# Two images a file, as [samples, 3072]: red, green, blue, each row by row.
PLANES = {name: RNG.integers(0, 256, (2, 3072), np.uint8) for name in NAMES}
LABELS = {name: [2 * n % 10, (2 * n + 1) % 10] for n, name in enumerate(NAMES)}


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its texts, which is how CIFAR-10's files were made."""

    write: Callable[[bytes], object]
    memoize: Callable[[object], None]
    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    def save_str(self, value: str) -> None:
        self.save_bytes(value.encode("latin1"))

    dispatch[bytes] = save_bytes
    dispatch[str] = save_str


def pickled(batch: dict[bytes, object]) -> bytes:
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(batch)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def batch_file(name: str) -> bytes:
    return pickled(
        {
            b"batch_label": b"a batch",
            b"labels": LABELS[name],
            b"data": PLANES[name],
            b"filenames": [b"a", b"b"],
        }
    )


def write_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(batch_file(name))
    (folder / "batches.meta").write_bytes(b"not looked at")
    return folder


def archive(names: list[str] = NAMES) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name in names:
            content = batch_file(name)
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def write_npz(path: Path, **changed: Any) -> Path:
    x, y = RNG.integers(0, 256, (6, 32, 32, 3), np.uint8), np.arange(6, dtype=np.uint8)[:, None]
    np.savez(path, **({"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]} | changed))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras cache and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(cifar10_module, "URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """A server on this machine in the place of Toronto's."""
    content = archive()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "cifar.tar.gz").write_bytes(content)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Handler, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(cifar10_module, "URL", f"http://127.0.0.1:{server.server_port}/cifar.tar.gz")
        monkeypatch.setattr(cifar10_module, "FILE_SHA256", hashlib.sha256(content).hexdigest())
        yield content
        server.shutdown()


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        load_dataset(Data("cifar10", str(path), fallback="digits"))
    message = str(refused.value)
    assert message.startswith(f"recipe.data.path: {path}: ")
    return message.removeprefix(f"recipe.data.path: {path}: ")


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
def test_keras_own_files_are_found_in_its_cache(cache: Path, place: str) -> None:
    write_folder(cache / place)

    made = load_dataset(Data("cifar10", fallback="digits"))

    assert (made.source, made.num_classes, made.note) == ("cifar10", 10, None)
    assert (made.x_train.shape, made.x_test.shape) == ((10, 32, 32, 3), (2, 32, 32, 3))
    np.testing.assert_array_equal(made.y_train, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    np.testing.assert_array_equal(made.y_test, [0, 1])
    # The blue of the pixel in row 4, column 5, of the second image of the third file.
    blue = PLANES["data_batch_3"][1, 2 * 1024 + 4 * 32 + 5]
    assert made.x_train[5, 4, 5, 2] == np.float32(blue) / np.float32(255)
    assert made.x_train.dtype == np.float32


def test_keras_reads_the_same_from_the_same_files(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tf_keras.src.datasets import cifar

    write_folder(cache / "cifar-10-batches-py")
    made = load_dataset(Data("cifar10"))

    images, labels = cifar.load_batch(str(cache / "cifar-10-batches-py" / "data_batch_2"))

    np.testing.assert_array_equal(made.x_train[2:4], images.transpose(0, 2, 3, 1) / np.float32(255))
    np.testing.assert_array_equal(made.y_train[2:4], labels)


def test_an_archive_in_the_cache_is_read_too(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "cifar-10-batches-py.tar.gz").write_bytes(archive())

    made = load_dataset(Data("cifar10"))

    assert made.sha256 == load_dataset(Data("cifar10", str(write_folder(cache / "elsewhere")))).sha256
    # Nothing is unpacked beside it.
    assert sorted(path.name for path in cache.iterdir()) == ["cifar-10-batches-py.tar.gz", "elsewhere"]


def test_a_download_is_kept_in_the_cache_as_keras_would(cache: Path, served: bytes) -> None:
    assert len(load_dataset(Data("cifar10")).x_train) == 10
    assert [path.name for path in cache.iterdir()] == ["cifar-10-batches-py.tar.gz"]
    assert (cache / "cifar-10-batches-py.tar.gz").read_bytes() == served


def test_a_damaged_cache_is_downloaded_again(cache: Path, served: bytes) -> None:
    (write_folder(cache / "cifar-10-batches-py") / "data_batch_4").write_bytes(
        batch_file("data_batch_4")[:900]
    )

    assert len(load_dataset(Data("cifar10")).x_train) == 10


def test_a_download_with_a_wrong_checksum_is_not_used(
    cache: Path, served: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_module, "FILE_SHA256", "0" * 64)

    with pytest.raises(UserError, match="checksum is wrong"):
        load_dataset(Data("cifar10"))
    assert not cache.exists()


def test_without_data_the_fallback_is_used_and_said() -> None:
    made = load_dataset(Data("cifar10", fallback="digits"))

    assert (made.source, made.requested, made.fell_back) == ("digits", "cifar10", True)
    assert "'digits' in place of 'cifar10': CIFAR-10 is not in Keras's cache" in str(made.note)


def test_without_a_fallback_the_ways_out_are_named(cache: Path) -> None:
    (write_folder(cache / "cifar-10-batches-py") / "test_batch").unlink()

    with pytest.raises(UserError) as refused:
        load_dataset(Data("cifar10"))

    message = str(refused.value)
    for part in (
        str(cache / "cifar-10-batches-py"),
        "test_batch cannot be read (No such file or directory)",
        "Connection refused",
        "recipe.data.path=",
        "recipe.data.name=digits",
    ):
        assert part in message


def test_an_npz_is_read_with_labels_of_either_shape(tmp_path: Path) -> None:
    columns = load_dataset(Data("cifar10", str(write_npz(tmp_path / "columns.npz"))))

    assert (columns.source, columns.num_classes) == ("cifar10", 10)
    assert (columns.x_train.shape, columns.x_train.max() <= 1) == ((6, 32, 32, 3), True)
    np.testing.assert_array_equal(columns.y_train, np.arange(6))
    plain = write_npz(tmp_path / "plain.npz", y_train=np.arange(6), y_test=np.arange(2))
    np.testing.assert_array_equal(load_dataset(Data("cifar10", str(plain))).y_train, np.arange(6))


def test_a_given_folder_or_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive())
    folder = write_folder(tmp_path / "batches")

    one, other = (
        load_dataset(Data("cifar10", str(p))) for p in (folder, tmp_path / "cifar-10-python.tar.gz")
    )

    assert one.sha256 == other.sha256


def test_what_is_given_must_be_there_and_whole(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.npz") == "there is no such file"
    folder = write_folder(tmp_path / "batches")
    (folder / "data_batch_2").unlink()
    assert refusal(folder).startswith(
        "data_batch_2 cannot be read (No such file or directory); the folder needs"
    )
    short = tmp_path / "short.tar.gz"
    short.write_bytes(archive(NAMES[:4]))
    assert refusal(short) == "data_batch_5, test_batch missing in the archive"
    short.write_bytes(archive()[:9000])
    assert "Is it damaged or cut off?" in refusal(short)
    folder = write_folder(tmp_path / "cut")
    (folder / "test_batch").write_bytes(batch_file("test_batch")[:1000])
    assert refusal(folder).startswith("test_batch is damaged, or")


def test_other_images_are_not_taken_for_cifar(tmp_path: Path) -> None:
    first = RNG.integers(0, 256, (6, 3, 32, 32), np.uint8)
    path = write_npz(tmp_path / "channels_first.npz", x_train=first, x_test=first[:2])

    assert refusal(path).startswith(
        "one image of x_train has the shape (3, 32, 32); CIFAR-10 has 32x32 images of three channels, the"
    )
    labels = np.full((6, 1), 12, np.uint8)
    assert "labels from 12 to 12; 10 classes" in refusal(write_npz(tmp_path / "cifar100.npz", y_train=labels))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code has run",)


def test_no_code_of_a_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "batches")
    evil = {b"data": Evil(), b"labels": [1]}
    (folder / "data_batch_1").write_bytes(pickle.dumps(evil))

    assert refusal(folder) == "data_batch_1 is damaged, or holds more than arrays (it names builtins.print)"
    assert capsys.readouterr().out == ""


def test_a_file_that_is_too_large_for_a_batch_is_not_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder")
    with (folder / "data_batch_2").open("r+b") as file:
        file.truncate(300_000_000)  # Sparse: it takes no room on the disk.
    packed = tmp_path / "cifar.tar.gz"
    with tarfile.open(packed, "w:gz") as made:
        made.add(folder / "data_batch_2", "data_batch_2")

    for path in (folder, packed):
        assert refusal(path) == "data_batch_2 has 300,000,000 bytes, more than a batch of CIFAR-10"
