"""SHA-256 of the files of a recipe's model."""

import hashlib
import os
from collections.abc import Callable
from typing import TypeVar

from runner.process.errors import UserError
from runner.process.named_file import check_regular, named_path
from runner.recipe.recipe import Model


def model_content(model: Model) -> dict[str, str]:
    """Returns the SHA-256 in hex of each file that a recipe's `model` names, by its key, `path` or `weights`.

    Raises:
        UserError: A file cannot be read.
    """
    named = {"path": model.path, "weights": model.weights}
    return {key: _sha256(key, written) for key, written in named.items() if written is not None}


_T = TypeVar("_T")


def with_content(model: Model, load: Callable[[], _T]) -> tuple[_T, dict[str, str]]:
    """Loads a model's files, and returns the result with the `model_content` of what was loaded.

    Args:
        model: The recipe's `model`.
        load: Reads the files.

    Raises:
        UserError: A file was changed while it was read; or what `load` raises.
    """
    try:
        before = model_content(model)
    except UserError:
        before = {}  # `load` has a better message on what is wrong with a file.
    loaded = load()
    after = model_content(model)
    for key, sha256 in after.items():
        if before.get(key) != sha256:
            path = getattr(model, key)
            raise UserError(f"recipe.model.{key}: {path}: was changed while it was loaded. Start again.")
    return loaded, after


def _sha256(key: str, written: str) -> str:
    path = named_path(written, f"recipe.model.{key}")
    check_regular(path, f"recipe.model.{key}: {path}")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"recipe.model.{key}: {path}: cannot be read ({reason})") from error
