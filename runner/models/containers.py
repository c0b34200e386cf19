"""The two kinds of file that models are kept in, looked through before anything of their size is read.

A ZIP archive can expand to a thousand times its size, and HDF5 can claim any size, store none of it, and link
to other files. Keras writes none of that: its archives are not compressed, its arrays stand in full in the
file. What it would not write, but for compression within bounds, is refused.
"""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import h5py

from runner.models.refused import Refused, shown

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_ASSETS = "assets"

# What reading a file raises that is cut off, or whose bytes are not what they should be.
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

# What a small file may expand to, and what a large one, by its size; a configuration, and a text of HDF5.
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


def most_bytes(path: Path) -> int:
    """Returns how much a file may expand to, in bytes."""
    return max(_EXPANDED_BYTES, _RATIO * path.stat().st_size)


def check_archive(archive: zipfile.ZipFile, most: int) -> None:
    """Refuses an archive that expands too far, or whose members are not files inside of it.

    Args:
        archive: Open for reading.
        most: Bytes that all members may have together; see `most_bytes`.

    Raises:
        Refused: With what was found.
    """
    members = archive.infolist()
    claimed = sum(member.file_size for member in members)
    if claimed > most:
        raise Refused(f"it expands to {_size(claimed)}, far more than its own size")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise Refused("two members of the archive have the same name")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[:1]:
            raise Refused(f"the member {shown(member.filename)} would lie outside of the archive")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(f"the member {shown(member.filename)} is compressed in an unusual way")
        if member.filename in (CONFIG, METADATA) and member.file_size > _TEXT_BYTES:
            raise Refused(f"its {member.filename} has {_size(member.file_size)}")


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Reads a member of an archive that `check_archive` let pass; never more than the archive says it has.

    Raises:
        KeyError: There is no such member.
    """
    with archive.open(name) as file:
        return file.read(archive.getinfo(name).file_size)


def has_assets(archive: zipfile.ZipFile) -> bool:
    """Tells whether layers have files of their own in a `.keras` archive, such as vocabularies."""
    return any(name.startswith(f"{_ASSETS}/") for name in archive.namelist())


def rewrite_archive(archive: zipfile.ZipFile, config: bytes, to: Path) -> None:
    """Copies what belongs to a model, with another configuration.

    Args:
        archive: One that `check_archive` let pass.
        config: The content of its `config.json`.
        to: The new file.
    """
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
        most: Bytes that all arrays may have together; see `most_bytes`.

    Returns:
        How many numbers its arrays hold.

    Raises:
        Refused: With what was found, and where.
    """
    numbers = claimed = 0
    for dataset in _datasets(file):
        _check_dataset(dataset)
        numbers, claimed = numbers + dataset.size, claimed + dataset.size * dataset.dtype.itemsize
        if claimed > most:
            raise Refused(f"its arrays expand to {_size(claimed)} or more, far more than its own size")
    return numbers


def _datasets(file: h5py.File) -> Iterator[h5py.Dataset]:
    groups: set[int] = set()
    todo: list[tuple[Any, int]] = [(file, 0)]
    while todo:
        group, depth = todo.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in groups or depth > _DEPTH:
            raise Refused(f"{_at(group)}: a group that contains itself, or groups nested too deeply")
        groups.add(address)
        _check_attributes(group)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise Refused(f"{_at(group, name)}: a link to another place or file, which is not followed")
            member = group[name]
            if isinstance(member, h5py.Group):
                todo.append((member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                _check_attributes(member)
                yield member
            else:
                raise Refused(f"{_at(group, name)}: neither a group nor an array")


def _check_dataset(dataset: h5py.Dataset) -> None:
    where, made = _at(dataset), dataset.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise Refused(f"{where}: an array that is kept in other files, which are not read")
    if dataset.dtype.kind not in "biufcV" or dataset.dtype.hasobject or dataset.dtype.subdtype:
        raise Refused(f"{where}: an array of {shown(str(dataset.dtype))}, not of numbers")
    filters = {made.get_filter(index)[0] for index in range(made.get_nfilters())}
    if not filters <= _COMPRESSION:
        raise Refused(f"{where}: an array that is compressed in an unusual way")
    claimed, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed and (not stored or (not filters and stored < claimed)):
        raise Refused(f"{where}: an array of {_size(claimed)}, of which {_size(stored)} are in the file")


def _check_attributes(holder: Any) -> None:
    for index in range(h5py.h5a.get_num_attrs(holder.id)):
        attribute = h5py.h5a.open(holder.id, index=index)
        size = attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size()
        if size > _TEXT_BYTES:
            raise Refused(f"{_at(holder)}: an attribute of {_size(size)}")


def _at(holder: Any, name: str = "") -> str:
    whole = "/".join(part for part in ((holder.name or "").rstrip("/"), name) if part)
    return shown(whole or "/")


def _size(number: int) -> str:
    return f"{number:,} bytes"
