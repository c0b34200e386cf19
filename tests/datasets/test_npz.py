import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.datasets import Dataset, load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data

IMAGES = np.arange(8 * 4 * 4, dtype=np.uint8).reshape(8, 4, 4)
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1], np.uint8)


def save(path: Path, **changes: Any) -> Path:
    given = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:3], "y_test": LABELS[:3]} | changes
    np.savez(path, **{name: array for name, array in given.items() if array is not None})
    return path


def load(path: Path, **arguments: Any) -> Dataset:
    return load_dataset(Data(name="npz", path=str(path), arguments=arguments))


def test_uint8_images_are_scaled_and_get_a_channel(tmp_path: Path) -> None:
    made = load(save(tmp_path / "a.npz"))
    assert made.x_train.shape == (8, 4, 4, 1)
    expected = np.array([16, 17, 18, 19], np.float32) / np.float32(255)
    np.testing.assert_array_equal(made.x_train[1, 0, :, 0], expected)
    np.testing.assert_array_equal(made.y_train, [0, 1, 2, 0, 1, 2, 0, 1])
    assert made.y_train.dtype == np.int64
    assert (made.num_classes, made.source, made.note) == (3, "npz", None)


def test_floats_are_taken_as_they_are(tmp_path: Path) -> None:
    x = np.linspace(-3, 3, 8 * 5).reshape(8, 5)
    made = load(
        save(tmp_path / "a.npz", x_train=x, x_test=x[:3], y_train=LABELS[:, None], y_test=LABELS[:3, None])
    )
    np.testing.assert_array_equal(made.x_train, x.astype(np.float32))
    assert made.y_train.shape == (8,)


def test_float_targets_are_a_regression(tmp_path: Path) -> None:
    y = np.linspace(0, 1, 8)
    made = load(save(tmp_path / "a.npz", y_train=y, y_test=y[:3]))
    assert made.num_classes is None
    assert made.target_shape == (1,)
    assert made.y_test.dtype == np.float32


def test_the_number_of_classes_can_be_given(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", y_train=LABELS + 1, y_test=LABELS[:3] + 1)
    assert load(path, classes=10).num_classes == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": None}, "x_test missing; the archive holds x_train, y_train, y_test"),
        ({"x_train": None, "xtrain": IMAGES}, "x_train missing.* Did you mean 'xtrain'?"),
        ({"x_train": IMAGES.astype(np.int64)}, "x_train holds int64; save images as uint8"),
        ({"x_train": IMAGES[:7]}, "x_train has 7 samples, y_train has 8"),
        ({"x_test": IMAGES[:3, :3]}, r"x_train has the shape \(4, 4, 1\), of x_test \(3, 4, 1\)"),
        (
            {"x_train": np.full((8, 4), np.inf), "x_test": np.zeros((3, 4))},
            "x_train holds 32 values .* not finite",
        ),
        ({"x_train": np.zeros((0, 4, 4), np.uint8), "y_train": LABELS[:0]}, "x_train is empty"),
        (
            {"y_train": LABELS + 1, "y_test": LABELS[:3] + 1},
            "labels go from 1 to 3; classes are counted from 0",
        ),
        ({"y_train": LABELS.astype(np.int64) - 1}, "labels go from -1 to 2"),
        ({"y_train": np.eye(8, dtype=np.int64)}, r"y_train holds integers of shape \(8, 8\).*argmax"),
        ({"y_train": np.eye(8), "y_test": np.eye(8)[:3]}, "y_train is one-hot; save class numbers"),
        ({"y_test": np.zeros(3)}, "one of y_train and y_test holds integers"),
        (
            {"y_train": np.array([*LABELS[:-1], 2**40])},
            r"0 to 1099511627776, but only 4 different",
        ),
        (
            {"y_train": np.array([*LABELS[:-1], 2**64 - 1], np.uint64)},
            "holds the label 18446744073709551615",
        ),
        ({"y_train": np.array(list("abcabcab"))}, "y_train holds <U1"),
        ({"y_train": np.array([None] * 8)}, "Python objects in it are not loaded"),
    ],
)
def test_wrong_arrays_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = save(tmp_path / "wrong.npz", **changes)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"recipe.data.path: {path}: ")


@pytest.mark.parametrize("classes", [2, 1, "three"])
def test_a_wrong_number_of_classes_is_refused(tmp_path: Path, classes: object) -> None:
    with pytest.raises(UserError, match=r"labels from 0 to 2; 2 classes|recipe\.data\.classes is "):
        load(save(tmp_path / "a.npz"), classes=classes)


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.npz").read_bytes()
    cut, flipped, text, bare = (
        tmp_path / name for name in ("cut.npz", "flipped.npz", "text.npz", "bare.npy")
    )
    cut.write_bytes(whole[: len(whole) // 2])
    flipped.write_bytes(whole[:150] + bytes([whole[150] ^ 255]) + whole[151:])
    text.write_text("x_train")
    np.save(bare, IMAGES)
    empty = tmp_path / "empty.npz"
    empty.touch()
    for path, message in [
        (tmp_path / "none.npz", "there is no such file"),
        (tmp_path, "this is a folder"),
        (cut, "damaged"),
        (flipped, "damaged"),
        (text, "damaged"),
        (empty, "damaged"),
        (bare, "one bare array"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_header_that_claims_more_than_there_is_is_believed_in_nothing(
    tmp_path: Path, compressed: bool
) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    path = tmp_path / "claims.npz"
    arrays = {"y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}
    (np.savez_compressed if compressed else np.savez)(path, **arrays)  # type: ignore[arg-type]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header.getvalue() + b"\0" * 100)

    with pytest.raises(UserError, match=r"x_train says that it has the shape \(1000000000000, 28, 28\)"):
        load(path)


def test_what_no_memory_holds_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.datasets.npz.total_memory", lambda: 100)
    with pytest.raises(
        UserError, match=r"the four arrays take 0.0 GB of memory, and this machine has 0.0 GB"
    ):
        load(save(tmp_path / "a.npz"))


def test_all_arrays_and_their_copies_as_floats_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.npz")
    needed = (11 * 4 * 4 + 11) * (1 + 4)
    monkeypatch.setattr("runner.datasets.npz.total_memory", lambda: needed - 1)
    with pytest.raises(UserError, match="the four arrays take"):
        load(path)
    monkeypatch.setattr("runner.datasets.npz.total_memory", lambda: needed)
    assert len(load(path).x_train) == 8


def test_arrays_of_other_lengths_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    images = np.zeros((300_000, 28, 28), np.uint8)
    np.savez_compressed(path, x_train=images, y_train=LABELS, x_test=IMAGES, y_test=LABELS)
    del images
    tracemalloc.start()
    with pytest.raises(UserError, match="x_train has 300000 samples, y_train has 8; they must be as many"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_stray_label_is_warned_of(tmp_path: Path) -> None:
    stray = np.array([0, 1, 2, 3, 0, 1, 2, 103])
    loaded = load(save(tmp_path / "a.npz", y_train=stray))

    assert loaded.num_classes == 104
    assert loaded.warnings == (
        "labels go from 0 to 103, but only 5 different ones occur (no sample has the label 4 to 102, for"
        " one): 104 classes are counted. Is one a mistake? recipe.data.classes says how many there are.",
    )
    assert load(tmp_path / "a.npz", classes=104).warnings == ()
    assert load(save(tmp_path / "b.npz")).warnings == ()


def test_a_path_is_needed() -> None:
    with pytest.raises(UserError, match=r"^recipe\.data\.path: dataset 'npz' needs"):
        load_dataset(Data(name="npz"))


def test_the_path_counts_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)
    assert load(Path("a.npz")).num_classes == 3


def _marked(path: Path, local: int, central: int, value: int) -> Path:
    """Sets a byte in the headers of all members: at one place before each, at another in the directory."""
    content = bytearray(path.read_bytes())
    for begin, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = content.find(begin)
        while at >= 0:
            content[at + offset] = value
            at = content.find(begin, at + 4)
    path.write_bytes(content)
    return path


def test_an_encrypted_archive_is_one_message(tmp_path: Path) -> None:
    path = _marked(save(tmp_path / "a.npz"), 6, 8, 1)
    with pytest.raises(UserError, match=r"recipe\.data\.path: .*cannot be read \(.* is encrypted"):
        load(path)


def test_an_unknown_compression_is_one_message(tmp_path: Path) -> None:
    path = _marked(save(tmp_path / "a.npz"), 8, 10, 97)
    with pytest.raises(UserError, match=r"recipe\.data\.path: .*cannot be read \(.*not supported\)"):
        load(path)


@pytest.mark.parametrize("shape", [(0, 10**23), (10**23, 0), (0, -1)])
def test_no_dimension_of_a_header_is_absurd(shape: tuple[int, int], tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x_train=None)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header.getvalue())
    with pytest.raises(UserError, match=r"recipe\.data\.path: .*x_train says that it has the shape"):
        load(path)


@pytest.mark.parametrize("claimed", [40, 500_000_000])
def test_a_header_of_the_second_version_is_read_if_it_is_short(claimed: int, tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x_train=None)
    member = io.BytesIO()
    np.lib.format.write_array(member, IMAGES, version=(2, 0))
    content = member.getvalue()
    if claimed > 1000:
        content = content[:8] + claimed.to_bytes(4, "little") + b" " * 10_000_000
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", content)

    if claimed < 1000:
        assert load(path).x_train.shape == (8, 4, 4, 1)
        return
    tracemalloc.start()
    with pytest.raises(UserError, match="x_train says that its header has 500,000,000 bytes"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()
