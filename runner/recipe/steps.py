"""Training steps as recipes write them: as steps, as epochs, or as a share of training."""

import re
from dataclasses import dataclass
from typing import Literal

from runner.process.wording import shown

WRITTEN = r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(|ep|%)\s*"
"""The text of a step: a number and its unit."""
_UNITS: dict[str, Literal["steps", "epochs", "share"]] = {"": "steps", "ep": "epochs", "%": "share"}
_LARGEST = 1e15
_FORMS = "steps (2000), epochs ('2ep') or a share of training ('20%')"


@dataclass(frozen=True)
class StepSpec:
    """A point in training, resolved to a step once the length of training is known.

    Args:
        value: Whole steps (>= 0), epochs (>= 0, fractions allowed), or the share of training in [0, 1].
        unit: What `value` counts.

    Raises:
        ValueError: The value is out of its unit's range.
    """

    value: float
    unit: Literal["steps", "epochs", "share"] = "steps"

    def __post_init__(self) -> None:
        if self.value != self.value:
            raise ValueError("is nan, but must be a number")
        if self.value < 0:
            raise ValueError(f"is {shown(self.value)}, but a step cannot be negative")
        if self.value > _LARGEST:
            raise ValueError(f"is {shown(self.value)}, beyond any training")
        if self.unit == "steps" and self.value != int(self.value):
            raise ValueError(f"is {self.value:g} steps, but steps are whole; write {_FORMS}")
        if self.unit == "share" and self.value > 1:
            raise ValueError(f"is {self}, beyond the end of training (100%)")

    @classmethod
    def parse(cls, written: object) -> "StepSpec":
        """Reads what a recipe says.

        Args:
            written: `2000`, `"2000"`, `"2ep"`, `"20%"`, or one that was read before.

        Raises:
            ValueError: It is none of these forms, or out of range.
        """
        if isinstance(written, StepSpec):
            return written
        if isinstance(written, int | float) and not isinstance(written, bool):
            return cls(written)
        match = re.fullmatch(WRITTEN, written) if isinstance(written, str) else None
        if match is None:
            raise ValueError(f"is {shown(written)}; write {_FORMS}")
        value, unit = float(match[1]), _UNITS[match[2]]
        return cls(value / 100 if unit == "share" else value, unit)

    def resolve(self, steps_per_epoch: int, total_steps: int) -> int:
        """Gives the training step, rounded half to even.

        Args:
            steps_per_epoch: Batches in one epoch, >= 1.
            total_steps: Batches in the whole training, >= 1.
        """
        scale = {"steps": 1, "epochs": steps_per_epoch, "share": total_steps}[self.unit]
        # 0.07 * 100 is 7.000000000000001: the digits beyond the 9th are float noise, not the user's.
        return round(round(self.value * scale, 9))

    def in_epochs(self, epochs: int) -> float | None:
        """Gives the point in epochs for a training of `epochs`, or None where it is written in steps."""
        return {"steps": None, "epochs": self.value, "share": self.value * epochs}[self.unit]

    def to_plain(self) -> int | str:
        """Returns what YAML holds: a number of steps, or text with its unit."""
        return int(self.value) if self.unit == "steps" else str(self)

    def __str__(self) -> str:
        if self.unit == "share":
            return f"{_digits(self.value * 100)}%"
        return f"{_digits(self.value)}{'ep' if self.unit == 'epochs' else ''}"


def _digits(value: float) -> str:
    return f"{round(value, 9):.9f}".rstrip("0").rstrip(".")
