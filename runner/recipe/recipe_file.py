"""Reading one recipe file: YAML that is data, with the lines its keys stand on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.process.errors import UserError
from runner.process.wording import readable, shown
from runner.recipe.library import SUFFIX, find_recipe, parent_name, place
from runner.recipe.vetting import NAMES_CODE, vet
from runner.recipe.yaml_document import TooLarge, compose, read_document

_PACKAGE_HEADER = re.compile(r"^\s*#\s*@\s*package\b", re.MULTILINE)
MOST_FILES = 64
"""As many a recipe may be composed of, one that is inherited twice counted twice."""
MOST_PARENTS = 24
"""How many generations a recipe may have above it."""
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*(/[\w-]+(\.[\w-]+)*)*")


@dataclass(frozen=True)
class RecipeFile:
    """A recipe file, proven to be data but not yet to be a recipe.

    Args:
        path: Where it is.
        config: What it says, `defaults` included, interpolations unresolved.
        parents: The recipes it inherits from, in order, as it names them; see `parent_name`.
        lines: The line on which each dotted key stands, e.g. `{"recipe.training.epochs": 7}`.
    """

    path: Path
    config: DictConfig
    parents: tuple[str, ...]
    lines: Mapping[str, int]


def read_recipe_file(path: Path) -> RecipeFile:
    """Reads a recipe file and refuses whatever is not plain data.

    Raises:
        UserError: It cannot be read, is no YAML mapping, has a key twice, or names code.
    """
    source = place(path)
    try:
        written = read_document(path)
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error}") from error
    except ValueError as error:
        raise UserError(f"{source}: {error}") from error
    return _read(path, source, written)


@lru_cache(maxsize=64)  # A job reads its recipe several times, and a sweep's jobs read the same ones.
def _read(path: Path, source: str, written: str) -> RecipeFile:
    try:
        root = compose(written)
        lines = _lines(root)
        config = OmegaConf.create(written)
    except TooLarge as error:
        raise UserError(f"{source}:{_line(error)}: {error.problem}") from error
    except yaml.MarkedYAMLError as error:
        text = f"{source}:{_line(error)}: is not valid YAML: {error.problem}{_context(error)}"
        raise UserError(readable(text)) from error
    except (yaml.YAMLError, OmegaConfBaseException, RecursionError, ValueError) as error:
        text = f"{source}: is not valid YAML for a recipe: {str(error).splitlines()[0]}"
        raise UserError(readable(text)) from error
    # Of a lone word OmegaConf makes a mapping without a value.
    if not isinstance(config, DictConfig) or isinstance(root, yaml.ScalarNode):
        raise UserError(f"{source}: must be a mapping with the keys data, model, training, layers")

    places = {key: f"{source}:{line}" for key, line in lines.items()}

    def where(key: str) -> str:
        return _nearest(key, places) or source

    header = _PACKAGE_HEADER.search(written)
    if header:
        line = written.count("\n", 0, header.start()) + header.group().count("\n") + 1
        raise UserError(f"{source}:{line}: @package would let a recipe set more than itself; {NAMES_CODE}")
    vet(OmegaConf.to_container(config, resolve=False), where)
    return RecipeFile(path, config, _parents(config, where), lines)


def lineage(name: str) -> list[RecipeFile]:
    """Reads a recipe and all it inherits from.

    Returns:
        The files, each after the ones that it inherits from.

    Raises:
        UserError: One of them is missing or bad, a recipe inherits from itself or twice from one recipe, or
            there are more than `MOST_FILES` or `MOST_PARENTS`.
    """
    files: list[RecipeFile] = []
    _add_lineage(name, (), files)
    return files


def _add_lineage(name: str, children: tuple[str, ...], files: list[RecipeFile]) -> None:
    file = read_recipe_file(find_recipe(name))
    seen = set()
    for written in file.parents:
        parent = parent_name(name, written)
        where = f"{place(file.path)}:{file.lines['recipe.defaults']}: recipe.defaults"
        if parent in (*children, name):
            chain = " -> ".join((*children, name, parent))
            raise UserError(f"{where}: a recipe cannot inherit from itself: {chain}")
        if parent in seen:
            raise UserError(f"{where}: names {parent} twice; a recipe inherits from another one once")
        if len(children) + 1 > MOST_PARENTS:
            raise UserError(
                f"{where}: {(*children, name)[0]} has more than the {MOST_PARENTS} generations of recipes"
                " above it that a recipe may have"
            )
        seen.add(parent)
        try:
            find_recipe(parent)
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        _add_lineage(parent, (*children, name), files)
    files.append(file)
    if len(files) + len(children) > MOST_FILES:
        raise UserError(
            f"{place(file.path)}: {(*children, name)[0]} is composed of more than the {MOST_FILES} recipes"
            " that a recipe may inherit from, one that is inherited twice counted twice"
        )


def origins(name: str, overrides: Mapping[str, str]) -> Callable[[str], str]:
    """Finds out where the values of a composed recipe were written.

    Args:
        name: The recipe.
        overrides: What the command line gave, as it was written, by dotted key.

    Returns:
        A function that names, for a dotted key, the override, or the file and line, that set it.
    """
    places = {key: f"{place(file.path)}:{line}" for file in lineage(name) for key, line in file.lines.items()}
    places |= dict.fromkeys(overrides, "command line")
    last = place(find_recipe(name))

    def where(key: str) -> str:
        while key and key not in places:
            # What only the command line speaks of, such as a misspelled rule, is not the file's.
            below = [written for given, written in overrides.items() if given.startswith(f"{key}.")]
            if below and "." in key:
                return f"command line, {below[0]}"
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return places.get(key, last)

    return where


def _nearest(key: str, places: Mapping[str, str]) -> str | None:
    """Looks up a dotted key, or the nearest one above it that is known."""
    while key and key not in places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return places.get(key)


def _parents(config: DictConfig, where: Callable[[str], str]) -> tuple[str, ...]:
    listed = OmegaConf.to_container(config, resolve=False)
    defaults = listed.get("defaults") if isinstance(listed, dict) else None
    if defaults is None:
        return ()
    place_ = where("recipe.defaults")
    if not isinstance(defaults, list):
        raise UserError(f"{place_}: recipe.defaults must be a list of recipes, as in [mnist_2x4, _self_]")
    for entry in defaults:
        if not isinstance(entry, str) or not _NAME.fullmatch(entry):
            raise UserError(
                f"{place_}: recipe.defaults has {shown(entry)}; it takes names of recipes and _self_, nothing"
                " that sets Hydra or another part of the configuration"
            )
    return tuple(entry.removesuffix(SUFFIX) for entry in defaults if entry != "_self_")


def _line(error: yaml.MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1


def _context(error: yaml.MarkedYAMLError) -> str:
    return f" ({error.context})" if error.context else ""


def _lines(root: yaml.Node | None) -> dict[str, int]:
    """Walks the YAML tree; a node met again through an alias keeps the line of its anchor."""
    lines: dict[str, int] = {}

    def walk(node: yaml.Node | None, key: str, above: tuple[yaml.Node, ...]) -> None:
        if not isinstance(node, yaml.MappingNode) or node in above:
            return
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode):
                lines[f"{key}.{name.value}"] = name.start_mark.line + 1
                walk(value, f"{key}.{name.value}", (*above, node))

    walk(root, "recipe", ())
    return lines
