"""Data that was looked up once for many runs: which source it came from, and what content it must have."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from runner.datasets.dataset import Dataset
from runner.datasets.loading import load_dataset
from runner.process.errors import UserError
from runner.recipe.recipe import Data


@dataclass(frozen=True)
class ResolvedData:
    """What a sweep found when it looked for a recipe's data.

    Args:
        source: The data set that was loaded: the one asked for, or its fallback.
        sha256: Of its content.
    """

    source: str
    sha256: str


def data_key(data: Data) -> str:
    """Returns twelve hex digits that only requests for the same data share; the split is no part of it."""
    asked = asdict(replace(data, validation_split=0.0))
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def resolve(data: Data) -> ResolvedData:
    """Looks for a recipe's data, and keeps what it loads for `load_resolved` in the same process.

    Raises:
        UserError: See `load_dataset`.
    """
    loaded = load_dataset(data)
    resolved = ResolvedData(loaded.source, loaded.sha256)
    _keep(data, resolved, loaded)
    return resolved


def load_resolved(data: Data, resolved: ResolvedData) -> Dataset:
    """Loads what was found before, and proves that it is that.

    Args:
        data: The recipe's `data`.
        resolved: What `resolve` gave for it, in this process or another.

    Raises:
        UserError: The content has changed since, or cannot be had any more.
    """
    kept = _KEPT.get((data_key(data), resolved))
    if kept is not None:
        return kept
    loaded = load_dataset(data, source=resolved.source)
    if loaded.sha256 != resolved.sha256:
        raise UserError(
            f"recipe.data: the content of '{loaded.source}' is not what it was when the sweep began (SHA-256"
            f" {loaded.sha256[:12]}..., it was {resolved.sha256[:12]}...); runs on different data are not"
            " compared. Begin the sweep again."
        )
    _keep(data, resolved, loaded)
    return loaded


_KEPT: dict[tuple[str, ResolvedData], Dataset] = {}
"""The data set that was loaded last: the jobs of a sweep in one process load it once, and no more is held."""


def _keep(data: Data, resolved: ResolvedData, loaded: Dataset) -> None:
    _KEPT.clear()
    _KEPT[data_key(data), resolved] = loaded
