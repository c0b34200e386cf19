"""Which operators read each tensor of a TFLite graph."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from runner.tflite.constant import Use

# An operator that only changes how a constant is written: what it feeds is what uses the constant.
_UNPACKING = frozenset({"DEQUANTIZE", "DENSIFY"})
_KERNEL = 1
# Where the operators whose input 1 is a kernel read what they add to each of its outputs.
_BIAS: Mapping[str, int] = {
    "CONV_2D": 2,
    "CONV_3D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
}


@dataclass(frozen=True)
class Reader:
    """One place that reads a tensor.

    Attributes:
        use: The operator and the place.
        bias: Index of the tensor that the operator adds to each output of this kernel; `None` for none.
    """

    use: Use
    bias: int | None


def find_readers(
    schema: ModuleType, operators: Sequence[Any], op_names: Sequence[str]
) -> dict[int, list[Reader]]:
    """Lists who reads each tensor of a graph, those behind operators that only unpack it included.

    Args:
        schema: The schema's module.
        operators: The graph's, in their order.
        op_names: The names that their opcode indices refer to.

    Returns:
        The readers by the tensor's index, in the order in which tensors are first read.
    """
    readers: dict[int, list[Reader]] = defaultdict(list)
    unpacked: dict[int, int] = {}
    for operator in operators:
        op = op_names[operator.OpcodeIndex()]
        inputs: list[int] = operator.InputsAsNumpy().tolist() if operator.InputsLength() else []
        for position, tensor in enumerate(inputs):
            use = Use(op, position, _turned(schema, operator, op, position))
            readers[tensor].append(Reader(use, _bias(op, position, inputs)))
        if op in _UNPACKING and len(inputs) == 1 and operator.OutputsLength():
            unpacked[inputs[0]] = operator.Outputs(0)
    place = {tensor: number for number, tensor in enumerate(readers)}
    for packed in unpacked:
        # A DENSIFY may stand in front of a DEQUANTIZE; each tensor is visited once, so a cycle ends too.
        seen, output = {packed}, unpacked[packed]
        while output not in seen:
            seen.add(output)
            readers[packed] += [reader for reader in readers[output] if reader not in readers[packed]]
            place[packed] = place.get(output, place[packed])
            output = unpacked.get(output, packed)
    return {tensor: readers[tensor] for tensor in sorted(place, key=lambda tensor: place[tensor])}


def _bias(op: str, position: int, inputs: Sequence[int]) -> int | None:
    place = _BIAS.get(op) if position == _KERNEL else None
    # An input that is left out has the index -1.
    return inputs[place] if place is not None and place < len(inputs) and inputs[place] >= 0 else None


def _turned(schema: ModuleType, operator: Any, op: str, position: int) -> bool:
    """Tells whether a batched matrix product reads this input with its last two axes exchanged."""
    table = operator.BuiltinOptions() if op == "BATCH_MATMUL" else None
    if table is None:
        return False
    options = schema.BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return bool(options.AdjY() if position else options.AdjX())
