"""What a run prints of its result; whole runs are in `test_experiment`."""

from collections.abc import Mapping

import pytest

from runner.run.record import _beside


@pytest.mark.parametrize(
    ("dense", "scores", "told"),
    [
        ({"loss": 174.0}, {"loss": 38.5}, "; dense loss 174.0000, fall 135.5000"),
        ({"loss": 1.0}, {"loss": 1.5}, "; dense loss 1.0000, rise 0.5000"),
        ({"loss": 1.0}, {"loss": 1.0}, "; dense loss 1.0000, rise 0.0000"),
        ({"loss": 1.0, "accuracy": 0.9}, {"loss": 1.0, "accuracy": 0.85}, "; dense 0.9000, drop 0.0500"),
        ({"loss": 1.0, "accuracy": 0.85}, {"loss": 1.0, "accuracy": 0.9}, "; dense 0.8500, rise 0.0500"),
        (None, {"loss": 1.0}, ""),
    ],
)
def test_a_change_is_told_by_its_direction(
    dense: Mapping[str, float] | None, scores: Mapping[str, float], told: str
) -> None:
    assert _beside(dense, scores) == told
