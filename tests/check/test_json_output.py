import json
from collections.abc import Mapping
from pathlib import Path

from runner.check.checking import check_file
from runner.check.json_output import to_json
from runner.check.options import CheckOptions
from runner.tflite.patterns import BlockPattern, MByNPattern


def test_all_of_a_check_is_written(files: Mapping[str, Path]) -> None:
    options = CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4), sparsity=0.5, layers=("conv_1",))
    assert json.loads(to_json(check_file(options))) == {
        "file": str(files["float32"]),
        "asked": {
            "m_by_n": "2:4",
            "block_in": None,
            "sparsity": 0.5,
            "axes": ["input_channels", "flattened"],
            "layers": ["conv_1"],
        },
        "passed": True,
        "tensors": [
            {
                "layer": "conv_1",
                "name": "small_cnn/conv_1/Conv2D",
                "subgraph": 0,
                "ops": [{"op": "CONV_2D", "input": 1}],
                "shape": [8, 3, 3, 2],
                "stored_as": "float32",
                "size": 144,
                "zeros": 72,
                "sparsity": 0.5,
                "patterns": {
                    "2:4": {
                        "input_channels": {"verdict": "vacuous", "groups": 0, "broken": 0},
                        "flattened": {"verdict": "holds", "groups": 40, "broken": 0},
                    }
                },
                "failures": [],
                "passed": True,
                "problem": None,
            }
        ],
        "left_out": [],
    }


def test_how_a_tensor_is_stored_and_what_it_fails(files: Mapping[str, Path]) -> None:
    written = json.loads(to_json(check_file(CheckOptions(files["int8_sparse"], blocks=BlockPattern(16)))))
    assert written["asked"]["block_in"] == 16
    assert {one["layer"]: one["stored_as"] for one in written["tensors"]}["hidden"] == (
        "int8, sparse in blocks 1x16"
    )
    assert {one["layer"]: one["failures"] for one in written["tensors"]} == {
        "conv_1": ["block 16"],
        "conv_2": ["block 16"],
        "hidden": [],
        "logits": ["block 16"],
    }
    assert not written["passed"]
