import json
from pathlib import Path

from runner.export.measure import Exported
from runner.summary import check_summary, sparsity_summary, variants_summary, write_json
from runner.verify import CheckRow, SparsityCheck


def row(layer: str, weight: str, shape: tuple[int, ...], zeros: int, problem: str | None = None) -> CheckRow:
    return CheckRow(
        layer=layer,
        weight=weight,
        point="stripped",
        shape=shape,
        planned_zeros=zeros,
        zeros=zeros,
        sparsity=0.0,
        pattern="unstructured",
        pattern_ok=None,
        passed=problem is None,
        problem=problem,
    )


def test_sparsity_is_a_share_of_weights_not_a_mean_of_shares() -> None:
    rows = [
        row("lstm", "kernel", (2, 8), 4),
        row("lstm", "recurrent_kernel", (3, 8), 6),
        row("dense", "kernel", (10, 6), 54),
    ]

    assert sparsity_summary(rows, weights_in_model=128) == {
        "pruned_layers": 64 / 100,
        "model": 64 / 128,
        "layers": {"lstm": 10 / 40, "dense": 54 / 60},
    }


def test_a_dense_run_has_no_sparsity() -> None:
    assert sparsity_summary([], weights_in_model=5) == {"pruned_layers": 0.0, "model": 0.0, "layers": {}}


def test_the_verdict_names_every_failure() -> None:
    good = row("a", "kernel", (2,), 1)
    bad = row("b", "kernel", (2,), 1, "stripped: layer 'b', kernel 2: 1 of 1 planned zeros are not zero")

    assert check_summary(SparsityCheck((good,))) == {"passed": True, "failures": []}
    assert check_summary(SparsityCheck((good, bad), ("outputs differ",))) == {
        "passed": False,
        "failures": [
            "stripped: layer 'b', kernel 2: 1 of 1 planned zeros are not zero",
            "outputs differ",
        ],
    }


def test_each_variant_by_name() -> None:
    good = Exported(
        "float32",
        Path("m.tflite"),
        100,
        60,
        loads=True,
        scores={"accuracy": 0.5, "loss": 1.25},
        latency_ms=0.125,
    )
    regression = Exported(
        "float16", Path("m.tflite"), 50, 30, loads=True, scores={"loss": 2.0}, latency_ms=1.0
    )
    broken = Exported("int8", Path("m.tflite"), 25, 20, loads=False, error="no such operator")

    assert variants_summary([good, regression, broken]) == {
        "float32": {
            "loads": True,
            "bytes": 100,
            "gzip_bytes": 60,
            "accuracy": 0.5,
            "loss": 1.25,
            "latency_ms": 0.125,
            "error": None,
        },
        "float16": {
            "loads": True,
            "bytes": 50,
            "gzip_bytes": 30,
            "accuracy": None,
            "loss": 2.0,
            "latency_ms": 1.0,
            "error": None,
        },
        "int8": {
            "loads": False,
            "bytes": 25,
            "gzip_bytes": 20,
            "accuracy": None,
            "loss": None,
            "latency_ms": None,
            "error": "no such operator",
        },
    }


def test_the_file_is_json_that_every_reader_takes(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"

    write_json(path, {"status": "finished", "test_accuracy": None, "sparsity": {"model": 0.5}})

    text = path.read_text(encoding="utf-8")
    assert text == (
        '{\n  "status": "finished",\n  "test_accuracy": null,\n  "sparsity": {\n    "model": 0.5\n  }\n}\n'
    )
    assert json.loads(text)["sparsity"]["model"] == 0.5


def test_nan_and_infinity_are_null(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"

    write_json(
        path, {"loss": float("nan"), "variants": {"a": {"loss": float("inf")}}, "list": [1.5, -float("inf")]}
    )

    assert (
        path.read_text()
        == json.dumps({"loss": None, "variants": {"a": {"loss": None}}, "list": [1.5, None]}, indent=2) + "\n"
    )
