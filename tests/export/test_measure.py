import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from runner.export.measure import Exported, gzip_bytes

GOOD = Exported("int8", Path("m.tflite"), 100, 60, loads=True, scores={"accuracy": 0.5, "loss": 2.0})


def test_gzip_is_that_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(range(256)) * 50)
    assert gzip_bytes(path) == len(gzip.compress(path.read_bytes(), 6))


def test_numbers_go_by_the_names_of_summary_and_mlflow() -> None:
    assert GOOD.measured() == {
        "bytes": 100,
        "gzip_bytes": 60,
        "accuracy": 0.5,
        "loss": 2.0,
        "mean_squared_error": None,
        "latency_ms": None,
        "latency_p90_ms": None,
    }


def test_a_regression_has_no_accuracy_and_a_broken_file_nothing() -> None:
    scores = {"loss": 0.25, "mean_squared_error": 0.5}
    regression = Exported("float32", Path("m.tflite"), 1, 1, loads=True, scores=scores)
    assert (regression.accuracy, regression.loss, regression.mean_squared_error) == (None, 0.25, 0.5)
    none = Exported("int8", None, None, None, loads=False, error="the converter ended")
    assert set(none.measured().values()) == {None}


@pytest.mark.parametrize(
    ("own", "its", "apart"),
    [
        ((0.5, 0.55), (0.6, 0.65), True),
        ((0.6, 0.65), (0.5, 0.55), True),
        ((0.5, 0.61), (0.6, 0.62), False),
        ((0.5, 0.51), (0.6, 0.71), False),
        ((0.5, None), (0.5, None), False),
        ((0.00124, 0.00125), (0.00154, 0.00155), False),
        ((0.00124, 0.00125), (0.0154, 0.0155), True),
        ((None, None), (0.5, 0.55), False),
        ((0.5, 0.55), (None, None), False),
    ],
)
def test_times_are_told_apart_beyond_their_noise(
    own: tuple[float | None, float | None], its: tuple[float | None, float | None], apart: bool
) -> None:
    files = [replace(GOOD, latency_ms=median, latency_p90_ms=slow) for median, slow in (own, its)]
    assert files[0].told_apart_by_time(files[1]) is apart


def test_loading_and_an_error_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="loads is True"):
        Exported("float32", Path("m"), 1, 1, loads=True, error="broken")
    with pytest.raises(ValueError, match="loads is False"):
        Exported("float32", Path("m"), 1, 1, loads=False)
    with pytest.raises(ValueError, match="loads, but is no file"):
        Exported("float32", None, None, None, loads=True)
