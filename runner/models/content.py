"""The content of the files that a recipe's model comes from."""

import hashlib
import os
from pathlib import Path

from runner.errors import UserError
from runner.recipe.schema import Model


def model_content(model: Model) -> dict[str, str]:
    """Returns the SHA-256, in hex, of each file that the model names.

    Args:
        model: The recipe's `model`. Relative files count from the current directory.

    Returns:
        By key, `path` and `weights`; a key that the recipe leaves out is absent.

    Raises:
        UserError: A file cannot be read.
    """
    named = {"path": model.path, "weights": model.weights}
    return {key: _sha256(key, written) for key, written in named.items() if written is not None}


def _sha256(key: str, written: str) -> str:
    path = Path(written).expanduser().absolute()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"recipe.model.{key}: {path}: cannot be read ({reason})") from error
