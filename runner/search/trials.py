"""The trials of a search, and the best of them."""

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
        sampled: The sampled values, by dotted key without `recipe.` in front.
        values: Of the objectives; empty where the job has no result.
        reason: Why it has none.
    """

    number: int
    sampled: Mapping[str, str]
    values: tuple[float, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Trials:
    """The trials of a search.

    Args:
        objectives: One or two.
        trials: By number.

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
        """The best trial; of two objectives the Pareto front, equal trials included."""
        if not self.finished:
            return []
        if len(self.objectives) == 1:
            return [self.best_of(0)]
        first, second = self.objectives
        cost = -1 if second.maximized else 1
        points = [(cost * trial.values[1], trial.values[0]) for trial in self.finished]
        return [self.finished[index] for index in pareto_front(points, higher_is_better=first.maximized)]

    def best_of(self, objective: int) -> Trial:
        """Returns the best trial in one objective; of equal ones the best in the other, then the first."""
        signs = [-1 if own.maximized else 1 for own in self.objectives]
        order = [objective, *(place for place in range(len(signs)) if place != objective)]
        return min(self.finished, key=lambda trial: [signs[place] * trial.values[place] for place in order])

    def running_best(self, objective: int) -> list[float]:
        """Returns the best value of an objective up to each finished trial."""
        found: list[float] = []
        wanted = self.objectives[objective]
        for trial in self.finished:
            value = trial.values[objective]
            found.append(value if not found or wanted.better(value, found[-1]) else found[-1])
        return found

    def sampled_text(self, trial: Trial) -> str:
        """Returns the sampled values of a trial, shortened: `sparsity=0.8125 power=2`."""
        names = self.names
        return " ".join(f"{names[key]}={short_number(value)}" for key, value in trial.sampled.items())


def read_trials(objectives: Sequence[str], records: Sequence[JobRecord]) -> Trials:
    """Returns the trials that the jobs of a search are.

    Args:
        objectives: As they were written.
        records: Of its jobs.
    """
    trials = (
        Trial(
            record.number,
            record.sampled,
            record.values if record.succeeded else (),
            None if record.succeeded else record.reason or record.state,
        )
        for record in records
    )
    return Trials(read_objectives(tuple(objectives)), tuple(trials))


def trials_frame(trials: Trials) -> pd.DataFrame:
    """Returns the trials as `trials.csv` holds them: a column for each objective and each searched key.

    Keys have the names that they have in `jobs.csv`.
    """
    best = {trial.number for trial in trials.best}
    metrics = [objective.metric for objective in trials.objectives]
    names = short_keys(trials.names)
    rows = [
        {
            "trial": trial.number,
            **dict.fromkeys(metrics),
            **dict(zip(metrics, trial.values, strict=False)),
            **{name: trial.sampled.get(key) for key, name in names.items()},
            "best": trial.number in best,
            "reason": trial.reason,
        }
        for trial in trials.trials
    ]
    return pd.DataFrame(rows)


def value_text(value: float) -> str:
    """Returns a value of an objective: whole numbers with commas, others with four digits after the point."""
    if value == int(value) and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.4g}"
