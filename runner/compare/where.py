"""Which runs are compared: conditions such as `schedule.sparsity >= 0.9` on what a run was asked to do."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runner.process.errors import UserError, did_you_mean

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_EQUAL: dict[str, Callable[[float, float], bool]] = {"==": operator.eq, "!=": operator.ne}
_WRITTEN = re.compile(r"\s*([\w./-]+)\s*([=!<>~]+)\s*(.*?)\s*", re.DOTALL)
_MEANT = {"=>": ">=", "=<": "<=", "<>": "!=", "!==": "!=", "=!": "!=", "===": "==", "~=": "==", "=~": "=="}


@dataclass(frozen=True)
class Condition:
    """A condition on a key of the resolved recipe, on `recipe`, `seed` or `data`.

    Args:
        key: An ending of the key, such as `schedule.sparsity`.
        sign: `==`, `!=`, `>=`, `<=`, `>` or `<`.
        value: A number, or a name, or under `==` and `!=` a pattern such as `mnist_*`.
    """

    key: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.sign} {self.value}"

    def holds(self, value: str) -> bool:
        """Returns whether it holds for the value of its key."""
        own, bound = _number(value), _number(self.value)
        if own is not None and bound is not None:
            return (_NUMERIC | _EQUAL)[self.sign](own, bound)
        names = _endings(value) if self.key == "recipe" else [value]  # With or without its folder.
        equal = any(self.value == name or self._is_like(name) for name in names)
        return self.sign not in _NUMERIC and equal == (self.sign == "==")

    def _is_like(self, value: str) -> bool:
        if self.value.startswith("[") and self.value.endswith("]"):  # A list, such as [5, 10], is no pattern.
            return self.value.replace(" ", "") == value.replace(" ", "")
        return fnmatchcase(value, self.value)


def read_condition(text: str) -> Condition:
    """Reads a condition.

    Raises:
        UserError: It is not written as one, or asks for an order of what is no number.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or not found[3]:
        raise UserError(
            f"--where {text!r}: is no condition. Write KEY SIGN VALUE in quotes, such as"
            " 'schedule.sparsity >= 0.9'; signs are == != >= <= > <"
        )
    sign = "==" if found[2] == "=" else found[2]
    if sign not in _NUMERIC | _EQUAL:
        meant = f" Did you mean {_MEANT[sign]}?" if sign in _MEANT else ""
        raise UserError(f"--where {text!r}: there is no sign {sign}.{meant} Signs are == != >= <= > <")
    value = found[3][1:-1] if len(found[3]) > 1 and found[3][0] == found[3][-1] in "'\"" else found[3]
    if value == found[3] and value[0] in "=!<>":
        raise UserError(f"--where {text!r}: a value that begins with {value[0]} is written in quotes")
    if sign in _NUMERIC and _number(value) is None:
        raise UserError(f"--where {text!r}: {sign} compares numbers, and {value!r} is none")
    return Condition(found[1], sign, value)


def fulfils(said: Mapping[str, str], conditions: Sequence[Condition]) -> bool:
    """Returns whether a run fulfils all conditions; one whose recipe lacks a key does not fulfil it.

    Args:
        said: What it was asked to do, by dotted key.
        conditions: Whose keys have been resolved; see `resolve_key`.
    """
    return all(one.key in said and one.holds(said[one.key]) for one in conditions)


def resolve_key(written: str, keys: Sequence[str], option: str) -> str:
    """Finds the key that is meant by an ending of it.

    Args:
        written: Such as `schedule.sparsity`.
        keys: All there are.
        option: The option it was written for, for messages.

    Raises:
        UserError: No key ends so, or several do.
    """
    if written in keys:
        return written
    found = [key for key in keys if key.endswith(f".{written}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{option} {written}: may be {' or '.join(found)}; write more of the key")
    endings = [".".join(key.split(".")[-2:]) for key in keys]
    raise UserError(f"{option} {written}: no run has such a key.{did_you_mean(written, [*keys, *endings])}")


def _endings(name: str) -> list[str]:
    """Returns a name with and without the folders before it."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
