"""At which training steps the engine updates a mask, and to which sparsity, for any schedule.

It does where the schedule says so, and at `end_step`, so that the target is reached whatever the frequency;
and a `begin_step` of 0, which no step ever is, fires in step 1.
"""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from runner.pruning.schedules import PruningSchedule, Step, as_step


def decide(schedule: PruningSchedule, step: Step) -> tuple[Any, Any]:
    """Returns whether the engine updates a mask at a step, and to which sparsity.

    Args:
        schedule: Any schedule.
        step: Python int or integer tensor, counted from 1.
    """
    answer, sparsity = schedule(step) if isinstance(step, int) else _answer_in_graph(schedule, step)
    begin, end = first_step(schedule), last_step(schedule)
    if isinstance(step, int):
        return bool(answer) or step == end or (begin == 0 and step == 1), float(sparsity)
    answer = tf.logical_or(tf.cast(answer, tf.bool), tf.equal(step, end))
    answer = tf.logical_or(answer, tf.equal(step, 1)) if begin == 0 else answer
    return answer, tf.cast(sparsity, tf.float32)


def _answer_in_graph(schedule: PruningSchedule, step: tf.Tensor) -> tuple[Any, Any]:
    """Asks a schedule; one of the user's may ask back `if step < 100:`, as it may in TFMOT."""
    if _is_shipped(schedule):  # Converting takes half a second.
        return schedule(step)
    answer, sparsity = tf.function(lambda now: schedule(now), autograph=True)(step)
    return answer, sparsity


def first_step(schedule: PruningSchedule) -> int:
    """Returns `begin_step`; -1 for a schedule that names none."""
    begin = getattr(schedule, "begin_step", -1)
    return -1 if begin is None else as_step(begin)


def last_step(schedule: PruningSchedule) -> int:
    """Returns `end_step`; -1 for a schedule that names none or has no end."""
    end = getattr(schedule, "end_step", -1)
    return -1 if end is None else as_step(end)


def update_steps(schedule: PruningSchedule, total_steps: int) -> list[int]:
    """Lists the steps from 1 to `total_steps` at which the engine updates a mask."""
    steps: Iterable[int] = range(1, total_steps + 1)
    if _is_shipped(schedule):
        # They fire nowhere but here: a training of millions of steps need not be asked for each.
        shipped: Any = schedule
        begin, end, every = first_step(schedule), last_step(schedule), as_step(shipped.frequency)
        last = total_steps if end < 0 else min(end, total_steps)
        steps = sorted({1, last, *range(begin, last + 1, every)} - {0})
    return [step for step in steps if decide(schedule, step)[0]]


def _is_shipped(schedule: Any) -> bool:
    return schedule.__class__.__module__ == f"{__package__}.schedules"


def is_over(schedule: PruningSchedule, step: int) -> bool:
    """Tells whether the schedule has ended by `step`, so that the end of training there changes no mask."""
    return 0 <= last_step(schedule) <= step


def settled_sparsity(schedule: PruningSchedule, step: int) -> float | None:
    """Returns the sparsity in force when training ends after `step`; None before `begin_step`.

    Args:
        schedule: Any schedule.
        step: The last training step that was run, counted from 1; 0 where none was.
    """
    if step < max(first_step(schedule), 1):
        return None
    end = last_step(schedule)
    return float(schedule(min(step, end) if end >= 1 else step)[1])
