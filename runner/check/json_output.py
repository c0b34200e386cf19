"""The check of a TFLite file as JSON, for other programs."""

import json
from dataclasses import asdict
from typing import Any

from runner.check.checking import FileCheck, TensorCheck
from runner.tflite.constant import StoredConstant


def to_json(check: FileCheck) -> str:
    """Writes a check as one JSON object.

    Its keys: `file`; `asked` (`m_by_n`, `block_in`, `sparsity`, `axes`, `layers`; null where not asked);
    `passed`; `tensors`; `left_out` (`name`, `shape`, `ops` of matrices that are no weights as far as is
    known). Of each tensor: `layer`, `name`, `subgraph`, `ops` (each `op`, `input`), `shape`, `stored_as`,
    `size`, `zeros`, `sparsity`, `patterns` (by label, then by axis: `verdict`, `groups`, `broken`),
    `failures`, `passed`, `problem`. `zeros` and `sparsity` are null where the tensor cannot be decoded.
    """
    options = check.options
    return json.dumps(
        {
            "file": str(options.file),
            "asked": {
                "m_by_n": None if options.m_by_n is None else options.m_by_n.label,
                "block_in": None if options.blocks is None else options.blocks.size,
                "sparsity": options.sparsity,
                "axes": list(options.axes),
                "layers": list(options.layers),
            },
            "passed": check.passed,
            "tensors": [_tensor(tensor) for tensor in check.tensors],
            "left_out": [
                {
                    "name": constant.name,
                    "shape": list(constant.shape),
                    "ops": sorted({use.op for use in constant.uses}),
                }
                for constant in check.left_out
            ],
        },
        indent=2,
    )


def stored_as(constant: StoredConstant) -> str:
    """Says how a constant is stored, e.g. `float32`, `int8, sparse`, `float32, sparse in blocks 1x4`."""
    if constant.encoding is None:
        return constant.dtype
    if not constant.encoding.in_blocks:
        return f"{constant.dtype}, sparse"
    return f"{constant.dtype}, sparse in blocks {'x'.join(map(str, constant.encoding.blocks))}"


def _tensor(tensor: TensorCheck) -> dict[str, Any]:
    constant = tensor.weight.constant
    known = constant.problem is None
    return {
        "layer": tensor.layer,
        "name": constant.name,
        "subgraph": constant.subgraph,
        "ops": [{"op": use.op, "input": use.position} for use in tensor.weight.uses],
        "shape": list(constant.shape),
        "stored_as": stored_as(constant),
        "size": tensor.size,
        "zeros": tensor.zeros if known else None,
        "sparsity": round(tensor.sparsity, 6) if known else None,
        "patterns": {
            label: {axis: asdict(found) for axis, found in by_axis.items()}
            for label, by_axis in tensor.results.items()
        },
        "failures": list(tensor.failures),
        "passed": tensor.passed,
        "problem": constant.problem,
    }
