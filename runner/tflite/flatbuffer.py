"""Reads the constants of a TFLite file from its bytes, without the interpreter and without TensorFlow.

The interpreter hands out the compressed values of a sparse tensor, the half floats in front of a
DEQUANTIZE and the raw integers of a quantized one. A proof about the file needs what those bytes mean.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from runner.process.errors import did_you_mean
from runner.tflite.constant import Encoding, StoredConstant
from runner.tflite.damage import DAMAGE, check_length, check_model, check_root, check_shape, in_words
from runner.tflite.decoding import DECODERS, decode, dequantize
from runner.tflite.flatbuffer_schema import TFLiteFileError, load_schema, names
from runner.tflite.readers import Reader, find_readers
from runner.tflite.sparse import Level, block_sizes, densify

__all__ = ["TFLiteFileError", "read_constants"]

_IDENTIFIER = b"TFL3"
_OTHER_KINDS = {b"PK\x03\x04": "a zip archive", b"\x89HDF": "an HDF5 file"}
# A damaged name may run on to the end of the file.
_LONGEST_NAME = 200
# TFLite's operators have tensors of up to 8 dimensions, and each may be divided into blocks once.
_MOST_LEVELS = 16


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
    data = _read_bytes(path)
    try:
        return list(_File(data, load_schema()).constants())
    except DAMAGE as error:
        raise TFLiteFileError(f"{path}: is a damaged TFLite file: {in_words(error)}") from error


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        saved = ", a SavedModel: convert it first" if (path / "saved_model.pb").is_file() else ""
        raise TFLiteFileError(f"{path}: is a folder{saved}; name a TFLite file")
    try:
        with path.open("rb") as file:
            begins = file.read(8)
            data = begins + file.read() if begins[4:] == _IDENTIFIER else begins
    except FileNotFoundError as error:
        beside = [str(one) for one in path.parent.glob("*.tflite")]
        raise TFLiteFileError(f"{path}: there is no such file.{did_you_mean(str(path), beside)}") from error
    except OSError as error:
        raise TFLiteFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not data:
        raise TFLiteFileError(f"{path}: is empty, no TFLite file")
    if data[:4] in _OTHER_KINDS:
        kind = _OTHER_KINDS[data[:4]]
        raise TFLiteFileError(f"{path}: is {kind}, no TFLite file; a Keras model is to be converted first")
    if data[4:8] != _IDENTIFIER:
        raise TFLiteFileError(
            f"{path}: is no TFLite file: its bytes 4 to 8 are {data[4:8]!r}, not {_IDENTIFIER!r}"
        )
    return data


@dataclass(frozen=True, eq=False)
class _File:
    """The bytes of a file and the schema that they follow."""

    data: bytes
    schema: ModuleType

    @cached_property
    def type_names(self) -> dict[int, str]:
        return names(self.schema.TensorType)

    def constants(self) -> Iterator[StoredConstant]:
        check_root(int.from_bytes(self.data[:4], "little"), len(self.data))
        model = self.schema.Model.GetRootAs(self.data, 0)
        graphs = list(_tables(model, "Subgraphs"))
        check_model(model.Version(), len(graphs), sum(_length(graph, "Tensors") for graph in graphs))
        op_names = self._operator_names(model)
        _length(model, "Buffers")
        for number, graph in enumerate(graphs):
            readers = find_readers(self.schema, list(_tables(graph, "Operators")), op_names)
            yield from self._of_graph(model, number, graph, readers)

    def _operator_names(self, model: Any) -> list[str]:
        builtin = names(self.schema.BuiltinOperator)
        found = []
        for code in _tables(model, "OperatorCodes"):
            # Old files have only the one-byte field, which the schema kept under a new name.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name, custom = builtin.get(number, f"operator {number}"), code.CustomCode()
            found.append(custom.decode("utf-8", "replace") if name == "CUSTOM" and custom else name)
        return found

    def _of_graph(
        self, model: Any, subgraph: int, graph: Any, readers: dict[int, list[Reader]]
    ) -> Iterator[StoredConstant]:
        order = {tensor: place for place, tensor in enumerate(readers)}
        found: dict[int, StoredConstant] = {}
        for index, tensor in enumerate(_tables(graph, "Tensors")):
            kind = self.type_names.get(tensor.Type(), "unknown")
            raw = self._raw_bytes(model, tensor, f"tensor {index} of subgraph {subgraph}")
            # Of a sparse tensor of zeros nothing is stored, and it is one all the same.
            if kind not in DECODERS or (raw.size == 0 and tensor.Sparsity() is None):
                continue
            name = (tensor.Name() or b"").decode("utf-8", "replace")
            try:
                constant = self._decoded(tensor, raw, kind)
            except DAMAGE as error:
                where = f"tensor {index} {name[:_LONGEST_NAME]!r} of subgraph {subgraph}"
                raise ValueError(f"{where}: {in_words(error)}") from error
            found[index] = replace(
                constant,
                subgraph=subgraph,
                index=index,
                name=name,
                uses=tuple(reader.use for reader in readers.get(index, ())),
                first_read=order.get(index, len(order)),
            )
        for index, constant in found.items():
            biases = dict.fromkeys(reader.bias for reader in readers.get(index, ()) if reader.bias in found)
            yield replace(constant, biases=tuple(found[b].stored for b in biases if b is not None))

    def _raw_bytes(self, model: Any, tensor: Any, where: str) -> np.ndarray:
        if tensor.Buffer() >= model.BuffersLength():
            raise ValueError(f"{where} is in buffer {tensor.Buffer()} of {model.BuffersLength()}")
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            return np.asarray(buffer.DataAsNumpy())
        # Files above 2 GB keep their buffers behind the flatbuffer; offsets 0 and 1 mean "not so".
        if buffer.Offset() > 1:
            if buffer.Offset() + buffer.Size() > len(self.data):
                raise ValueError("a buffer lies beyond the end of the file")
            return np.frombuffer(self.data, np.uint8, buffer.Size(), buffer.Offset())
        return np.zeros(0, np.uint8)

    def _decoded(self, tensor: Any, raw: np.ndarray, kind: str) -> StoredConstant:
        """Decodes a tensor, whatever it is called and wherever it is read."""
        shape = tuple(int(d) for d in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        sparsity = tensor.Sparsity()
        check_shape(shape, kind, raw.size, len(self.data), sparse=sparsity is not None)
        stored, encoding, problem = decode(raw, kind), None, None
        if sparsity is None:
            # Small values share a byte, so that some may be left over.
            stored = stored[: math.prod(shape)].reshape(shape)
        else:
            encoding, found = self._sparse(sparsity, stored, shape)
            problem = found if isinstance(found, str) else None
            # NaN equals nothing, so that no check of such a tensor passes by oversight.
            stored = np.broadcast_to(np.float32(np.nan), shape) if isinstance(found, str) else found
        scale, zero_point, axis = _quantization(tensor, shape)
        return StoredConstant(
            shape=shape,
            dtype=kind.lower(),
            stored=stored,
            values=dequantize(stored, scale, zero_point, axis) if scale.size and problem is None else stored,
            scale=scale,
            zero_point=zero_point,
            axis=axis,
            encoding=encoding,
            problem=problem,
        )

    def _sparse(
        self, sparsity: Any, stored: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[Encoding, np.ndarray | str]:
        """Returns how a sparse tensor is stored and its dense values, or what is wrong with its encoding."""
        encoding = Encoding((1,) * len(shape))
        try:
            order = _numbers(sparsity.TraversalOrderAsNumpy(), sparsity.TraversalOrderLength())
            block_map = _numbers(sparsity.BlockMapAsNumpy(), sparsity.BlockMapLength())
            levels = [self._level(sparsity.DimMetadata(i)) for i in range(min(len(order), _MOST_LEVELS))]
            encoding = Encoding(block_sizes(shape, order=order, block_map=block_map, levels=levels))
            return encoding, densify(stored, shape, order=order, block_map=block_map, levels=levels)
        except DAMAGE as error:
            return encoding, f"its sparse encoding is broken: {in_words(error)}"

    def _level(self, metadata: Any) -> Level:
        if metadata.Format() == self.schema.DimensionType.DENSE:
            return Level(size=metadata.DenseSize())
        read = self.schema.SparseIndexVectorCreator
        segments = read(metadata.ArraySegmentsType(), metadata.ArraySegments())
        indices = read(metadata.ArrayIndicesType(), metadata.ArrayIndices())
        if segments is None or indices is None:
            raise ValueError("it lacks its segments or indices")
        return Level(segments=_numbers(segments.values), indices=_numbers(indices.values))


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


def _numbers(vector: Any, length: int | None = None) -> np.ndarray:
    """Widens a vector of integers; flatbuffers gives 0 of length 0, or None, for one that is absent."""
    absent = vector is None or length == 0
    return np.zeros(0, np.int64) if absent else np.asarray(vector).astype(np.int64)


# Each field's place in its table's list of fields, as flatbuffers counts: 4 for the first, 6 for the next.
_PLACES = {"OperatorCodes": 6, "Subgraphs": 8, "Buffers": 12, "Tensors": 4, "Operators": 10}


def _length(table: Any, field: str) -> int:
    """Returns how long one of a table's lists of tables is, once it is known to lie in the file."""
    length: int = getattr(table, f"{field}Length")()
    place = table._tab.Offset(_PLACES[field])
    return check_length(length, table._tab.Vector(place) if place else 0, len(table._tab.Bytes))


def _tables(table: Any, field: str) -> Iterator[Any]:
    """Reads one of a table's lists of tables."""
    read = getattr(table, field)
    return (read(number) for number in range(_length(table, field)))
