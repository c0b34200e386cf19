import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras

from runner.models.saved import load_saved_model
from runner.models.weights_file import read_weights_file
from runner.process.errors import UserError
from tests.models.crafted import dense, save, sequential

HUGE = 10**12


def small() -> tf_keras.Sequential:
    return tf_keras.Sequential(
        [tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3, name="out")], name="small"
    )


def read(path: Path) -> None:
    """Reads a file as `model.path`, or one of weights only as `model.weights`."""
    if path.name.endswith(".weights.h5"):
        read_weights_file(path, f"recipe.model.weights: {path}")
    else:
        load_saved_model(path)


def kernel(file: h5py.File) -> tuple[h5py.Group, str]:
    """Finds the first array of a file: the group it is in, and its name there."""
    names: list[str] = []
    file.visititems(lambda name, member: names.append(name) if isinstance(member, h5py.Dataset) else None)
    group, _, name = names[0].rpartition("/")
    return file[group], name


def to_another_file(group: h5py.Group, name: str) -> None:
    group[name] = h5py.ExternalLink("other.h5", "/x")


def to_another_place(group: h5py.Group, name: str) -> None:
    group[name] = h5py.SoftLink("/elsewhere")


def in_another_file(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (4, 3), "f4", external=[("/etc/hostname", 0, 48)])


def of_other_files(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4, 3))
    group.create_virtual_dataset(name, layout)


def not_stored(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (HUGE,), "f4")


def not_stored_in_chunks(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (HUGE,), "f4", chunks=(1000,), compression="gzip")[:10] = 1


def compressed(group: h5py.Group, name: str) -> None:
    array = group.create_dataset(name, (2**26,), "f4", chunks=(2**24,), compression="gzip")
    array[: 2**24] = 0  # A part is enough: the rest is made up when it is read.


def of_texts(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=["a", "b"], dtype=h5py.string_dtype())


def in_a_circle(group: h5py.Group, name: str) -> None:
    group[name] = group.file["/"]


def a_type(group: h5py.Group, name: str) -> None:
    group[name] = np.dtype("f4")


ARRAYS: dict[Callable[[h5py.Group, str], None], str] = {
    to_another_file: "a link to another place or file, which is not followed",
    to_another_place: "a link to another place or file, which is not followed",
    in_another_file: "an array that is kept in other files, which are not read",
    of_other_files: "an array that is kept in other files, which are not read",
    not_stored: r"an array of 4,000,000,000,000 bytes, of which 0 bytes are in the file",
    not_stored_in_chunks: "its arrays expand to 4,000,000,000,000 bytes or more, far more than its own size",
    compressed: "its arrays expand to 268,435,456 bytes or more",
    of_texts: "an array of 'object', not of numbers",
    in_a_circle: "a group that contains itself",
    a_type: "neither a group nor an array",
}


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras"])
@pytest.mark.parametrize("put", ARRAYS, ids=lambda put: put.__name__)
def test_arrays_that_are_not_in_the_file_are_refused(
    put: Callable[[h5py.Group, str], None], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"m{suffix}"
    inner = tmp_path / "inner.weights.h5" if suffix == ".keras" else path
    model = small()
    if suffix == ".keras":
        model.save_weights(inner)
    else:
        model.save(path) if suffix == ".h5" else model.save_weights(path)
    with h5py.File(inner, "a") as file:
        group, name = kernel(file)
        del group[name]
        put(group, name)
    if suffix == ".keras":
        model.save(tmp_path / "plain.keras")
        with zipfile.ZipFile(tmp_path / "plain.keras") as old, zipfile.ZipFile(path, "w") as new:
            for member in ("metadata.json", "config.json"):
                new.writestr(member, old.read(member))
            new.write(inner, "model.weights.h5")
    with pytest.raises(UserError, match=ARRAYS[put]):
        read(path)
    if suffix != ".weights.h5":
        with pytest.raises(UserError, match=ARRAYS[put]):
            read_weights_file(path, f"recipe.model.weights: {path}")


def test_an_attribute_of_absurd_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    small().save_weights(path)
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = np.zeros(2**25, "u1")
    with pytest.raises(UserError, match="an attribute of 33,554,432 bytes"):
        read(path)


def rewritten(path: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    """Writes a `.keras` file of a model, and into it what `change` adds."""
    small().save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
    return path


def above(archive: zipfile.ZipFile) -> None:
    archive.writestr("assets/../../../above.txt", "x")


def absolute(archive: zipfile.ZipFile) -> None:
    archive.writestr("/absolute.txt", "x")


def again(archive: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", "{}")


def unusual(archive: zipfile.ZipFile) -> None:
    archive.writestr("assets/x", "x", zipfile.ZIP_LZMA)


def bomb(archive: zipfile.ZipFile) -> None:
    with archive.open("assets/x", "w", force_zip64=True) as file:
        for _ in range(140):
            file.write(bytes(2**20))


MEMBERS: dict[Callable[[zipfile.ZipFile], None], str] = {
    above: r"the member 'assets/\.\./\.\./\.\./above\.txt' would lie outside of the archive",
    absolute: r"the member '/absolute\.txt' would lie outside of the archive",
    again: "two members of the archive have the same name",
    unusual: "the member 'assets/x' is compressed in an unusual way",
    bomb: r"it expands to 14\d,\d{3},\d{3} bytes, far more than its own size",
}


@pytest.mark.parametrize("add", MEMBERS, ids=lambda add: add.__name__)
def test_archives_that_keras_does_not_write_are_refused(
    add: Callable[[zipfile.ZipFile], None], tmp_path: Path
) -> None:
    path = rewritten(tmp_path / "m.keras", add)
    with pytest.raises(UserError, match=MEMBERS[add]):
        load_saved_model(path)
    with pytest.raises(UserError, match=MEMBERS[add]):
        read_weights_file(path, "recipe.model.weights")
    assert not (tmp_path.parent / "above.txt").exists()


def test_an_archive_that_claims_hundreds_of_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    small().save(path)
    content = bytearray(path.read_bytes())
    # The directory at the end of an archive says how large each member is: here that of the configuration.
    entry = content.rindex(b"config.json") - 46
    content[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"it expands to 4,29\d,\d{3},\d{3} bytes, far more than its own size"
    ):
        load_saved_model(path)


def test_a_long_configuration_is_not_parsed(tmp_path: Path) -> None:
    path = save(tmp_path / "m.keras", "[" + "[]," * 2**23 + "[]]")
    with pytest.raises(UserError, match=r"its config\.json has 25,165,8\d\d bytes"):
        load_saved_model(path)


@pytest.mark.parametrize("member", ["config.json", "metadata.json"])
def test_cut_and_mangled_members_are_damage(tmp_path: Path, member: str) -> None:
    path = tmp_path / "m.keras"
    small().save(path)
    whole = tmp_path / "whole.keras"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    content = bytearray(whole.read_bytes())
    begin = content.index(member.encode()) + len(member)
    for mangled in (bytes(8), b"\xff" * 8):
        content[begin : begin + 8] = mangled
        path.write_bytes(content)
        with pytest.raises(UserError, match="no Keras model, or a damaged one"):
            load_saved_model(path)


def test_compressed_and_repacked_files_load(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        group, name = kernel(file)
        value, attributes = group[name][()], dict(group[name].attrs)
        del group[name]
        group.create_dataset(name, data=value, chunks=True, compression="gzip", shuffle=True)
        group[name].attrs.update(attributes)
    repacked = tmp_path / "repacked.keras"
    deflated = zipfile.ZipFile(repacked, "w", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "m.keras") as old, deflated as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        new.writestr(".DS_Store", "x")
    for path in (tmp_path / "m.h5", repacked):
        for found, wanted in zip(load_saved_model(path).get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, wanted)


BOMBS: dict[str, Any] = {
    "dense.keras": sequential(dense() | {"config": {"name": "d", "units": 10**11}}),
    "levels.h5": '{"class_name": "Sequential", "config": ' * 100_000,
}


def test_bombs_take_neither_time_nor_memory(tmp_path: Path) -> None:
    paths = [save(tmp_path / name, config) for name, config in BOMBS.items()]
    arrays = tmp_path / "arrays.h5"
    small().save(arrays)
    with h5py.File(arrays, "a") as file:
        group, name = kernel(file)
        del group[name]
        not_stored_in_chunks(group, name)
    program = (
        "import sys, time, pathlib\n"
        "from runner.models.saved import load_saved_model\n"
        "from runner.process.errors import UserError\n"
        "for path in sys.argv[1:]:\n"
        "    begin = time.monotonic()\n"
        "    try: load_saved_model(pathlib.Path(path))\n"
        "    except UserError as error: print(time.monotonic() - begin, end=' ')\n"
        "print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
    )
    # The peak is Linux's own count: what getrusage tells begins with the parent's.
    command = [sys.executable, "-c", program, *map(str, [*paths, arrays])]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    *seconds, memory = map(float, found.stdout.split())
    assert len(seconds) == 3
    assert max(seconds) < 5
    assert memory * 1024 < 2**30
