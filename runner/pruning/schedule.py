"""Schedules: sparsity as a function of the training step.

A schedule is called with a step and answers `(should_prune, sparsity)`, as TensorFlow Model
Optimization's do, so that schedules written for it run unchanged. Steps count from 1. Which updates the
engine adds to what a schedule answers (at a `begin_step` of 0, and at `end_step`) is in `decide`.
"""

import abc
import math
import numbers
from collections.abc import Iterable
from typing import Any, ClassVar

import tensorflow as tf

Step = Any
"""A Python int, or an integer tensor of any shape."""

_ROUNDING = 1e-6
"""A float this close to a whole number is that number: `0.07 * 100` is a little more than 7."""


class PruningSchedule(abc.ABC):
    """When masks are updated, and to which sparsity.

    Subclass it and define `__call__` and `get_config`. The attributes `begin_step` and `end_step`,
    where a subclass has them, are what makes the engine reach the target at `end_step` whatever the
    frequency.

    Example:
        >>> class Half(PruningSchedule):
        ...     def __call__(self, step):
        ...         return self._should_prune_in_step(step, 0, -1, 10), 0.5
        ...     def get_config(self):
        ...         return {}
    """

    _classes: ClassVar[dict[str, type["PruningSchedule"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Remembers the class, so that a saved model finds it again by name, and keeps it hashable."""
        super().__init_subclass__(**kwargs)
        PruningSchedule._classes[cls.__name__] = cls
        if cls.__dict__.get("__hash__") is None:
            # Answers are kept by schedule, and equality, such as a dataclass's, takes the hash away.
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]

    @abc.abstractmethod
    def __call__(self, step: Step) -> tuple[Any, Any]:
        """Answers for a training step.

        Args:
            step: Python int or integer tensor, counted from 1.

        Returns:
            Whether masks are updated at this step, and the sparsity in [0, 1).
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild the schedule."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PruningSchedule":
        """Builds a schedule from what `get_config` returned.

        Args:
            config: The arguments, or `{"class_name": ..., "config": arguments}`.
        """
        return cls(**(config["config"] if set(config) == {"class_name", "config"} else config))

    def _should_prune_in_step(self, step: Step, begin_step: Step, end_step: Step, frequency: Step) -> Any:
        """Tells whether `step` is on the grid `begin_step + k * frequency`, up to `end_step` (-1: no end)."""
        begin, end, every = _integral(begin_step), _integral(end_step), _integral(frequency)
        if isinstance(step, int) and all(isinstance(value, int) for value in (begin, end, every)):
            return begin <= step and (step <= end or end < 0) and (step - begin) % every == 0
        step = tf.convert_to_tensor(step)
        begin, end, every = (tf.cast(value, step.dtype) for value in (begin, end, every))
        inside = tf.logical_and(step >= begin, tf.logical_or(step <= end, end < 0))
        return tf.logical_and(inside, tf.equal(tf.math.floormod(step - begin, every), 0))

    def _validate_step(self, begin_step: Any, end_step: Any, frequency: Any, allow_negative_1: bool) -> None:
        """Raises ValueError unless the steps describe a window and a grid."""
        _require_whole(begin_step=begin_step, end_step=end_step, frequency=frequency)
        if begin_step < 0:
            raise ValueError(f"begin_step is {begin_step}; it must be at least 0.")
        if end_step == -1 and not allow_negative_1:
            raise ValueError("end_step is -1 (no end), but this schedule needs a step at which it arrives.")
        if end_step != -1 and end_step < 0:
            raise ValueError(f"end_step is {end_step}; it must be at least 0, or -1 for no end.")
        if end_step != -1 and end_step < begin_step:
            raise ValueError(
                f"begin_step is {begin_step} and end_step {end_step}: the end comes before the beginning."
            )
        if frequency <= 0:
            raise ValueError(f"frequency is {frequency}; it must be at least 1.")

    def _validate_sparsity(self, sparsity: Any, variable_name: str) -> None:
        """Raises ValueError unless the sparsity is a number in [0, 1)."""
        if not is_number(sparsity) or not 0.0 <= sparsity < 1.0:
            raise ValueError(f"{variable_name} is {sparsity!r}; it must be a number in [0, 1).")


def decide(schedule: PruningSchedule, step: Step) -> tuple[Any, Any]:
    """Answers for the engine: whether it updates a mask at this step, and to which sparsity.

    It does where the schedule says so, and at `end_step`, so that the target is reached whatever the
    frequency; and a `begin_step` of 0, which no step ever is, fires in step 1.

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


def schedule_config(schedule: PruningSchedule) -> dict[str, Any]:
    """Returns `{"class_name": ..., "config": arguments}` for any schedule."""
    config = schedule.get_config()
    if set(config) == {"class_name", "config"}:
        return config
    return {"class_name": type(schedule).__name__, "config": config}


def schedule_names() -> list[str]:
    """Lists the classes of schedules that are defined in this process: those a saved model can name."""
    return sorted(PruningSchedule._classes)


def schedule_from_config(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> PruningSchedule:
    """Builds the schedule that `schedule_config` described.

    Raises:
        ValueError: If no class of that name has been defined in this process.
    """
    name = config["class_name"]
    found = (custom_objects or {}).get(name) or PruningSchedule._classes.get(name)
    if found is None:
        raise ValueError(
            f"the saved model uses the pruning schedule {name!r}; import the module that defines it before "
            f"loading. Known here: {', '.join(schedule_names())}."
        )
    return found.from_config(config["config"])


def as_step(value: Any) -> int:
    """Reads a whole number of any kind (a float such as `0.07 * 100`, a NumPy scalar) as a step."""
    return round(float(value))


def is_number(value: Any) -> bool:
    """Tells whether a value is a real number, of Python or NumPy."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return is_number(value) and math.isfinite(value) and abs(value - round(value)) < _ROUNDING


def _integral(value: Any) -> Any:
    return as_step(value) if _is_whole(value) else value


def _require_whole(**steps: Any) -> None:
    for name, value in steps.items():
        if not _is_whole(value):
            hint = f": int({name}) is {int(value)}" if is_number(value) and math.isfinite(value) else ""
            raise ValueError(f"{name} is {value!r}; it must be a whole number of training steps{hint}.")
