"""The files that a comparison writes: ours are replaced by newer ones, what anyone else made stays."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from runner.process.errors import UserError

MANIFEST = "comparison.sha256"
"""Names our files with their SHA-256, in the format of `sha256sum`: a file that is as it says is ours."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Gives a folder to write to; what was written there replaces our files in `folder`, each at once.

    A file of the same name that we have not written, or that was changed since, is kept beside under another
    name. Nothing is replaced where the block is left by an exception.

    Args:
        folder: Where the files shall be.

    Yields:
        An empty folder.

    Raises:
        UserError: The folder cannot be written.
    """
    try:
        with TemporaryDirectory(dir=folder, prefix=".comparison-") as name:
            fresh = Path(name)
            yield fresh
            files = sorted(path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file())
            ours = _read_manifest(folder)
            lines = [f"{_sha256(fresh / file)}  {file.as_posix()}\n" for file in files]
            for file in files:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists() and not (target.is_file() and ours.get(file) == _sha256(target)):
                    target.rename(_free_name(target))
                os.replace(fresh / file, target)
            manifest = fresh / MANIFEST
            manifest.write_text("".join(lines), encoding="utf-8")
            os.replace(manifest, folder / MANIFEST)
    except OSError as error:
        if error.errno is None:  # Some libraries' own errors are OSErrors too.
            raise
        raise UserError(
            f"{folder}: cannot write the comparison there ({os.strerror(error.errno)})."
        ) from error


def _read_manifest(folder: Path) -> dict[Path, str]:
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    pairs: Sequence[tuple[str, str, str]] = [
        line.partition("  ") for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return {Path(file): digest for digest, _, file in pairs}


def _free_name(path: Path) -> Path:
    return next(
        name for number in count(1) if not (name := path.with_stem(f"{path.stem}_kept_{number}")).exists()
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
