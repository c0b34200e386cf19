"""Named building blocks (datasets, models, schedules, ...) that recipes refer to."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown
from runner.recipe.signature import read_arguments

T = TypeVar("T", bound=Callable[..., Any])


class Registry(Generic[T]):
    """One concept's callables by name.

    Args:
        concept: What the entries are, as messages call them, e.g. `"dataset"`.
        supplied: The parameters that the runner passes by itself and a recipe may not set.
        beside: The keys of the same section that every entry has, for messages.

    Example:
        >>> MODELS: Registry[Callable[..., Any]] = Registry("model")
        >>> @MODELS.register("tiny")
        ... def tiny(*, units: int = 4) -> list[int]:
        ...     return [units]
        >>> MODELS.get("tiny", where="recipe.model.name")(units=2)
        [2]
    """

    def __init__(self, concept: str, *, supplied: Collection[str] = (), beside: Collection[str] = ()) -> None:
        self.concept = concept
        self._supplied = supplied
        self._beside = beside
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorates a function or class so that recipes find it by `name`.

        Raises:
            UserError: Another object has the name already. The same definition, met again when its
                module is reloaded, takes its old place.
        """

        def add(entry: T) -> T:
            holder = self._entries.get(name)
            if holder is not None and _definition(holder) != _definition(entry):
                raise UserError(
                    f"{self.concept} '{name}' is registered twice: by {_definition(holder)} and by"
                    f" {_definition(entry)}. Give one of them another name."
                )
            self._entries[name] = entry
            return entry

        return add

    def names(self) -> list[str]:
        """Returns every registered name, sorted."""
        return sorted(self._entries)

    def get(self, name: str, *, where: str) -> T:
        """Looks a name up.

        Args:
            name: The name, as the recipe has it.
            where: The key that held it, for the message, e.g. `"recipe.data.name"`.

        Raises:
            UserError: Nothing is registered under that name.
        """
        if name not in self._entries:
            raise UserError(
                f"{where}: there is no {self.concept} {shown(name)}.{did_you_mean(str(name), self._entries)}"
                f" Known: {_listed(self.names())}. Your own come from modules named in `plugins`."
            )
        return self._entries[name]

    def parameters(self, name: str, *, where: str = "") -> dict[str, inspect.Parameter]:
        """Returns the parameters of the registered callable that a recipe can give, by name.

        Raises:
            UserError: Nothing is registered under `name`.
        """
        parameters = inspect.signature(self.get(name, where=where)).parameters
        return {key: each for key, each in parameters.items() if key not in self._supplied}

    def takes(self, name: str, argument: str, *, where: str) -> bool:
        """Tells whether the registered callable has a parameter of this name, or takes any.

        Raises:
            UserError: Nothing is registered under `name`.
        """
        parameters = inspect.signature(self.get(name, where=where)).parameters
        return argument in parameters or _takes_any(parameters)

    def arguments(
        self,
        name: str,
        given: Mapping[str, Any],
        *,
        where: str,
        step: Callable[[object], object] | None = None,
    ) -> dict[str, Any]:
        """Validates a recipe's arguments by the signature of the registered callable.

        Args:
            name: A registered name.
            given: The arguments the recipe gives.
            where: The key that holds them, for messages, e.g. `"recipe.model"`.
            step: Reads what a recipe writes for a `Step`; see `read_arguments`.

        Returns:
            The arguments, ready to be passed by keyword.

        Raises:
            UserError: An argument is unknown, of another type or out of its range, or a required one is
                missing.
        """
        accepted = self.parameters(name, where=f"{where}.name")
        named = {key: each for key, each in accepted.items() if each.kind in _NAMED}
        known = sorted({*named, *self._beside})
        takes = f"It takes: {_listed(known)}." if known else "It takes no arguments."
        for key in given:
            if key in self._supplied or (key not in named and not _takes_any(accepted)):
                raise UserError(
                    f"{where}.{key}: {self.concept} '{name}' has no argument {shown(key)}."
                    f"{did_you_mean(str(key), known)} {takes}"
                )
        missing = [
            key for key, p in named.items() if p.default is inspect.Parameter.empty and key not in given
        ]
        if missing:
            raise UserError(f"{where}: {self.concept} '{name}' needs {_listed(missing)}. {takes}")
        return read_arguments(self._entries[name], given, where=where, step=step)


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _takes_any(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())


def _definition(entry: object) -> str:
    """Says where an object is defined, which is what tells two registrations apart."""
    kind = entry if hasattr(entry, "__qualname__") else type(entry)
    return f"{getattr(kind, '__module__', '?')}.{getattr(kind, '__qualname__', '?')}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
