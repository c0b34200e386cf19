"""The files that a comparison writes: ours are replaced by newer ones, what anyone else made stays."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

from filelock import FileLock

from runner.process.errors import UserError

MANIFEST = "comparison.sha256"
"""Names our files with their SHA-256, in the format of `sha256sum`: a file that is as it says is ours."""
_PART, _LOCK = ".comparison.part", ".comparison.lock"
_MANIFEST_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<file>.+)")

Digests = Mapping[Path, frozenset[str]]
"""The SHA-256 of our files; a file has several while it is replaced."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Gives a folder to write to; what was written there replaces our files in `folder`, each at once.

    A file of the same name that we have not written, or that was changed since, is kept beside under another
    name. Our files that were not written again are removed, unless they were changed. Nothing is replaced
    where the block is left by an exception; a process that is killed while it replaces files leaves none that
    the next one takes for the user's. Another process that writes to the same folder waits.

    Args:
        folder: Where the files shall be.

    Yields:
        An empty folder.

    Raises:
        UserError: The folder cannot be written.
    """
    try:
        with _locked(folder):
            fresh = folder / _PART
            shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed
            fresh.mkdir()
            try:
                yield fresh
                _replace(folder, fresh)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        if error.errno is None:  # Some libraries' own errors are OSErrors too.
            raise
        raise UserError(
            f"{folder}: cannot write the comparison there ({os.strerror(error.errno)})."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with TemporaryFile(dir=folder):
        pass  # Where no file can be made, the lock would be waited for without end.
    lock = folder / _LOCK
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # Who waits for it sees that it is gone, and makes it anew.


def _replace(folder: Path, fresh: Path) -> None:
    files = sorted(path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file())
    new = {file: frozenset({_sha256(fresh / file)}) for file in files}
    ours = _take_manifest(folder)
    # Until all are replaced, a file is ours as it was or as it will be.
    _write_manifest(
        folder,
        fresh,
        {file: ours.get(file, frozenset()) | new.get(file, frozenset()) for file in {**ours, **new}},
    )
    for file in files:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not _is_ours(target, ours.get(file)):
            target.rename(_free_name(target))
        os.replace(fresh / file, target)
    _remove(folder, (file for file in ours.keys() - new.keys() if _is_ours(folder / file, ours[file])))
    _write_manifest(folder, fresh, new)


def _is_ours(path: Path, digests: frozenset[str] | None) -> bool:
    return digests is not None and path.is_file() and _sha256(path) in digests


def _remove(folder: Path, files: Iterable[Path]) -> None:
    for file in sorted(files):
        (folder / file).unlink()
        parent = folder / file.parent
        if parent != folder and not any(parent.iterdir()):
            parent.rmdir()


def _take_manifest(folder: Path) -> Digests:
    """Reads what is ours. A file of that name that is no manifest is the user's, and is kept beside."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    # Bytes that are no UTF-8 are letters of no name of ours.
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else [""]
    found: dict[Path, frozenset[str]] = {}
    for line in lines:
        match = _MANIFEST_LINE.fullmatch(line)
        if match is None:
            path.rename(_free_name(path))
            return {}
        file = Path(match["file"])
        if not file.is_absolute() and ".." not in file.parts:
            found[file] = found.get(file, frozenset()) | {match["digest"]}
    return found


def _write_manifest(folder: Path, fresh: Path, digests: Digests) -> None:
    lines = [f"{digest}  {file.as_posix()}\n" for file in sorted(digests) for digest in sorted(digests[file])]
    written = fresh / MANIFEST
    written.write_text("".join(lines), encoding="utf-8")
    os.replace(written, folder / MANIFEST)


def _free_name(path: Path) -> Path:
    return next(
        name for number in count(1) if not (name := path.with_stem(f"{path.stem}_kept_{number}")).exists()
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
