"""Finds recipes: first in the folder `recipes` of the current directory, then among the shipped ones.

A recipe in a folder of its own is named with it, as in `study_schedules/constant`: on the command line, in
messages, and wherever its name is recorded.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path, PurePosixPath

import yaml

from runner.process.errors import UserError, did_you_mean
from runner.process.packaged import packaged_folder
from runner.process.wording import hidden_character, shown, visible
from runner.recipe.yaml_document import compose, read_document, scalar

SUFFIX = ".yaml"

# The bytes of a file's name that every file system takes.
_LONGEST = 255
_MOST_FOLDERS = 16


def recipe_folders() -> list[Path]:
    """Returns the folders that hold recipes, the one that wins first."""
    own, shipped = Path.cwd() / "recipes", packaged_folder("recipes")
    return [own, shipped] if own.is_dir() and not own.samefile(shipped) else [shipped]


def names_in(folder: Path) -> list[str]:
    """Returns the names of the recipes in one folder and the folders below it, in `in_order`."""
    paths = (path.relative_to(folder) for path in folder.rglob(f"*{SUFFIX}") if path.is_file())
    # Editors and notebooks leave copies in hidden folders.
    names = (path.with_suffix("").as_posix() for path in paths if not path.as_posix().startswith("."))
    return in_order(name for name in names if "/." not in name and path_in(folder, name))


def in_order(names: Iterable[str]) -> list[str]:
    """Sorts names, those of no folder first."""
    return sorted(set(names), key=lambda name: (name.rpartition("/")[0], name))


def recipe_names() -> list[str]:
    """Returns the name of every recipe in `recipe_folders`, in `in_order`."""
    return in_order(name for folder in recipe_folders() for name in names_in(folder))


def path_in(folder: Path, name: str) -> Path | None:
    """Returns where a folder would have the recipe of this name; None for a name that no recipe can have."""
    if hidden_character(name):
        return None  # It would be printed wherever the recipe is named.
    parts = name.split("/")
    if any(part in ("", ".", "..") or len(f"{part}{SUFFIX}".encode()) > _LONGEST for part in parts):
        return None
    if len(parts) > _MOST_FOLDERS:
        return None
    return folder.joinpath(*parts[:-1], f"{parts[-1]}{SUFFIX}")


def find_recipe(name: str) -> Path:
    """Finds a recipe's file.

    Args:
        name: What the command line calls it, e.g. `"mnist_2x4"`.

    Raises:
        UserError: There is none; the message lists them all.
    """
    for folder in recipe_folders():
        path = path_in(folder, name)
        if path is not None and path.is_file():
            return path
    raise UserError(unknown_recipe(name))


def parent_name(child: str, written: str) -> str:
    """Finds out which recipe another one inherits from.

    Args:
        child: The name of the recipe that inherits.
        written: What its `defaults` say: a recipe beside it, or else what the command line would call it.

    Returns:
        The parent's name for the command line; the child's own where no other recipe has it; what was
        written where there is none at all.
    """
    beside = str(PurePosixPath(child).parent / written)
    for name in (beside, written):
        if name != child and any((path := path_in(f, name)) and path.is_file() for f in recipe_folders()):
            return name
    return child if child in (beside, written) else written


def unknown_recipe(name: str) -> str:
    """Writes the message for a name that no recipe has."""
    names, folders = recipe_names(), recipe_folders()
    lines = [f"There is no recipe {shown(name)}.{_hint(name, names)}"]
    lines += [f"  {known}" for known in names]
    if path_in(folders[0], name) is not None:
        lines.append(f"looked for {name}{SUFFIX} in {' and '.join(map(place, folders))}")
    lines += [
        f"{place(path)} is there, but recipes end in {SUFFIX}: rename it"
        for folder in folders
        if (sought := path_in(folder, name)) and (path := sought.with_suffix(".yml")).is_file()
    ]
    return "\n".join(lines)


def _hint(name: str, names: list[str]) -> str:
    """Suggests the recipe that was meant: one in a folder, a slip of the finger, or a path to a file."""
    if hidden_character(name) or len(name) > _LONGEST:
        return ""
    asked = PurePosixPath(name)
    if set("*?[") & set(name):
        return f" A pattern takes glob: --multirun 'recipe=glob({name})'"
    within = [known for known in names if known.startswith(f"{asked}/")]
    if within:
        return f" It is a folder: recipe={within[0]} runs one in it, --multirun 'recipe=glob({asked}/*)' all."
    by_last = {PurePosixPath(known).name: known for known in reversed(names)}
    if asked.stem in by_last:
        return f" Did you mean '{by_last[asked.stem]}'?"
    return did_you_mean(name.removesuffix(SUFFIX), names) or did_you_mean(asked.stem, names)


def place(path: Path) -> str:
    """Writes a path as the user would: from where they stand, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def describe_recipes() -> dict[str, str]:
    """Returns the description of every recipe by name, for `--help`."""
    described = {}
    for name in recipe_names():
        try:
            root = compose(read_document(find_recipe(name)))
        except (OSError, ValueError, yaml.YAMLError):
            root = None
        if isinstance(root, yaml.MappingNode):
            # Nothing but the description is made into a value, so no other part of a file can break this.
            described[name] = visible(" ".join(scalar(root, "description").split()))
        else:
            described[name] = "(cannot be read; running it says why)"
    return described


def recipe_listing() -> list[str]:
    """Writes the lines that list every recipe with its description, a blank one before each folder."""
    lines: list[str] = []
    described = describe_recipes().items()
    for folder, group in groupby(described, key=lambda item: item[0].rpartition("/")[0]):
        listed = list(group)
        width = max(len(name) for name, _ in listed)
        lines += [""] if folder else []
        lines += [f"{name:<{width}}  {text}" for name, text in listed]
    return lines
