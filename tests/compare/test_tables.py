import pytest

from runner.compare.comparison import Comparison, compare
from runner.compare.intervals import Mean
from runner.compare.tables import Column, columns, rows
from tests.compare.made_results import groups, result


def files(gzip_bytes: int, accuracy: float) -> dict[str, float]:
    return {
        "test/dense_accuracy": 0.75,
        "model/keras_gzip_bytes": 2 * gzip_bytes,
        "tflite_float32/accuracy": accuracy,
        "tflite_float32/loss": 0.5,
        "tflite_float32/bytes": 4 * gzip_bytes,
        "tflite_float32/gzip_bytes": gzip_bytes,
        "tflite_float32/latency_ms": 0.25,
    }


def two_recipes() -> Comparison:
    first = [result("a", seed, 0.5 + 0.125 * seed, metrics=files(1000, 0.5)) for seed in (1, 2)]
    second = [result("b", 1, 0.5, metrics=files(3000, 0.25) | {"tflite_int8/gzip_bytes": 10})]
    return compare(groups(first, second))


def test_columns_are_what_was_measured() -> None:
    assert [column.name for column in columns(two_recipes())] == [
        "test/accuracy",
        "test/dense_accuracy",
        "test/drop",
        "test/loss",
        "sparsity/_model",
        "model/nonzero_weights",
        "model/weights",
        "training/total_steps",
        "model/keras_gzip_bytes",
        "tflite_float32/accuracy",
        "tflite_float32/bytes",
        "tflite_float32/gzip_bytes",
        "tflite_float32/latency_ms",
        "tflite_int8/gzip_bytes",
    ]


def test_a_regression_has_errors_for_accuracies() -> None:
    metrics = {
        "test/mean_squared_error": 0.25,
        "tflite_float32/loss": 0.5,
        "tflite_float32/mean_squared_error": 0.25,
        "tflite_float32/bytes": 9,
    }
    run = result("a", 1, None, metrics=metrics)
    names = [column.name for column in columns(compare(groups([run])))]
    assert names[:2] == ["test/mean_squared_error", "test/loss"]
    assert names[-2:] == ["tflite_float32/mean_squared_error", "tflite_float32/bytes"]
    assert not any("test/accuracy" in name for name in names)


def test_a_regression_that_logged_losses_only_shows_them() -> None:
    run = result("a", 1, None, metrics={"tflite_float32/loss": 0.5, "tflite_float32/bytes": 9})
    names = [column.name for column in columns(compare(groups([run])))]
    assert (names[0], names[-2:]) == ("test/loss", ["tflite_float32/loss", "tflite_float32/bytes"])


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("score", 0.98765, "0.9877"),
        ("error", 12345.678, "1.235e+04"),
        ("share", 0.8751, "87.51%"),
        ("count", 1234567.0, "1,234,567"),
        ("milliseconds", 0.12345, "0.123"),
        ("score", None, "-"),
    ],
)
def test_values_are_written_by_their_kind(kind: str, value: float | None, text: str) -> None:
    assert Column("x", "x", kind, lambda one: None).text(value) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        (Mean(0.5, 3, 0.0123), "0.5000 ± 0.0123"),
        (Mean(0.5, 3, 0.0), "0.5000"),
        (Mean(0.5, 1, None), "0.5000"),
        (None, "-"),
    ],
)
def test_means_are_written_with_their_intervals(mean: Mean | None, text: str) -> None:
    assert Column("x", "x", "score", lambda one: None).mean_text(mean) == text


def test_a_line_per_seed_then_the_mean() -> None:
    comparison = two_recipes()
    shown = [
        column for column in columns(comparison) if column.name in ("test/accuracy", "tflite_int8/gzip_bytes")
    ]
    # Two values 0.125 apart: half of that times t(0.975, 1 degree of freedom).
    assert [
        (row.group, row.label, row.is_mean, row.cells) for row in rows(comparison, shown, every_seed=True)
    ] == [
        ("a", "1", False, ("0.6250", "-")),
        ("a", "2", False, ("0.7500", "-")),
        ("a", "mean", True, ("0.6875 ± 0.7941", "-")),
        ("b", "1", False, ("0.5000", "10")),
        ("b", "mean", True, ("0.5000", "10")),
    ]
    assert [row.label for row in rows(comparison, shown, every_seed=False)] == ["mean", "mean"]
