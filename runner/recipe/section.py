"""Reading one mapping of a recipe key by key, collecting every problem instead of stopping at the first."""

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import hidden_character, shown

T = TypeVar("T")

# What Hydra's `instantiate` acts upon. A recipe is data and never names code.
CODE_KEYS = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_"})
NAMES_CODE = (
    "a recipe is data and cannot name code; register your own schedules, models and datasets in a module"
    " and name it on the command line: plugins=[my_module]"
)

LARGEST = 2**63 - 1

# Where a block takes arguments of its own, a key this near to a known one is a slip of the finger.
_SLIP = 0.9


class Problem(NamedTuple):
    """What is wrong with one key, e.g. `("recipe.training.epochs", "is 0, but ...")`."""

    key: str
    text: str


class Invalid(UserError):
    """A value object refused its values.

    Args:
        problems: Field name (dotted for nested ones) and what is wrong with it.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{field} {text}" for field, text in self.problems.items()))


def code_keys(value: object, key: str) -> list[str]:
    """Finds the dotted keys, at any depth below `key`, that name code."""
    if isinstance(value, Mapping):
        named = [f"{key}.{name}" for name in value if name in CODE_KEYS]
        return named + [found for name, below in value.items() for found in code_keys(below, f"{key}.{name}")]
    if isinstance(value, list | tuple):
        return [found for index, below in enumerate(value) for found in code_keys(below, f"{key}[{index}]")]
    return []


class Section:
    """One mapping of a recipe.

    Args:
        value: What stands there; anything but a mapping is a problem of its own.
        key: Its dotted key, e.g. `"recipe.training"`.
        problems: The list that problems are added to, shared by all sections of a recipe.
    """

    def __init__(self, value: object, key: str, problems: list[Problem]) -> None:
        self.key = key
        self._problems = problems
        self._before = len(problems)
        self._known: list[str] = []
        self._values: dict[str, Any] = {}
        self._found: dict[str, object] = {}
        self._open: set[str] = set()
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            self.problem("", f"is {shown(value)}, but must be a mapping of keys to values")
            return
        for name, found in value.items():
            if found == "???":
                self._open.add(str(name))
                self.problem(str(name), f"is left open (???): give it, e.g. {self.key}.{name}=VALUE")
            else:
                self._found[str(name)] = found

    def problem(self, name: str, text: str) -> None:
        """Notes what is wrong with `name`, or with the section itself where that is empty."""
        self._problems.append(Problem(f"{self.key}.{name}" if name else self.key, text))

    def optional(self, name: str, convert: Callable[[Any], object]) -> None:
        """Reads a key that may be absent or null: the value object's default holds then.

        Args:
            name: The key, which is also the value object's field.
            convert: Gives the field's value or raises ValueError with the rest of "<key> ...".
        """
        self._known.append(name)
        found = self._found.pop(name, None)
        if found is None:
            return
        try:
            self._values[name] = convert(found)
        except ValueError as error:
            self.problem(name, str(error))

    def required(self, name: str, convert: Callable[[Any], object], *, hint: str = "") -> None:
        """Reads a key that must be there; `hint` is added to the message where it is not."""
        if not self.has(name) and name not in self._open:
            self.problem(name, f"is missing{hint}")
        self.optional(name, convert)

    def section(self, name: str) -> "Section":
        """Opens the mapping under a key; an absent one is an empty section."""
        self._known.append(name)
        return Section(self._found.pop(name, None), f"{self.key}.{name}", self._problems)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong so far with this section and the ones opened from it."""
        return len(self._problems) == self._before

    def names(self) -> list[str]:
        """Returns the keys that were not read yet, in the order they were written."""
        return list(self._found)

    def has(self, name: str) -> bool:
        """Tells whether the key is there and not null."""
        return self._found.get(name) is not None

    def is_mapping(self, name: str) -> bool:
        """Tells whether a mapping stands under the key."""
        return isinstance(self._found.get(name), Mapping)

    def put(self, name: str, value: object) -> None:
        """Sets a field that was read by other means."""
        self._values[name] = value

    def take_rest(self, name: str) -> None:
        """Puts all keys not read yet, as a dict, into field `name`: arguments that are checked later.

        Raises no error itself, but notes keys that are a slip away from a known one.
        """
        for key in self._found:
            near = difflib.get_close_matches(key, self._known, n=1, cutoff=_SLIP)
            if near:
                self.problem(key, f"is unknown.{did_you_mean(key, self._known)}")
        self._values[name], self._found = self._found, {}

    def build(self, make: Callable[..., T]) -> T | None:
        """Ends the section: makes the value object, or notes what stands against it.

        Returns:
            The value object, or None where anything of this section or one inside it is wrong.
        """
        for key in self._found:
            self.problem(key, f"is unknown.{did_you_mean(key, self._known)} Known: {', '.join(self._known)}")
        if not self.clean:
            return None
        try:
            return make(**self._values)
        except Invalid as invalid:
            for field, text in invalid.problems.items():
                self.problem(field, text)
            return None


def text(value: object) -> str:
    """Takes non-empty text.

    Raises:
        ValueError: It is anything else.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is {shown(value)}, but must be text")
    if hidden := hidden_character(value):
        raise ValueError(f"is {shown(value)}, with the control character {hidden}")
    return value


def number(value: object) -> float:
    """Takes a finite number, not its spelling.

    Raises:
        ValueError: It is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is {shown(value)}, but must be a number")
    try:
        taken = float(value)
    except OverflowError:
        taken = math.inf
    if not math.isfinite(taken):
        raise ValueError(f"is {shown(value)}, but must be a number")
    return taken


def share(value: object) -> float:
    """Takes a number that is meant as a share; writing a percentage gets the hint it needs.

    Raises:
        ValueError: It is anything else.
    """
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            percent = float(value.strip().removesuffix("%"))
        except ValueError:
            pass
        else:
            raise ValueError(f"is {shown(value)}, but must be a number; write {percent / 100:g}")
    return number(value)


def whole(value: object) -> int:
    """Takes a whole number; 3.0 is one.

    Raises:
        ValueError: It is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError(f"is {shown(value)}, but must be a whole number")
    if abs(value) > LARGEST:
        raise ValueError(f"is {shown(value)}, but whole numbers have at most 64 bits")
    return int(value)


def flag(value: object) -> bool:
    """Takes true or false.

    Raises:
        ValueError: It is anything else.
    """
    if not isinstance(value, bool):
        raise ValueError(f"is {shown(value)}, but must be true or false")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Takes one text or a list of them.

    Raises:
        ValueError: It is anything else.
    """
    listed = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(entry, str) and entry.strip() for entry in listed):
        raise ValueError(f"is {shown(value)}, but must be text or a list of texts")
    return tuple(map(text, listed))
