"""Reads the constants of a TFLite file from its bytes, without the interpreter and without TensorFlow.

The interpreter hands out the compressed values of a sparse tensor, the half floats in front of a
DEQUANTIZE and the raw integers of a quantized one. A proof about the file needs what those bytes mean.
"""

import functools
import importlib.util
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from runner.errors import UserError
from runner.export.sparse import Level, densify

_IDENTIFIER = b"TFL3"
# An operator that only changes how a constant is written: what it feeds is what uses the constant.
_UNPACKING = frozenset({"DEQUANTIZE", "DENSIFY"})
# What reading nonsense offsets raises in flatbuffers and NumPy.
_DAMAGE = (struct.error, IndexError, ValueError, TypeError, OverflowError, MemoryError)


class TFLiteFileError(UserError):
    """The file is missing, or is no TFLite file, or a damaged one."""


class Use(NamedTuple):
    """One place that reads a constant: an operator's name and the position among its inputs."""

    op: str
    position: int


@dataclass(frozen=True, eq=False)
class Constant:
    """One constant tensor of a TFLite file, decoded.

    Attributes:
        subgraph: Index of the subgraph that holds it.
        index: Index of the tensor in that subgraph.
        name: The tensor's name in the file; the converter often loses the layer's.
        uses: The operators that read it, those behind a DEQUANTIZE or a DENSIFY included.
        shape: Its dense shape.
        dtype: How the values are stored: `"float32"`, `"float16"`, `"int8"`, `"int4"`, ...
        values: What they mean, of that shape: sparse encodings are made dense, half floats widened and
            quantized integers brought to `(q - zero_point) * scale` (so a weight is zero exactly when its
            integer is the zero point). Integers without a scale stay as they are.
        scale: The quantization scales, one or one per slice along `axis`; empty when not quantized.
        zero_point: Their zero points, as many as there are scales.
        axis: The quantized dimension.
    """

    subgraph: int
    index: int
    name: str
    uses: tuple[Use, ...]
    shape: tuple[int, ...]
    dtype: str
    values: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int

    @property
    def quantized(self) -> bool:
        """Whether the values are stored as integers with a scale."""
        return self.scale.size > 0

    def steps(self) -> np.ndarray:
        """The distance to the next storable number: how far a value may honestly lie from the original.

        Returns:
            An array that broadcasts against `values`: the quantization scale, the spacing of half or brain
            floats around each value, or zeros for full floats and integers.
        """
        if self.quantized:
            return _along(self.scale, self.axis, len(self.shape))
        if self.dtype == "float16":
            return np.spacing(np.abs(self.values).astype(np.float16)).astype(np.float32)
        if self.dtype == "bfloat16":
            return np.spacing(np.abs(self.values)) * np.float32(2**16)
        return np.zeros((1,) * len(self.shape), np.float32)

    def __str__(self) -> str:
        uses = list(dict.fromkeys(f"{use.op} input {use.position}" for use in self.uses)) or ["no operator"]
        readers = ", ".join(uses[:3]) + (", ..." if len(uses) > 3 else "")
        return f"'{self.name}' ({self.dtype} {list(self.shape)}, read by {readers})"


def read_constants(path: str | Path) -> list[Constant]:
    """Reads every numeric constant of every subgraph of a TFLite file.

    Args:
        path: The `.tflite` file.

    Returns:
        The constants in the file's order. Empty, string and resource tensors are left out: no weight is one.

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
    except _DAMAGE as error:
        raise TFLiteFileError(f"{path}: is a damaged TFLite file: {error}") from error


def _constants(data: bytes) -> Iterator[Constant]:
    schema = _schema()
    type_names = _names(schema.TensorType)
    model = schema.Model.GetRootAs(data, 0)
    op_names = _operator_names(schema, model, len(data))
    for s in range(_checked(model.SubgraphsLength(), len(data))):
        graph = model.Subgraphs(s)
        uses = _uses(graph, op_names, len(data))
        for t in range(_checked(graph.TensorsLength(), len(data))):
            tensor = graph.Tensors(t)
            kind = type_names.get(tensor.Type(), "unknown")
            raw = _raw_bytes(model.Buffers(tensor.Buffer()), data)
            if kind not in _DECODERS or raw.size == 0:
                continue
            name = (tensor.Name() or b"").decode("utf-8", "replace")
            try:
                yield _constant(
                    schema, tensor, raw, kind, subgraph=s, index=t, name=name, uses=tuple(uses[t])
                )
            except ValueError as error:
                raise ValueError(f"tensor {t} '{name}' of subgraph {s}: {error}") from error


def _constant(
    schema: ModuleType,
    tensor: Any,
    raw: np.ndarray,
    kind: str,
    *,
    subgraph: int,
    index: int,
    name: str,
    uses: tuple[Use, ...],
) -> Constant:
    shape = tuple(int(d) for d in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
    stored = _DECODERS[kind](raw)
    sparsity = tensor.Sparsity()
    if sparsity is not None and sparsity.DimMetadataLength():
        stored = densify(
            stored,
            shape,
            order=sparsity.TraversalOrderAsNumpy(),
            block_map=sparsity.BlockMapAsNumpy() if sparsity.BlockMapLength() else np.zeros(0, int),
            levels=[_level(schema, sparsity.DimMetadata(i)) for i in range(sparsity.DimMetadataLength())],
        )
    else:
        count = int(np.prod(shape, dtype=np.int64))
        # Two 4-bit values share a byte, so an odd count leaves one over.
        if kind == "INT4" and stored.size == count + 1:
            stored = stored[:count]
        if stored.size != count:
            raise ValueError(
                f"its buffer holds {stored.size} values, its shape {list(shape)} asks for {count}"
            )
        stored = stored.reshape(shape)
    scale, zero_point, axis = _quantization(tensor, shape)
    values = stored
    if scale.size:
        # int64 would do for every type; weights are int8 or int4, and int32 halves the time they take.
        wide = stored.astype(np.int64 if stored.dtype.itemsize > 2 else np.int32)
        offset = wide - _along(zero_point, axis, len(shape)).astype(wide.dtype)
        values = (offset * _along(scale, axis, len(shape))).astype(np.float32)
    return Constant(subgraph, index, name, uses, shape, kind.lower(), values, scale, zero_point, axis)


def _quantization(tensor: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    parameters = tensor.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    scale = parameters.ScaleAsNumpy().astype(np.float32)
    zero_point = parameters.ZeroPointAsNumpy() if parameters.ZeroPointLength() else np.zeros(1, np.int64)
    axis = parameters.QuantizedDimension()
    if scale.size > 1 and (axis >= len(shape) or shape[axis] != scale.size):
        raise ValueError(f"{scale.size} quantization scales do not fit axis {axis} of {list(shape)}")
    if zero_point.size not in (1, scale.size):
        raise ValueError(f"{zero_point.size} zero points do not fit {scale.size} quantization scales")
    return scale, np.broadcast_to(zero_point, scale.shape).astype(np.int64), axis


def _along(per_slice: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """Shapes one number per slice so that it broadcasts along `axis` of an array of `rank` dimensions."""
    if per_slice.size == 1:
        return per_slice.reshape((1,) * rank)
    return per_slice.reshape(tuple(per_slice.size if a == axis else 1 for a in range(rank)))


def _level(schema: ModuleType, metadata: Any) -> Level:
    if metadata.Format() == schema.DimensionType.DENSE:
        return Level(size=metadata.DenseSize())
    return Level(
        segments=_indices(schema, metadata.ArraySegmentsType(), metadata.ArraySegments()),
        indices=_indices(schema, metadata.ArrayIndicesType(), metadata.ArrayIndices()),
    )


def _indices(schema: ModuleType, kind: int, table: Any) -> np.ndarray:
    vector_name = _names(schema.SparseIndexVector).get(kind, "NONE")
    if table is None or vector_name == "NONE":
        raise ValueError("its sparse encoding lacks its segments or indices")
    vector = getattr(schema, vector_name)()
    vector.Init(table.Bytes, table.Pos)
    return (
        np.asarray(vector.ValuesAsNumpy()).astype(np.int64)
        if vector.ValuesLength()
        else np.zeros(0, np.int64)
    )


def _uses(graph: Any, op_names: list[str], limit: int) -> dict[int, list[Use]]:
    """Lists who reads each tensor, seen through the operators that only unpack it."""
    readers: dict[int, list[Use]] = defaultdict(list)
    unpacked: dict[int, int] = {}
    for o in range(_checked(graph.OperatorsLength(), limit)):
        operator = graph.Operators(o)
        op = op_names[operator.OpcodeIndex()]
        inputs: list[int] = operator.InputsAsNumpy().tolist() if operator.InputsLength() else []
        for position, tensor in enumerate(inputs):
            readers[tensor].append(Use(op, position))
        if op in _UNPACKING and len(inputs) == 1 and operator.OutputsLength():
            unpacked[inputs[0]] = operator.Outputs(0)
    for packed in unpacked:
        # A DENSIFY may stand in front of a DEQUANTIZE; each tensor is visited once, so a cycle ends too.
        seen, output = {packed}, unpacked[packed]
        while output not in seen:
            seen.add(output)
            readers[packed] += [use for use in readers[output] if use not in readers[packed]]
            output = unpacked.get(output, packed)
    return readers


def _operator_names(schema: ModuleType, model: Any, limit: int) -> list[str]:
    builtin = _names(schema.BuiltinOperator)
    names = []
    for c in range(_checked(model.OperatorCodesLength(), limit)):
        code = model.OperatorCodes(c)
        # Old files have only the one-byte field, which the schema kept under a new name.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = builtin.get(number, f"operator {number}")
        custom = code.CustomCode()
        names.append(custom.decode("utf-8", "replace") if name == "CUSTOM" and custom else name)
    return names


def _raw_bytes(buffer: Any, data: bytes) -> np.ndarray:
    if buffer.DataLength():
        return np.asarray(buffer.DataAsNumpy())
    # Files above 2 GB keep their buffers behind the flatbuffer; offsets 0 and 1 mean "not so".
    if buffer.Offset() > 1:
        if buffer.Offset() + buffer.Size() > len(data):
            raise ValueError("a buffer lies beyond the end of the file")
        return np.frombuffer(data, np.uint8, buffer.Size(), buffer.Offset())
    return np.zeros(0, np.uint8)


def _checked(length: int, limit: int) -> int:
    """Refuses a vector that is longer than the file, which a damaged length field would make us walk."""
    if not 0 <= length <= limit // 4:
        raise ValueError(f"a list of {length} entries cannot lie in {limit} bytes")
    return length


def _int4(raw: np.ndarray) -> np.ndarray:
    """Splits bytes into signed 4-bit values, the lower half first."""
    halves = np.stack([raw & 0x0F, raw >> 4], axis=-1).reshape(-1).astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)


def _bfloat16(raw: np.ndarray) -> np.ndarray:
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


_DECODERS = {
    "FLOAT32": lambda raw: raw.view("<f4"),
    "FLOAT16": lambda raw: raw.view("<f2").astype(np.float32),
    "BFLOAT16": _bfloat16,
    "FLOAT64": lambda raw: raw.view("<f8"),
    "INT4": _int4,
    "INT8": lambda raw: raw.view("i1"),
    "UINT8": lambda raw: raw,
    "INT16": lambda raw: raw.view("<i2"),
    "UINT16": lambda raw: raw.view("<u2"),
    "INT32": lambda raw: raw.view("<i4"),
    "UINT32": lambda raw: raw.view("<u4"),
    "INT64": lambda raw: raw.view("<i8"),
    "UINT64": lambda raw: raw.view("<u8"),
    "BOOL": lambda raw: raw.view("?"),
}


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


@functools.cache
def _schema() -> ModuleType:
    """Loads TensorFlow's own schema by its file: importing TensorFlow takes four seconds, this 0.2."""
    tensorflow = importlib.util.find_spec("tensorflow")
    for folder in (tensorflow.submodule_search_locations or ()) if tensorflow else ():
        file = Path(folder, "lite", "python", "schema_py_generated.py")
        spec = (
            importlib.util.spec_from_file_location("runner_tflite_schema", file) if file.is_file() else None
        )
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise TFLiteFileError(
        "the TFLite schema (tensorflow/lite/python/schema_py_generated.py) is not where TensorFlow keeps it:"
        " install the project's own TensorFlow, see pyproject.toml"
    )
