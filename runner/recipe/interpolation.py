"""Interpolations in recipes: `${recipe.training.epochs}` and `${.batch_size}` refer to the recipe alone."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from runner.process.errors import UserError
from runner.process.wording import shown
from runner.recipe.yaml_document import LEAST_PER_VALUE, MOST_CHARACTERS

ROOT = "recipe"
_MOST_STEPS = 200

# A `${` counts unless an odd number of backslashes stands before it.
_INTERPOLATION = re.compile(r"(?<!\\)(?:\\\\)*\$\{([^{}]*)")
_REFERENCE = re.compile(r"\s*(?:recipe\.|(?P<dots>\.+))(?P<rest>[A-Za-z_][\w.\[\]]*)\s*")

Path = tuple[str | int, ...]


def written_key(path: Path) -> str:
    """Writes a path as messages do: `recipe.layers.a.targets[0]`."""
    return ROOT + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def refuse_interpolations(recipe: object, where: Callable[[str], str]) -> None:
    """Refuses interpolations that leave the recipe, and ones that would expand to more than a recipe is.

    Args:
        recipe: A recipe as plain data, interpolations unresolved; what they refer to may be missing.
        where: Says for a dotted key where it was written.

    Raises:
        UserError: One calls a resolver (`${oc.env:HOME}`), refers to a setting, also by climbing out
            (`${..tracking.uri}`), refers to itself, or doubles what it refers to too often.
    """
    for path, value in values(recipe):
        for inner in _INTERPOLATION.findall(value) if isinstance(value, str) else ():
            if _target(inner, path) is None:
                key = written_key(path)
                raise UserError(
                    f"{where(key)}: {key} is {shown(value)}: a recipe may refer only to itself, as in"
                    " ${recipe.training.epochs}, and calls no resolver"
                )
    _Sizes(recipe, where).of((), recipe, 0)


def values(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Walks plain data: every value that is no collection, with its path."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from values(below, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from values(below, (*path, index))
    else:
        yield path, value


def _target(inner: str, path: Path) -> Path | None:
    """Returns the path that an interpolation at `path` refers to; None where it leaves the recipe."""
    match = _REFERENCE.fullmatch(inner)
    if match is None:
        return None
    # One dot is the collection that the value stands in; the recipe itself is a key of the configuration.
    climbed = len(match["dots"] or "")
    if climbed > len(path):
        return None
    above = path[: len(path) - climbed] if climbed else ()
    return (*above, *re.findall(r"[^.\[\]]+", match["rest"]))


class _Sizes:
    """How many characters the values of a recipe have once interpolations are resolved."""

    def __init__(self, recipe: object, where: Callable[[str], str]) -> None:
        self._recipe = recipe
        self._where = where
        self._known: dict[Path, int] = {}
        self._open: set[Path] = set()

    def of(self, path: Path, value: object, steps: int) -> int:
        """Counts a value and all below it.

        Raises:
            UserError: It has too many, or refers to itself.
        """
        if path in self._known:
            return self._known[path]
        if path in self._open or steps > _MOST_STEPS:
            key = written_key(path)
            raise UserError(
                f"{self._where(key)}: {key}: interpolations of the recipe refer to each other in a circle, or"
                " over too many steps"
            )
        self._open.add(path)
        size = LEAST_PER_VALUE
        for below, part in self._parts(path, value):
            size += self.of(below, part, steps + 1)
        if isinstance(value, str):
            size += len(value)
        if size > MOST_CHARACTERS:
            key = written_key(path)
            raise UserError(
                f"{self._where(key)}: {key} would have more than the"
                f" {MOST_CHARACTERS:,} characters of a recipe once its interpolations are resolved"
            )
        self._open.discard(path)
        self._known[path] = size
        return size

    def _parts(self, path: Path, value: object) -> Iterator[tuple[Path, object]]:
        if isinstance(value, Mapping):
            yield from (((*path, str(name)), below) for name, below in value.items())
        elif isinstance(value, list | tuple):
            yield from (((*path, index), below) for index, below in enumerate(value))
        elif isinstance(value, str):
            targets = (_target(inner, path) for inner in _INTERPOLATION.findall(value))
            found = (self._find(target) for target in targets if target is not None)
            yield from (each for each in found if each is not None)

    def _find(self, target: Path) -> tuple[Path, object] | None:
        """Looks a path up; one that leads through an interpolation counts as all that it refers to."""
        path: Path = ()
        value = self._recipe
        for part in target:
            if isinstance(value, Mapping):
                name = next((name for name in value if str(name) == part), None)
                if name is None:
                    return None
                path, value = (*path, str(part)), value[name]
            elif isinstance(value, Sequence) and not isinstance(value, str):
                index = int(part) if str(part).isdecimal() and len(str(part)) < 6 else len(value)
                if index >= len(value):
                    return None
                path, value = (*path, index), value[index]
            else:
                break
        return path, value
