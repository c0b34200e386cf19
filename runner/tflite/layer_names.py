"""Names the layers of TFLite tensors, and selects tensors by them.

The converter names a tensor after the operators it came from, joined by semicolons:
`net/conv/Relu;net/conv/BiasAdd;net/conv/Conv2D`. The layer is `conv`.
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_MULTIPLYING = re.compile(
    r"Conv|conv[123]d_transpose|separable_conv|MatMul|depthwise|Einsum|embedding_lookup|Gather"
)
# What follows or encloses the operator that multiplies.
_AROUND = re.compile(r"(ReadVariableOp(_\d+)?|einsum|Tensordot)\d*")


def layer_names(tensors: Sequence[str]) -> list[str]:
    """Finds the layers' names in the names of a file's weight tensors.

    Returns:
        A name for each: without the model's name, which all share, and without the operator, unless two
        tensors are then called the same. A name that is no path stays as it is.
    """
    paths = [_path(name) for name in tensors]
    layers = [_without_operator(path) for path in paths]
    models = {layer[0] for layer in layers if len(layer) > 1}
    if len(models) == 1:
        layers = [layer[1:] if len(layer) > 1 else layer for layer in layers]
    names = ["/".join(layer) for layer in layers]
    counts = Counter(names)
    return [
        f"{name}/{path[-1]}" if counts[name] > 1 and len(path) > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]


def matches(glob: str, *, layer: str, tensor: str, ops: Iterable[str]) -> bool:
    """Tells whether a glob picks a tensor.

    Args:
        glob: Such as `conv*`; upper and lower case differ.
        layer: The layer's name; a part of it between slashes will do.
        tensor: The tensor's name in the file; a part of it between semicolons will do. It begins with the
            model's name, so only a glob that has a slash is held against it.
        ops: The operators that read it, e.g. `CONV_2D`.
    """
    known = [layer, *layer.split("/"), *ops]
    if "/" in glob:
        known += [tensor, *tensor.split(";")]
    return any(fnmatch.fnmatchcase(name, glob) for name in known)


def _path(tensor: str) -> list[str]:
    """Picks the operator that multiplies, of all that a tensor is named after."""
    parts = [part.split("/") for part in tensor.split(";") if part]
    for path in parts:
        operator = _stripped(path)
        if len(operator) > 1 and _MULTIPLYING.search(operator[-1]):
            return path
    return parts[0] if parts else [tensor]


def _without_operator(path: Sequence[str]) -> list[str]:
    operator = _stripped(path)
    return _stripped(operator[:-1]) if len(operator) > 1 else operator


def _stripped(path: Sequence[str]) -> list[str]:
    kept = list(path)
    while len(kept) > 1 and _AROUND.fullmatch(kept[-1]):
        kept.pop()
    return kept
