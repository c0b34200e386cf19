"""What ranks groups: the accuracy of classifications, the mean squared error of regressions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from runner.compare.result import ACCURACY, SQUARED_ERROR, Result
from runner.process.errors import UserError, did_you_mean


@dataclass(frozen=True)
class RankingScore:
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
        """Writes a value, with more digits where it would be rounded to 0.

        Args:
            value: A score, or a difference of two.
            signed: Whether its sign is written, as of a difference.
        """
        sign = "+" if signed else ""
        if not self.higher_is_better:
            return f"{value + 0.0:{sign}.4g}"
        digits = 4
        while value and digits < _MOST_DIGITS and round(value, digits) == 0:
            digits += 1
        return f"{value + 0.0:{sign}.{digits}f}"


_MOST_DIGITS = 12

TEST_ACCURACY = RankingScore(ACCURACY, "test accuracy", higher_is_better=True)
TEST_SQUARED_ERROR = RankingScore(SQUARED_ERROR, "test mean squared error", higher_is_better=False)

USUAL = (TEST_ACCURACY, TEST_SQUARED_ERROR)
"""What ranks where nothing else is asked for."""

_HIGHER = ("accuracy", "auc", "precision", "recall")
_LOWER = ("loss", "error", "bytes", "_ms", "weights", "macs", "crossentropy")


def more_is_better(metric: str) -> bool | None:
    """Returns, by its name, whether more of a metric is better; None where the name does not tell."""
    return metric.endswith(_HIGHER) if metric.endswith((*_HIGHER, *_LOWER)) else None


def named_score(metric: str, logged: Collection[str]) -> RankingScore:
    """Returns the score that a metric is.

    Args:
        metric: MLflow's name of it, such as `val/accuracy`.
        logged: The metrics of the runs.

    Raises:
        UserError: No run has it, or its name does not tell whether more is better.
    """
    if metric not in logged:
        known = sorted(name for name in logged if name.endswith((*_HIGHER, *_LOWER)))
        raise UserError(
            f"--metric {metric}: no run has it.{did_you_mean(metric, known)} There are: {', '.join(known)}"
        )
    higher = more_is_better(metric)
    if higher is None:
        raise UserError(
            f"--metric {metric}: whether more of it is better is not known; it is of names that end in"
            f" {', '.join(_HIGHER)} (more is better) or {', '.join(_LOWER)} (less is)"
        )
    known_names = {own.metric: own for own in (TEST_ACCURACY, TEST_SQUARED_ERROR)}
    own = RankingScore(metric, metric, higher_is_better=higher)
    return known_names.get(metric, own)


def score_of(results: Iterable[Result]) -> RankingScore:
    """Returns what ranks a group of runs.

    A loss ranks nothing: each recipe may name its own, and losses of two kinds are no common measure.

    Args:
        results: The runs of one group.

    Returns:
        Test accuracy where any of them has it; else they are regressions.
    """
    return TEST_ACCURACY if any(ACCURACY in result.metrics for result in results) else TEST_SQUARED_ERROR
