"""What a search has tried, and what was best of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from runner.compare.charts.pareto import pareto_front
from runner.recipe.objective import Objective, read_objectives
from runner.records.names import short_number
from runner.records.sweep_records import JobRecord
from runner.records.swept_keys import short_keys


@dataclass(frozen=True)
class Trial:
    """One job of a search.

    Args:
        number: The job's, from 0.
        sampled: What was chosen for it: values by dotted key, without `recipe.` in front.
        values: What is searched for, measured; empty where the job has no result.
        reason: Why it has none.
    """

    number: int
    sampled: Mapping[str, str]
    values: tuple[float, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Args:
        objectives: What it looked for, one or two.
        trials: Its jobs, by number.

    Raises:
        ValueError: A trial has another number of values.
    """

    objectives: tuple[Objective, ...]
    trials: tuple[Trial, ...]

    def __post_init__(self) -> None:
        for trial in self.trials:
            if len(trial.values) not in (0, len(self.objectives)):
                raise ValueError(f"trial {trial.number} has {len(trial.values)} values")

    @property
    def finished(self) -> list[Trial]:
        """The trials that have a result."""
        return [trial for trial in self.trials if trial.values]

    @property
    def names(self) -> dict[str, str]:
        """The short name of each key that was searched."""
        return short_keys((key for trial in self.trials for key in trial.sampled), least=1)

    @property
    def best(self) -> list[Trial]:
        """The best trial; of two objectives the front: what no other trial beats in both, equals included."""
        if not self.finished:
            return []
        first = self.objectives[0]
        if len(self.objectives) == 1:
            sign = -1 if first.maximized else 1
            return [min(self.finished, key=lambda trial: sign * trial.values[0])]
        second = self.objectives[1]
        cost = -1 if second.maximized else 1
        points = [(cost * trial.values[1], trial.values[0]) for trial in self.finished]
        return [self.finished[index] for index in pareto_front(points, higher_is_better=first.maximized)]

    def running_best(self, objective: int) -> list[float]:
        """Returns the best value of an objective up to each finished trial."""
        found: list[float] = []
        wanted = self.objectives[objective]
        for trial in self.finished:
            value = trial.values[objective]
            found.append(value if not found or wanted.better(value, found[-1]) else found[-1])
        return found

    def chosen(self, trial: Trial) -> str:
        """Writes what was chosen for a trial: `sparsity=0.8125 power=2`."""
        names = self.names
        return " ".join(f"{names[key]}={short_number(value)}" for key, value in trial.sampled.items())


def read_found(objectives: Sequence[str], records: Sequence[JobRecord]) -> Found:
    """Reads what a search has found off the records of its jobs.

    Args:
        objectives: As they were written.
        records: Of its jobs.
    """
    trials = (
        Trial(
            record.number,
            record.sampled,
            record.values if record.succeeded else (),
            None if record.succeeded else record.reason or record.status,
        )
        for record in records
    )
    return Found(read_objectives(tuple(objectives)), tuple(trials))


def trials_frame(found: Found) -> pd.DataFrame:
    """Returns the trials as `trials.csv` holds them: a column for each objective and each searched key."""
    best = {trial.number for trial in found.best}
    metrics = [objective.metric for objective in found.objectives]
    rows = [
        {
            "trial": trial.number,
            **dict.fromkeys(metrics),
            **dict(zip(metrics, trial.values, strict=False)),
            **{key: trial.sampled.get(key) for key in found.names},
            "best": trial.number in best,
            "reason": trial.reason,
        }
        for trial in found.trials
    ]
    return pd.DataFrame(rows)


def value_text(value: float) -> str:
    """Writes a value of an objective: whole numbers with commas, others with four digits behind the point."""
    if value == int(value) and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.4g}"
