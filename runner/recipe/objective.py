"""The objective of a search: a metric in MLflow, to be maximized or minimized."""

import re
from dataclasses import dataclass

from runner.process.wording import shown

MOST = 2
"""The most objectives of a search: the Pareto front of two can be plotted."""

_MINIMIZED = "-"
_NAME = re.compile(r"[^\s/-][^/]*(/[^/]+)+")
_SCORES = ("accuracy", "loss", "mean_squared_error")


@dataclass(frozen=True)
class Objective:
    """One number of a run that a search maximizes or minimizes.

    Args:
        metric: Its name in MLflow, such as `val/accuracy`.
        maximized: False minimizes it.
    """

    metric: str
    maximized: bool = True

    @classmethod
    def parse(cls, written: str) -> "Objective":
        """Reads an objective as it is written: `val/accuracy`, or with a minus `-tflite_int8/bytes`.

        Raises:
            ValueError: It is no name of a metric.
        """
        metric = written.removeprefix(_MINIMIZED)
        if not _NAME.fullmatch(metric):
            raise ValueError(
                f"has {shown(written)}, but must be metrics of MLflow's such as val/accuracy, with a minus in"
                " front where less is better: -tflite_int8/bytes"
            )
        return cls(metric, maximized=metric == written)

    def __str__(self) -> str:
        return self.metric if self.maximized else _MINIMIZED + self.metric

    @property
    def words(self) -> str:
        """The objective in words: `the highest val/accuracy`."""
        return f"the {'highest' if self.maximized else 'lowest'} {self.metric}"

    @property
    def direction(self) -> str:
        """What Optuna calls it."""
        return "maximize" if self.maximized else "minimize"

    @property
    def on_test_set(self) -> bool:
        """Whether it is measured on the test set, as the scores of TFLite files are, too."""
        group, _, name = self.metric.partition("/")
        return group == "test" or (group.startswith("tflite_") and name in _SCORES)

    def better(self, one: float, other: float) -> bool:
        """Tells whether one value is better than another."""
        return one > other if self.maximized else one < other


def read_objectives(written: tuple[str, ...]) -> tuple[Objective, ...]:
    """Reads the objectives of a search.

    Args:
        written: One or two.

    Raises:
        ValueError: One is no metric's name, or one is named twice, or there are too many.
    """
    objectives = tuple(Objective.parse(each) for each in written)
    if not 1 <= len(objectives) <= MOST:
        raise ValueError(f"has {len(objectives)} metrics, but must have one or two")
    if len({objective.metric for objective in objectives}) < len(objectives):
        raise ValueError(f"names {objectives[0].metric} twice")
    return objectives
