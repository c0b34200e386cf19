"""Schedules: sparsity as a function of the training step, and how a saved model names them.

A schedule is called with a step and returns `(should_prune, sparsity)`, as TensorFlow Model
Optimization's do, so that schedules written for it run unchanged. Steps count from 1. `update_steps` has the
updates that the engine adds to a schedule's.
"""

import abc
import math
import numbers
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
        """Returns whether masks are updated at a step, and the sparsity in [0, 1).

        Args:
            step: Python int or integer tensor, counted from 1.
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


class ConstantSparsity(PruningSchedule):
    """The target at every step of the window.

    Args:
        target_sparsity: Share to prune, in [0, 1).
        begin_step: First step of the window, at least 0. Steps are whole; floats such as `0.2 * end_step` are
            taken where they are whole.
        end_step: Last step of the window; -1 for no end.
        frequency: Steps between mask updates, at least 1. Default 100.

    Raises:
        ValueError: If a value is out of range.
    """

    def __init__(
        self, target_sparsity: float, begin_step: float, end_step: float = -1, frequency: float = 100
    ) -> None:
        self._validate_sparsity(target_sparsity, "target_sparsity")
        self._validate_step(begin_step, end_step, frequency, True)
        self.target_sparsity = float(target_sparsity)
        self.begin_step, self.end_step, self.frequency = map(as_step, (begin_step, end_step, frequency))

    def __call__(self, step: Step) -> tuple[Any, Any]:
        """Returns `(on the grid, target_sparsity)`."""
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        if isinstance(step, int):
            return fires, self.target_sparsity
        return fires, tf.fill(tf.shape(step), tf.constant(self.target_sparsity, tf.float32))

    def get_config(self) -> dict[str, Any]:
        """Returns the class name and the arguments."""
        return _config(self, "target_sparsity", "begin_step", "end_step", "frequency")


class PolynomialDecay(PruningSchedule):
    """From one sparsity to another, fast at first (Zhu & Gupta, arXiv 1710.01878).

    `final + (initial - final) * (1 - p) ** power` with `p = clip((step - begin) / (end - begin), 0, 1)`.
    Where begin and end are one step, the sparsity jumps to `final` there.

    Args:
        initial_sparsity: Sparsity before and at `begin_step`, in [0, 1).
        final_sparsity: Sparsity at and after `end_step`, in [0, 1).
        begin_step: Step at which the rise begins, at least 0.
        end_step: Step at which it arrives, at least `begin_step`.
        power: Exponent above 0. Default 3.
        frequency: Steps between mask updates, at least 1. Default 100.

    Raises:
        ValueError: If a value is out of range.
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: float,
        end_step: float,
        power: float = 3,
        frequency: float = 100,
    ) -> None:
        self._validate_sparsity(initial_sparsity, "initial_sparsity")
        self._validate_sparsity(final_sparsity, "final_sparsity")
        self._validate_step(begin_step, end_step, frequency, False)
        if not is_number(power) or not 0 < power < math.inf:
            raise ValueError(f"power is {power!r}; it must be a number above 0.")
        self.initial_sparsity, self.final_sparsity = float(initial_sparsity), float(final_sparsity)
        self.begin_step, self.end_step, self.frequency = map(as_step, (begin_step, end_step, frequency))
        self.power = float(power)

    def __call__(self, step: Step) -> tuple[Any, Any]:
        """Returns `(on the grid, the polynomial's value)`."""
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        span = self.end_step - self.begin_step
        rise = self.initial_sparsity - self.final_sparsity
        if isinstance(step, int):
            done = float(step >= self.end_step) if span == 0 else (step - self.begin_step) / span
            return fires, self.final_sparsity + rise * (1.0 - min(max(done, 0.0), 1.0)) ** self.power
        now = tf.cast(step, tf.float64)
        done = tf.cast(now >= self.end_step, tf.float64) if span == 0 else (now - self.begin_step) / span
        left = 1.0 - tf.clip_by_value(done, tf.constant(0.0, tf.float64), tf.constant(1.0, tf.float64))
        return fires, tf.cast(self.final_sparsity + rise * left**self.power, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the class name and the arguments."""
        return _config(
            self, "initial_sparsity", "final_sparsity", "begin_step", "end_step", "power", "frequency"
        )


class LinearSparsity(PolynomialDecay):
    """From one sparsity to another by equal steps: `PolynomialDecay` of power 1, with its other arguments.

    It is the linear schedule that Zhu & Gupta, arXiv 1710.01878, compare with.
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: float,
        end_step: float,
        frequency: float = 100,
    ) -> None:
        super().__init__(initial_sparsity, final_sparsity, begin_step, end_step, 1, frequency)

    def get_config(self) -> dict[str, Any]:
        """Returns the class name and the arguments."""
        return _config(self, "initial_sparsity", "final_sparsity", "begin_step", "end_step", "frequency")


class ExponentialSparsity(PruningSchedule):
    """Each update prunes the same share of the weights that are left.

    `min(1 - (1 - rate) ** ((step - begin) / frequency), final)` from `begin_step` on, 0 before: iterative
    magnitude pruning (Han et al., arXiv 1506.02626; Frankle & Carbin, arXiv 1803.03635, prune 20 % of what is
    left in each round), without going back to earlier weights.

    Args:
        final_sparsity: The level it is capped at, in [0, 1).
        begin_step: Step from which it counts, at least 0.
        end_step: Last step of the window, at least `begin_step`.
        rate: Share of what is left that an update prunes, in (0, 1); None: such that the level is reached
            at `end_step`.
        frequency: Steps between mask updates, at least 1. Default 100.

    Raises:
        ValueError: If a value is out of range.
    """

    def __init__(
        self,
        final_sparsity: float,
        begin_step: float,
        end_step: float,
        rate: float | None = None,
        frequency: float = 100,
    ) -> None:
        self._validate_sparsity(final_sparsity, "final_sparsity")
        self._validate_step(begin_step, end_step, frequency, False)
        if rate is not None and (not is_number(rate) or not 0 < rate < 1):
            raise ValueError(f"rate is {rate!r}; it must be a number in (0, 1).")
        self.final_sparsity, self.rate = float(final_sparsity), rate
        self.begin_step, self.end_step, self.frequency = map(as_step, (begin_step, end_step, frequency))

    @property
    def sufficient_rate(self) -> float | None:
        """The smallest rate that reaches the level at `end_step`; None where no rate below 1 does."""
        steps = self.end_step - self.begin_step
        rate = -math.expm1(math.log1p(-self.final_sparsity) * self.frequency / steps) if steps else 1.0
        return rate if rate < 1 else None

    @property
    def _decay(self) -> float:
        """The natural logarithm of the share that one step leaves."""
        if self.rate is not None:
            return math.log1p(-self.rate) / self.frequency
        return math.log1p(-self.final_sparsity) / max(self.end_step - self.begin_step, 1)

    def __call__(self, step: Step) -> tuple[Any, Any]:
        """Returns `(on the grid, the capped exponential)`."""
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        arrived = self.end_step if self.rate is None else math.inf  # No rounding keeps it below its level.
        if isinstance(step, int):
            grown = -math.expm1(self._decay * max(step - self.begin_step, 0))
            return fires, self.final_sparsity if step >= arrived else min(grown, self.final_sparsity)
        now = tf.cast(step, tf.float64)
        grown = -tf.math.expm1(self._decay * tf.maximum(now - self.begin_step, tf.constant(0.0, tf.float64)))
        level = tf.constant(self.final_sparsity, tf.float64)
        return fires, tf.cast(tf.where(now >= arrived, level, tf.minimum(grown, level)), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the class name and the arguments."""
        return _config(self, "final_sparsity", "begin_step", "end_step", "rate", "frequency")


def _config(schedule: PruningSchedule, *names: str) -> dict[str, Any]:
    return {
        "class_name": type(schedule).__name__,
        "config": {name: getattr(schedule, name) for name in names},
    }


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
