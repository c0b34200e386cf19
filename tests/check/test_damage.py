"""Converted files with a few bytes changed: damage is told at once, in one line."""

import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runner.check.__main__ import _answer
from runner.tflite.flatbuffer_schema import load_schema

BILLIONS = 2_130_706_440


@pytest.fixture
def told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[bytes], str]:
    """Checks a file of these bytes, which must be found damaged, and returns what is said of it."""

    def check(content: bytes) -> str:
        path = tmp_path / "m.tflite"
        path.write_bytes(content)
        for options in ([], ["--json"], ["--m-by-n", "2x4"]):
            assert _answer([str(path), *options]) == 2
            out, err = capfd.readouterr()
            assert out == ""
            assert err.count("\n") == 1
        begins = f"{path}: is a damaged TFLite file: "
        assert err.startswith(begins)
        return err.removeprefix(begins).rstrip("\n")

    return check


def with_shape(content: bytes, shape: tuple[int, ...], new: tuple[int, ...]) -> bytes:
    """Changes the first tensor of this shape that is stored so."""
    old = struct.pack(f"<{len(shape) + 1}i", len(shape), *shape)
    assert old in content
    return content.replace(old, struct.pack(f"<{len(new) + 1}i", len(new), *new))


def with_length(content: bytes, field: str, length: int) -> bytes:
    """Changes how many entries a list says it has."""
    schema = load_schema()
    model = schema.Model.GetRootAs(content, 0)
    table, place = {
        "subgraphs": (model, 8),
        "codes": (model, 6),
        "tensors": (model.Subgraphs(0), 4),
        "operators": (model.Subgraphs(0), 10),
    }[field]
    begins = table._tab.Vector(table._tab.Offset(place)) - 4
    return content[:begins] + struct.pack("<I", length) + content[begins + 4 :]


@pytest.mark.parametrize("name", ["float32", "float32_sparse", "int8", "int8_sparse"])
def test_a_dimension_of_billions_is_not_believed(
    name: str, files: Mapping[str, Path], told: Callable[[bytes], str]
) -> None:
    message = told(with_shape(files[name].read_bytes(), (32, 256), (32, BILLIONS)))
    assert message.startswith("tensor ")
    assert f"its shape is [32, {BILLIONS}], its buffer has " in message


def test_a_dense_shape_must_fit_its_bytes(files: Mapping[str, Path], told: Callable[[bytes], str]) -> None:
    whole = files["float32"].read_bytes()
    for shape, asked in (((32, 255), 32640), ((33, 256), 33792), ((2**20, 2**20), 2**42)):
        assert told(with_shape(whole, (32, 256), shape)).endswith(
            f" of subgraph 0: its shape is {list(shape)}, its buffer has 32768 bytes, not {asked}"
        )
    assert told(with_shape(whole, (32, 256), (-32, -256))).endswith(
        "its shape is [-32, -256], its buffer has 32768 bytes, and no such shape exists"
    )


@pytest.mark.parametrize("field", ["subgraphs", "codes", "tensors", "operators"])
def test_a_list_of_billions_is_not_walked(
    field: str, files: Mapping[str, Path], told: Callable[[bytes], str]
) -> None:
    whole = files["float32"].read_bytes()
    assert told(with_length(whole, field, BILLIONS)) == (
        f"it ends too early: a list of {BILLIONS} entries cannot lie in its {len(whole)} bytes"
    )


def test_an_identifier_makes_no_model(files: Mapping[str, Path], told: Callable[[bytes], str]) -> None:
    noise = random.Random(0).randbytes(3000)
    assert told(bytes(4) + b"TFL3" + noise) == "its first table begins at byte 0, inside the header"
    assert told(struct.pack("<I", 5000) + b"TFL3" + noise) == (
        "it ends too early: its first table begins at byte 5000 of 3008"
    )
    for root in range(8, 3000, 100):
        told(struct.pack("<I", root) + b"TFL3" + noise)


def test_a_model_of_nothing_is_damaged(files: Mapping[str, Path], told: Callable[[bytes], str]) -> None:
    whole = files["float32"].read_bytes()
    assert told(with_length(whole, "subgraphs", 0)) == "it has no subgraphs"
    assert told(with_length(whole, "tensors", 0)) == "it has no tensors"
    model = load_schema().Model.GetRootAs(whole, 0)
    place = model._tab.Pos + model._tab.Offset(4)
    assert told(whole[:place] + struct.pack("<I", 7) + whole[place + 4 :]) == (
        "it names version 7 of the format, not 3"
    )


def test_a_file_cut_off_is_told_in_words(files: Mapping[str, Path], told: Callable[[bytes], str]) -> None:
    whole = files["float32"].read_bytes()
    for length in (12, len(whole) // 4, len(whole) // 2, len(whole) - 100):
        message = told(whole[:length])
        assert "it ends too early" in message
        assert "unpack" not in message


@pytest.mark.parametrize("name", ["float32_sparse", "int8_sparse"])
def test_flipped_bytes_end_in_a_table_or_in_one_line(
    name: str, tmp_path: Path, files: Mapping[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    whole, path, rng = files[name].read_bytes(), tmp_path / "m.tflite", random.Random(3)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 5, 20])):
            content[rng.randrange(8, len(content))] = rng.choice([0, 127, 128, 255])
        path.write_bytes(content)
        status = _answer([str(path), "--m-by-n", "2x4"])
        out, err = capfd.readouterr()
        if status == 2:
            assert (out, err.count("\n")) == ("", 1)
        else:
            assert (err, "weight tensors pass" in out) == ("", True)


def test_a_message_that_ends_is_not_ended_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _answer([str(tmp_path / "m.tflite"), "--m-by-n", "0x4"]) == 2
    assert capfd.readouterr().err == (
        "--m-by-n is 0x4, but of each group of n weights m are zero: 0 < m < n. See --help\n"
    )
