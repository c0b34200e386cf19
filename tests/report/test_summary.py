import json
from pathlib import Path
from typing import Any

from runner.export.advice import Advice, Ratios
from runner.export.measure import Exported
from runner.report.parts import Run
from runner.report.summary import result_summary, sparsity_summary, variants_summary, write_json
from runner.verify import CheckRow, SparsityCheck
from tests.report.made_run import made_run


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


def json_of(run: Run) -> Any:
    return json.loads(json.dumps(result_summary(run)))


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

    passed = made_run(proof={"rows": [good]}, exports={"check": SparsityCheck(())})
    assert json_of(passed)["sparsity_check"] == {"passed": True, "failures": []}
    failed = made_run(proof={"rows": [good, bad]}, exports={"check": SparsityCheck((), ("outputs differ",))})
    assert json_of(failed)["sparsity_check"] == {
        "passed": False,
        "failures": [
            "stripped: layer 'b', kernel 2: 1 of 1 planned zeros are not zero",
            "outputs differ",
        ],
    }


GOOD = Exported(
    "float32_sparse",
    Path("m.tflite"),
    100,
    60,
    loads=True,
    scores={"accuracy": 0.5, "loss": 1.25},
    latency_ms=0.125,
    latency_p90_ms=0.25,
    sparse_tensors=3,
    block_tensors=2,
)
BROKEN = Exported("int8", None, None, None, loads=False, error="no such operator")
KNOWN_OF_GOOD = {
    "loads": True,
    "bytes": 100,
    "gzip_bytes": 60,
    "accuracy": 0.5,
    "loss": 1.25,
    "mean_squared_error": None,
    "latency_ms": 0.125,
    "latency_p90_ms": 0.25,
    "sparse_tensors": 3,
    "block_tensors": 2,
    "error": None,
}
KNOWN_OF_BROKEN = {
    "loads": False,
    "bytes": None,
    "gzip_bytes": None,
    "accuracy": None,
    "loss": None,
    "mean_squared_error": None,
    "latency_ms": None,
    "latency_p90_ms": None,
    "sparse_tensors": 0,
    "block_tensors": 0,
    "error": "no such operator",
}


def test_each_variant_by_name() -> None:
    assert variants_summary([GOOD, BROKEN]) == {"float32_sparse": KNOWN_OF_GOOD, "int8": KNOWN_OF_BROKEN}


def test_what_to_make_of_a_file_stands_beside_its_numbers() -> None:
    ratios, to_twin = Ratios(0.1, 0.2), Ratios(0.3, 0.4, 0.5)
    advice = Advice(ratios, "float32", to_twin, True, "phones", "two tensors in blocks", "adb push m.tflite")
    assert variants_summary([GOOD], {"float32_sparse": advice}) == {
        "float32_sparse": {
            **KNOWN_OF_GOOD,
            "bytes_ratio": 0.1,
            "gzip_ratio": 0.2,
            "latency_ratio": None,
            "dense_twin": "float32",
            "twin_bytes_ratio": 0.3,
            "twin_gzip_ratio": 0.4,
            "twin_latency_ratio": 0.5,
            "runs_on": "phones",
            "why": "two tensors in blocks",
            "benchmark": "adb push m.tflite",
        }
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
