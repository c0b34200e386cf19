"""A schedule over one training: the sparsity of the masks after each step."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

from runner.pruning.schedules import PruningSchedule
from runner.pruning.update_steps import decide, is_over, settled_sparsity, update_steps


@dataclass(frozen=True)
class ScheduleCurve:
    """A schedule over one training, as the engine decides it.

    Args:
        schedule: Sparsity over the steps.
        total_steps: Training steps, at least 1.
        updates: The steps at which the masks are updated, in order, each with the level that is set there.
        settled: The level that the end of training sets; None where the schedule is over by then.
    """

    schedule: PruningSchedule
    total_steps: int
    updates: tuple[tuple[int, float], ...]
    settled: float | None

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The steps at which the masks are updated."""
        return tuple(step for step, _ in self.updates)

    @property
    def final(self) -> float:
        """The level that training ends at, in [0, 1)."""
        return self.level(self.total_steps)

    def level(self, step: int) -> float:
        """Returns the level of the masks after a step.

        Args:
            step: From 0, before training, to `total_steps`, where the end of training has set the masks.
        """
        if step >= self.total_steps and self.settled is not None:
            return self.settled
        past = bisect_right(self.steps, step)
        return self.updates[past - 1][1] if past else 0.0

    def wanted(self, step: int) -> float | None:
        """Returns the schedule's own value at a step, as if every step updated the masks.

        It is None before the schedule begins, and its last value once it is over.
        """
        return settled_sparsity(self.schedule, step)


# All weights of a rule share one schedule, and a user's may take a millisecond a step.
@lru_cache(maxsize=256)
def curve_of(schedule: PruningSchedule, total_steps: int) -> ScheduleCurve:
    """Evaluates a schedule over a training of `total_steps`, at least 1."""
    updates = tuple((step, decide(schedule, step)[1]) for step in update_steps(schedule, total_steps))
    settled = None if is_over(schedule, total_steps) else settled_sparsity(schedule, total_steps)
    return ScheduleCurve(schedule, total_steps, updates, settled)
