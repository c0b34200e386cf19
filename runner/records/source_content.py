"""The content of the runner's own code that computes: one version number may stand for many states of it."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import runner

DENSE_PARTS = (
    "datasets",  # what is trained on, and in which order it is split
    "models",  # what is built, and its first weights
    "plan",  # steps; which weights a training watches
    "pruning",  # copies and wraps the model, computes masks
    "recipe",  # defaults of what recipes leave out
    "training",  # feeds, optimizers, losses, randomness
    "run/prepare.py",  # when randomness begins anew
    "run/dense.py",  # likewise
)
"""What decides about dense weights."""

RESULT_PARTS = (
    *DENSE_PARTS,
    "export",  # makes, runs and measures the files
    "verify",  # says whether a run is good
    "tflite",  # reads the files
    "run/experiment.py",  # what follows what
    "run/fit.py",
    "run/prove.py",
    "run/export.py",
    "report/summary.py",  # counts what comparisons read
)
"""What decides about a run's numbers and files. Left out: what shows, keeps, finds or compares them, what
reads the command line, what starts processes, and the words of errors."""


def source_content(parts: Iterable[str] = RESULT_PARTS) -> dict[str, str]:
    """Returns the SHA-256, in hex, of parts of the runner's source, each a package or a module of one.

    It is read once, as soon as the modules have been imported (see `runner.cli.main`): what is edited
    afterwards does not compute in this process.

    Args:
        parts: Some of `RESULT_PARTS`.
    """
    content = _content()
    return {part: content[part] for part in parts}


def source_sha256() -> str:
    """Returns one SHA-256 of all `RESULT_PARTS`."""
    return hashlib.sha256(" ".join(_content().values()).encode()).hexdigest()


@cache
def _content() -> Mapping[str, str]:
    package = Path(runner.__file__).parent
    return {part: _sha256(package / part) for part in RESULT_PARTS}


def _sha256(part: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(part.parent).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
