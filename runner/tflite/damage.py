"""Checks what a TFLite file says of itself, before it is believed, and words its damage."""

import math
import struct
from collections.abc import Sequence

from runner.tflite.decoding import bytes_for

DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)
"""What reading nonsense offsets raises in flatbuffers, which gives None for an absent table, and in NumPy."""

_VERSION = 3
_IDENTIFIER_ENDS = 8
# Of a sparse tensor only what is not zero takes room, so its shape may ask for more than the file holds, but
# not for any number: no layer is sparser than one weight in thousands, and no tensor larger than this.
_DENSE_PER_BYTE, _DENSE_ALWAYS, _DENSE_NEVER = 2**12, 2**24, 2**31
# TFLite's operators have tensors of up to 8 dimensions.
_MOST_SHOWN = 8
# How NumPy says that a vector does not lie in the file.
_BEYOND = ("buffer is smaller", "offset must be", "buffer size must be")


def in_words(error: BaseException) -> str:
    """Says what one of `DAMAGE` means for the file; a message of our own stays as it is."""
    text = str(error)
    if isinstance(error, struct.error | IndexError | OverflowError) or text.startswith(_BEYOND):
        return "it ends too early, or an offset in it points to where nothing is"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, TypeError | AttributeError):
        return "a part that must be there is missing"
    return text


def check_root(root: int, size: int) -> None:
    """Raises ValueError where the first table, at byte `root` of `size`, lies in the header or nowhere."""
    if root < _IDENTIFIER_ENDS:
        raise ValueError(f"its first table begins at byte {root}, inside the header")
    if root >= size:
        raise ValueError(f"it ends too early: its first table begins at byte {root} of {size}")


def check_model(version: int, subgraphs: int, tensors: int) -> None:
    """Raises ValueError where the first table is no model: of another version, or with nothing in it."""
    if version != _VERSION:
        raise ValueError(f"it names version {version} of the format, not {_VERSION}")
    if subgraphs == 0:
        raise ValueError("it has no subgraphs")
    if tensors == 0:
        raise ValueError("it has no tensors")


def check_length(length: int, begins: int, size: int) -> int:
    """Returns the length of a list, once it is known to lie in the file.

    Args:
        length: How many entries the list says it has, of 4 bytes each.
        begins: Where the first lies, in bytes.
        size: The file's size in bytes.

    Raises:
        ValueError: The list does not lie in the file; walking it might never end.
    """
    if length and not 0 <= begins <= begins + 4 * length <= size:
        raise ValueError(f"it ends too early: a list of {length} entries cannot lie in its {size} bytes")
    return length


def check_shape(shape: Sequence[int], kind: str, held: int, size: int, *, sparse: bool) -> None:
    """Checks that a tensor's shape fits the bytes stored for it.

    Args:
        shape: The dense shape.
        kind: The type as the schema names it, e.g. `"INT8"`.
        held: How many bytes the tensor's buffer has.
        size: The file's size in bytes.
        sparse: Whether only some of the values are stored.

    Raises:
        ValueError: Shape and bytes do not fit.
    """
    more = ["..."] if len(shape) > _MOST_SHOWN else []
    found = (
        f"its shape is [{', '.join([*map(str, shape[:_MOST_SHOWN]), *more])}], its buffer has {held} bytes"
    )
    if any(extent < (1 if sparse else 0) for extent in shape):
        raise ValueError(f"{found}, and no such shape exists")
    count = math.prod(shape)
    if not sparse:
        if held != bytes_for(count, kind):
            raise ValueError(f"{found}, not {bytes_for(count, kind)}")
    elif count > min(max(_DENSE_ALWAYS, _DENSE_PER_BYTE * size), _DENSE_NEVER):
        raise ValueError(f"{found}, too few for {count} values even where most are zero")
    elif held % bytes_for(1, kind):
        raise ValueError(f"{found}, no whole number of {kind.lower()} values")
