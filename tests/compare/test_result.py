from typing import Any

import pytest

from runner.compare.result import latest_of_each, read_result, variants
from runner.tracking import LoggedRun
from tests.compare.made_results import result


def logged(**changes: Any) -> LoggedRun:
    values: dict[str, Any] = {
        "run_id": "a1",
        "status": "FINISHED",
        "started": 1000,
        "tags": {
            "recipe": "mnist_constant",
            "variation": "mnist_constant recipe.training.epochs=3",
            "recipe_hash": "0123",
            "data_source": "digits",
            "data_sha256": "ff",
            "data_fallback_for": "mnist",
            "fingerprint": "f0",
            "runner_kind": "run",
        },
        "params": {"seed": "7", "training.epochs": "3"},
        "metrics": {"test/accuracy": 0.9, "training/steps": 30.0},
    }
    return LoggedRun(**{**values, **changes})


def test_a_run_is_read() -> None:
    read = read_result(logged())
    assert read is not None
    assert (read.run_id, read.variation, read.seed) == ("a1", "mnist_constant recipe.training.epochs=3", 7)
    assert (read.recipe, read.recipe_hash, read.fingerprint) == ("mnist_constant", "0123", "f0")
    assert (read.data_source, read.data_sha256, read.data_fallback_for) == ("digits", "ff", "mnist")
    assert read.total_steps == 30.0
    assert (read.sparsity, read.nonzero_weights, read.drop) == (None, None, None)


def test_an_older_run_goes_by_its_recipes_name() -> None:
    read = read_result(logged(tags={"recipe": "mnist_2x4"}))
    assert read is not None
    assert read.variation == "mnist_2x4"
    assert (read.recipe_hash, read.data_sha256, read.fingerprint) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": {}},
        {"tags": {"recipe": "a", "runner_kind": "sweep"}},
        {"params": {}},
        {"params": {"seed": "null"}},
    ],
)
def test_what_is_no_run_of_a_recipe_is_left_out(changes: dict[str, Any]) -> None:
    assert read_result(logged(**changes)) is None


def test_derived_numbers() -> None:
    one = result(
        "a",
        1,
        0.9625,
        metrics={"test/dense_accuracy": 0.975, "training/dense_steps": 50, "tflite_int8/bytes": 9},
    )
    assert one.drop == pytest.approx(0.0125, abs=1e-12)
    assert one.total_steps == 150
    assert one.of_variant("int8", "bytes") == 9
    assert one.of_variant("float32", "bytes") is None


def test_variants_are_those_with_metrics() -> None:
    names = ["tflite_int8/bytes", "tflite_float32/accuracy", "tflite_int8/accuracy", "test/accuracy"]
    assert variants(names) == ["float32", "int8"]


def test_of_one_fingerprint_the_latest_stays() -> None:
    old = result("a", 1, 0.9, fingerprint="x", started=1, run_id="old")
    other = result("a", 2, 0.9, fingerprint="y", started=2, run_id="other")
    new = result("a", 1, 0.9, fingerprint="x", started=3, run_id="new")
    unknown = [result("a", 3, 0.9, started=time, run_id=f"u{time}") for time in (4, 5)]
    kept = latest_of_each([new, *unknown, other, old])
    assert [one.run_id for one in kept] == ["other", "new", "u4", "u5"]
