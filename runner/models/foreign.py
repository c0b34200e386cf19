"""Files that are taken for Keras's and are of another kind."""

import zipfile
from pathlib import Path


def foreign_kind(path: Path) -> str | None:
    """Says what a file is, by its content, where it is a well-known thing but nothing of Keras's.

    Args:
        path: A file that exists.

    Returns:
        The rest of "this is ...", with what to do instead; None for a file of Keras's or an unknown one.
    """
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
