from typing import Any

import pytest

from runner.compare.result import latest_of_each, read_result, variants
from runner.tracking import LoggedRun
from tests.compare.made_results import failed, result


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


def test_what_must_be_equal_between_groups_is_read() -> None:
    tags = {
        "recipe": "a",
        "group_fingerprint": "f1",
        "environment": '{"runner": "1.0", "plugin own": "ab12"}',
        "model_weights_sha256": "cd" * 32,
    }
    params = {"data.validation_split": "0.1", "training.batch_size": "128", "model.path": "null"}
    read = read_result(logged(tags=tags, params={"seed": "7", "model.weights": "w.h5", **params}))
    assert read is not None
    assert read.group_fingerprint == "f1"
    assert read.environment == {"runner": "1.0", "plugin own": "ab12"}
    assert (read.validation_split, read.batch_size) == (0.1, 128)
    assert read.files == {"weights": "cd" * 32}


@pytest.mark.parametrize(
    ("params", "files"),
    [
        ({}, None),
        ({"model.path": "null", "model.weights": "null"}, {}),
        ({"model.path": "a.keras", "model.weights": "null"}, {"path": ""}),
    ],
)
def test_what_an_older_run_began_with(params: dict[str, str], files: dict[str, str] | None) -> None:
    read = read_result(logged(params={"seed": "7", **params}))
    assert read is not None
    assert read.files == files
    assert (read.validation_split, read.batch_size) == (None, None)
    assert (read.environment, read.group_fingerprint) == (None, None)


@pytest.mark.parametrize("tag", ["", "{", "[1]"])
def test_an_environment_that_is_none_is_unknown(tag: str) -> None:
    read = read_result(logged(tags={"recipe": "a", "environment": tag}))
    assert read is not None
    assert read.environment is None


SCORED = {"test/accuracy": 0.5, "test/loss": 1.0}


@pytest.mark.parametrize(
    ("status", "tags", "metrics", "failure"),
    [
        ("FINISHED", {}, SCORED, None),
        ("FAILED", {"sparsity_check": "passed", "budget": "missed"}, SCORED, None),
        ("FAILED", {"sparsity_check": "passed", "failure": "a file could not be made"}, SCORED, None),
        (
            "FAILED",
            {"sparsity_check": "failed", "failure": "told"},
            SCORED,
            "the sparsity check did not pass",
        ),
        (
            "FAILED",
            {"sparsity_check": "not made", "failure": "the loss became nan"},
            {},
            "the loss became nan",
        ),
        ("FAILED", {"sparsity_check": "not made"}, {}, "its run is FAILED in MLflow"),
        ("KILLED", {"sparsity_check": "not made"}, {}, "its run is KILLED in MLflow"),
    ],
)
def test_which_runs_have_a_result_that_counts(
    status: str, tags: dict[str, str], metrics: dict[str, float], failure: str | None
) -> None:
    read = read_result(logged(status=status, tags={"recipe": "a", **tags}, metrics=metrics))
    assert read is not None
    assert read.failure == failure
    assert read.missed_budget is ("budget" in tags)


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


def test_of_one_fingerprint_a_result_stays_before_a_later_failure() -> None:
    good = result("a", 1, 0.9, fingerprint="x", started=1, run_id="good")
    later = failed("a", 1, fingerprint="x", started=2, run_id="later")
    assert latest_of_each([later, good]) == [good]
    assert latest_of_each([later]) == [later]
