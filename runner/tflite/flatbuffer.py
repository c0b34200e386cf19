"""Reads the constants of a TFLite file from its bytes, without the interpreter and without TensorFlow.

The interpreter hands out the compressed values of a sparse tensor, the half floats in front of a
DEQUANTIZE and the raw integers of a quantized one. A proof about the file needs what those bytes mean.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from runner.tflite.constant import Encoding, StoredConstant, Use
from runner.tflite.damage import DAMAGE, check_length, check_model, check_root, check_shape, in_words
from runner.tflite.decoding import DECODERS, decode, dequantize
from runner.tflite.flatbuffer_schema import TFLiteFileError, load_schema, names
from runner.tflite.readers import find_readers
from runner.tflite.sparse import Level, block_sizes, densify

__all__ = ["Encoding", "StoredConstant", "TFLiteFileError", "Use", "read_constants"]

_IDENTIFIER = b"TFL3"
# A damaged name may run on to the end of the file.
_LONGEST_NAME = 200


def read_constants(path: str | Path) -> list[StoredConstant]:
    """Reads every numeric constant of every subgraph of a TFLite file.

    Args:
        path: The `.tflite` file.

    Returns:
        The constants in the file's order; one whose sparse encoding is broken says so in `problem`. Empty,
        string and resource tensors are left out: no weight is one.

    Raises:
        TFLiteFileError: The file cannot be read, is no TFLite file or is damaged.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TFLiteFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if data[4:8] != _IDENTIFIER:
        raise TFLiteFileError(
            f"{path}: is no TFLite file: its bytes 4 to 8 are {data[4:8]!r}, not {_IDENTIFIER!r}"
        )
    try:
        return list(_constants(data))
    except DAMAGE as error:
        raise TFLiteFileError(f"{path}: is a damaged TFLite file: {in_words(error)}") from error


def _constants(data: bytes) -> Iterator[StoredConstant]:
    schema = load_schema()
    type_names = names(schema.TensorType)
    check_root(int.from_bytes(data[:4], "little"), len(data))
    model = schema.Model.GetRootAs(data, 0)
    graphs = [model.Subgraphs(s) for s in range(_length(model, "Subgraphs"))]
    check_model(model.Version(), len(graphs), sum(_length(graph, "Tensors") for graph in graphs))
    op_names = _operator_names(schema, model)
    buffers = _length(model, "Buffers")
    for s, graph in enumerate(graphs):
        operators = [graph.Operators(o) for o in range(_length(graph, "Operators"))]
        readers = find_readers(schema, operators, op_names)
        order = {tensor: place for place, tensor in enumerate(readers)}
        found: dict[int, StoredConstant] = {}
        for t in range(_length(graph, "Tensors")):
            tensor = graph.Tensors(t)
            kind = type_names.get(tensor.Type(), "unknown")
            if tensor.Buffer() >= buffers:
                raise ValueError(f"tensor {t} of subgraph {s} is in buffer {tensor.Buffer()} of {buffers}")
            raw = _raw_bytes(model.Buffers(tensor.Buffer()), data)
            # Of a sparse tensor of zeros nothing is stored, and it is one all the same.
            if kind not in DECODERS or (raw.size == 0 and tensor.Sparsity() is None):
                continue
            name = (tensor.Name() or b"").decode("utf-8", "replace")
            try:
                found[t] = _constant(
                    schema,
                    tensor,
                    raw,
                    kind,
                    len(data),
                    subgraph=s,
                    index=t,
                    name=name,
                    uses=tuple(reader.use for reader in readers.get(t, ())),
                    first_read=order.get(t, len(order)),
                )
            except DAMAGE as error:
                shown = f"tensor {t} {name[:_LONGEST_NAME]!r} of subgraph {s}"
                raise ValueError(f"{shown}: {in_words(error)}") from error
        for t, constant in found.items():
            biases = dict.fromkeys(reader.bias for reader in readers.get(t, ()) if reader.bias in found)
            yield replace(constant, biases=tuple(found[b].stored for b in biases if b is not None))


def _constant(
    schema: ModuleType,
    tensor: Any,
    raw: np.ndarray,
    kind: str,
    size: int,
    *,
    subgraph: int,
    index: int,
    name: str,
    uses: tuple[Use, ...],
    first_read: int,
) -> StoredConstant:
    shape = tuple(int(d) for d in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
    check_shape(shape, kind, raw.size, size, sparse=tensor.Sparsity() is not None)
    stored, encoding, problem = decode(raw, kind), None, None
    if tensor.Sparsity() is None:
        # Small values share a byte, so that some may be left over.
        stored = stored[: math.prod(shape)].reshape(shape)
    else:
        encoding, found = _sparse(schema, tensor.Sparsity(), stored, shape)
        problem = found if isinstance(found, str) else None
        # NaN equals nothing, so that no check of such a tensor passes by oversight.
        stored = np.broadcast_to(np.float32(np.nan), shape) if isinstance(found, str) else found
    scale, zero_point, axis = _quantization(tensor, shape)
    values = dequantize(stored, scale, zero_point, axis) if scale.size and problem is None else stored
    return StoredConstant(
        subgraph=subgraph,
        index=index,
        name=name,
        uses=uses,
        shape=shape,
        dtype=kind.lower(),
        stored=stored,
        values=values,
        scale=scale,
        zero_point=zero_point,
        axis=axis,
        encoding=encoding,
        problem=problem,
        first_read=first_read,
    )


def _sparse(
    schema: ModuleType, sparsity: Any, stored: np.ndarray, shape: tuple[int, ...]
) -> tuple[Encoding, np.ndarray | str]:
    """Returns how a sparse tensor is stored and its dense values, or what is wrong with its encoding."""
    encoding = Encoding((1,) * len(shape))
    try:
        order = _numbers(sparsity.TraversalOrderAsNumpy(), sparsity.TraversalOrderLength())
        block_map = _numbers(sparsity.BlockMapAsNumpy(), sparsity.BlockMapLength())
        levels = [_level(schema, sparsity.DimMetadata(i)) for i in range(min(len(order), _MOST_LEVELS))]
        encoding = Encoding(block_sizes(shape, order=order, block_map=block_map, levels=levels))
        return encoding, densify(stored, shape, order=order, block_map=block_map, levels=levels)
    except DAMAGE as error:
        return encoding, f"its sparse encoding is broken: {in_words(error)}"


def _quantization(tensor: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    parameters = tensor.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    scale = parameters.ScaleAsNumpy().astype(np.float32)
    zero_point = parameters.ZeroPointAsNumpy() if parameters.ZeroPointLength() else np.zeros(1, np.int64)
    axis = parameters.QuantizedDimension()
    if scale.size > 1 and (not 0 <= axis < len(shape) or shape[axis] != scale.size):
        raise ValueError(f"{scale.size} quantization scales do not fit axis {axis} of {list(shape)}")
    if zero_point.size not in (1, scale.size):
        raise ValueError(f"{zero_point.size} zero points do not fit {scale.size} quantization scales")
    return scale, np.broadcast_to(zero_point, scale.shape).astype(np.int64), axis


# TFLite's operators have tensors of up to 8 dimensions, and each may be divided into blocks once.
_MOST_LEVELS = 16


def _level(schema: ModuleType, metadata: Any) -> Level:
    if metadata.Format() == schema.DimensionType.DENSE:
        return Level(size=metadata.DenseSize())
    return Level(
        segments=_indices(schema, metadata.ArraySegmentsType(), metadata.ArraySegments()),
        indices=_indices(schema, metadata.ArrayIndicesType(), metadata.ArrayIndices()),
    )


def _indices(schema: ModuleType, kind: int, table: Any) -> np.ndarray:
    vector_name = names(schema.SparseIndexVector).get(kind, "NONE")
    if table is None or vector_name == "NONE":
        raise ValueError("it lacks its segments or indices")
    vector = getattr(schema, vector_name)()
    vector.Init(table.Bytes, table.Pos)
    return _numbers(vector.ValuesAsNumpy(), vector.ValuesLength())


def _numbers(vector: Any, length: int) -> np.ndarray:
    """Widens a vector of integers; flatbuffers gives the number 0 for one that is absent."""
    return np.asarray(vector).astype(np.int64) if length else np.zeros(0, np.int64)


def _operator_names(schema: ModuleType, model: Any) -> list[str]:
    builtin = names(schema.BuiltinOperator)
    found = []
    for c in range(_length(model, "OperatorCodes")):
        code = model.OperatorCodes(c)
        # Old files have only the one-byte field, which the schema kept under a new name.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = builtin.get(number, f"operator {number}")
        custom = code.CustomCode()
        found.append(custom.decode("utf-8", "replace") if name == "CUSTOM" and custom else name)
    return found


def _raw_bytes(buffer: Any, data: bytes) -> np.ndarray:
    if buffer.DataLength():
        return np.asarray(buffer.DataAsNumpy())
    # Files above 2 GB keep their buffers behind the flatbuffer; offsets 0 and 1 mean "not so".
    if buffer.Offset() > 1:
        if buffer.Offset() + buffer.Size() > len(data):
            raise ValueError("a buffer lies beyond the end of the file")
        return np.frombuffer(data, np.uint8, buffer.Size(), buffer.Offset())
    return np.zeros(0, np.uint8)


# Each field's place in its table's list of fields, as flatbuffers counts: 4 for the first, 6 for the next.
_PLACES = {"OperatorCodes": 6, "Subgraphs": 8, "Buffers": 12, "Tensors": 4, "Operators": 10}


def _length(table: Any, field: str) -> int:
    """Returns how long one of a table's lists of tables is, once it is known to lie in the file."""
    length: int = getattr(table, f"{field}Length")()
    place = table._tab.Offset(_PLACES[field])
    return check_length(length, table._tab.Vector(place) if place else 0, len(table._tab.Bytes))
