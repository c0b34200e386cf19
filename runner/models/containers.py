"""The two kinds of file that models are kept in, checked before anything of their size is read.

A ZIP archive can expand to a thousand times its size, and HDF5 can claim any size, store none of it, and link
to other files. Keras writes none of that: its archives are not compressed, and its arrays are stored in full.
Anything else, except for compression within bounds, is refused.
"""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import h5py

from runner.models.refused import ModelRefused, quoted
from runner.process.errors import UserError
from runner.process.named_file import check_regular

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_ASSETS = "assets"

# Errors of reading a damaged file.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    RuntimeError,
    MemoryError,
)

# The size to which a small file may expand; a large one, by its own size; a configuration or a text in HDF5.
_EXPANDED_BYTES, _RATIO, _TEXT_BYTES = 2**27, 20, 2**24
_DEPTH = 64
_COMPRESSION = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_SZIP,
    h5py.h5z.FILTER_NBIT,
    h5py.h5z.FILTER_SCALEOFFSET,
    h5py.h5z.FILTER_LZF,
}


def container_kind(path: Path, where: str, *, instead_of_folder: str) -> Literal["zip", "hdf5"]:
    """Returns which kind of file Keras has made, by its content.

    Args:
        path: The file.
        where: How messages begin: the key and the file.
        instead_of_folder: What the message says after "this is a folder".

    Raises:
        UserError: The file is missing, no regular file, or of another kind.
    """
    if not path.exists():
        raise UserError(f"{where}: there is no such file")
    check_regular(path, where)
    if path.is_dir():
        raise UserError(f"{where}: this is a folder{instead_of_folder}")
    if kind := _foreign_kind(path):
        raise UserError(f"{where}: this is {kind}")
    if zipfile.is_zipfile(path):
        return "zip"
    if h5py.is_hdf5(path):
        return "hdf5"
    raise UserError(f"{where}: neither a .keras nor an .h5 file by its content. Is it damaged or cut off?")


def most_bytes(path: Path) -> int:
    """Returns the size in bytes to which a file may expand."""
    return max(_EXPANDED_BYTES, _RATIO * path.stat().st_size)


def check_archive(archive: zipfile.ZipFile, most: int) -> None:
    """Refuses an archive that expands too far, or whose members are not files inside of it.

    Args:
        archive: Open for reading.
        most: The largest total size of the members in bytes; see `most_bytes`.

    Raises:
        ModelRefused: The message says what was found.
    """
    members = archive.infolist()
    claimed = sum(member.file_size for member in members)
    if claimed > most:
        raise ModelRefused(f"it expands to {_size(claimed)}, far more than its own size")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ModelRefused("two members of the archive have the same name")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[:1]:
            raise ModelRefused(f"the member {quoted(member.filename)} would lie outside of the archive")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelRefused(f"the member {quoted(member.filename)} is compressed in an unusual way")
        if member.filename in (CONFIG, METADATA) and member.file_size > _TEXT_BYTES:
            raise ModelRefused(f"its {member.filename} has {_size(member.file_size)}")


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Reads a member of an archive that `check_archive` has passed, and no more than its size in the archive.

    Raises:
        KeyError: There is no such member.
    """
    with archive.open(name) as file:
        return file.read(archive.getinfo(name).file_size)


def has_assets(archive: zipfile.ZipFile) -> bool:
    """Whether a `.keras` archive has files of layers, such as vocabularies."""
    return any(name.startswith(f"{_ASSETS}/") for name in archive.namelist())


def rewrite_archive(archive: zipfile.ZipFile, config: bytes, to: Path) -> None:
    """Copies the parts of a model from a checked archive, with another `config.json`."""
    with zipfile.ZipFile(to, "w") as new:
        new.writestr(CONFIG, config)
        for name in archive.namelist():
            if name in (METADATA, WEIGHTS) or name.startswith(f"{_ASSETS}/"):
                with archive.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)


def check_hdf5(file: h5py.File, most: int) -> int:
    """Refuses a file with arrays that are not in it, or expand too far.

    Args:
        file: Open for reading.
        most: The largest total size of the arrays in bytes; see `most_bytes`.

    Returns:
        The count of numbers in its arrays.

    Raises:
        ModelRefused: The message says what was found, and where.
    """
    numbers = claimed = 0
    for dataset in _datasets(file):
        _check_dataset(dataset)
        numbers, claimed = numbers + dataset.size, claimed + dataset.size * dataset.dtype.itemsize
        if claimed > most:
            raise ModelRefused(f"its arrays expand to {_size(claimed)} or more, far more than its own size")
    return numbers


def _foreign_kind(path: Path) -> str | None:
    """Says what a file of another program is, and what to do instead; None for any other file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if names and all(name.endswith(".npy") for name in names):
            arrays = ", ".join(name.removesuffix(".npy") for name in names[:4])
            more = ", ..." if len(names) > 4 else ""
            return (
                f"a NumPy archive ({arrays}{more}); data goes to recipe.data.path, with recipe.data.name=npz"
            )
        if any(name.endswith("/data.pkl") for name in names):
            return "a PyTorch checkpoint, which Keras cannot read"
        return None
    with path.open("rb") as file:
        begin = file.read(8)
    if begin[4:] == b"TFL3":
        return "a TFLite file, which cannot be trained; give the Keras model that it was made from"
    return None


def _datasets(file: h5py.File) -> Iterator[h5py.Dataset]:
    groups: set[int] = set()
    todo: list[tuple[Any, int]] = [(file, 0)]
    while todo:
        group, depth = todo.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in groups or depth > _DEPTH:
            raise ModelRefused(f"{_at(group)}: a group that contains itself, or groups nested too deeply")
        groups.add(address)
        _check_attributes(group)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelRefused(
                    f"{_at(group, name)}: a link to another place or file, which is not followed"
                )
            member = group[name]
            if isinstance(member, h5py.Group):
                todo.append((member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                _check_attributes(member)
                yield member
            else:
                raise ModelRefused(f"{_at(group, name)}: neither a group nor an array")


def _check_dataset(dataset: h5py.Dataset) -> None:
    where, made = _at(dataset), dataset.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise ModelRefused(f"{where}: an array that is kept in other files, which are not read")
    if dataset.dtype.kind not in "biufcV" or dataset.dtype.hasobject or dataset.dtype.subdtype:
        raise ModelRefused(f"{where}: an array of {quoted(str(dataset.dtype))}, not of numbers")
    filters = {made.get_filter(index)[0] for index in range(made.get_nfilters())}
    if not filters <= _COMPRESSION:
        raise ModelRefused(f"{where}: an array that is compressed in an unusual way")
    claimed, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed and (not stored or (not filters and stored < claimed)):
        raise ModelRefused(f"{where}: an array of {_size(claimed)}, of which {_size(stored)} are in the file")


def _check_attributes(holder: Any) -> None:
    for index in range(h5py.h5a.get_num_attrs(holder.id)):
        attribute = h5py.h5a.open(holder.id, index=index)
        size = attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size()
        if size > _TEXT_BYTES:
            raise ModelRefused(f"{_at(holder)}: an attribute of {_size(size)}")


def _at(holder: Any, name: str = "") -> str:
    whole = "/".join(part for part in ((holder.name or "").rstrip("/"), name) if part)
    return quoted(whole or "/")


def _size(number: int) -> str:
    return f"{number:,} bytes"
