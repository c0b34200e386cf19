"""What ranks groups: the accuracy of classifications, the mean squared error of regressions."""

from collections.abc import Iterable
from dataclasses import dataclass

from runner.compare.result import ACCURACY, SQUARED_ERROR, Result


@dataclass(frozen=True)
class Score:
    """What ranks groups.

    Args:
        metric: Its name in MLflow.
        name: In words.
        higher_is_better: False for an error.
    """

    metric: str
    name: str
    higher_is_better: bool

    @property
    def measure(self) -> str:
        """What is measured, without the data it is measured on: the name of its column and its files."""
        return self.metric.removeprefix("test/")

    def number(self, value: float, *, signed: bool = False) -> str:
        """Writes a value, or with its sign a difference."""
        if self.higher_is_better:
            return f"{value:+.4f}" if signed else f"{value:.4f}"
        return f"{value:+.4g}" if signed else f"{value:.4g}"


TEST_ACCURACY = Score(ACCURACY, "test accuracy", higher_is_better=True)
TEST_SQUARED_ERROR = Score(SQUARED_ERROR, "test mean squared error", higher_is_better=False)


def score_of(results: Iterable[Result]) -> Score:
    """Returns what ranks a group of runs.

    A loss ranks nothing: each recipe may name its own, and losses of two kinds are no common measure.

    Args:
        results: The runs of one group.

    Returns:
        Test accuracy where any of them has it; else they are regressions.
    """
    return TEST_ACCURACY if any(ACCURACY in result.metrics for result in results) else TEST_SQUARED_ERROR
