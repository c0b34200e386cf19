"""Where recipes are found: first a folder `recipes` where the user stands, then the shipped ones."""

from pathlib import Path

import yaml

from runner.errors import UserError, did_you_mean
from runner.packaged import packaged_folder

SUFFIX = ".yaml"


def recipe_folders() -> list[Path]:
    """Returns the folders that hold recipes, the one that wins first."""
    own, shipped = Path.cwd() / "recipes", packaged_folder("recipes")
    return [own, shipped] if own.is_dir() and not own.samefile(shipped) else [shipped]


def recipe_names() -> list[str]:
    """Returns the name of every recipe in `recipe_folders`, sorted."""
    return sorted({path.stem for folder in recipe_folders() for path in folder.glob(f"*{SUFFIX}")})


def find_recipe(name: str) -> Path:
    """Finds a recipe's file.

    Args:
        name: What the command line calls it, e.g. `"mnist_2x4"`.

    Raises:
        UserError: There is none; the message lists them all.
    """
    for folder in recipe_folders():
        path = folder / f"{name}{SUFFIX}"
        # A name with a slash would leave the folder.
        if path.parent == folder and path.is_file():
            return path
    raise UserError(unknown_recipe(name))


def unknown_recipe(name: str) -> str:
    """Writes the message for a name that no recipe has."""
    names, folders = recipe_names(), recipe_folders()
    lines = [f"There is no recipe '{name}'.{did_you_mean(Path(name).stem, names)}"]
    lines += [f"  {known}" for known in names]
    lines.append(f"looked for {name}{SUFFIX} in {' and '.join(map(place, folders))}")
    lines += [
        f"{place(path)} is there, but recipes end in {SUFFIX}: rename it"
        for folder in folders
        for path in [folder / f"{name}.yml"]
        if path.is_file()
    ]
    return "\n".join(lines)


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
            recipe = yaml.safe_load(find_recipe(name).read_text(encoding="utf-8-sig"))
            described[name] = str(recipe.get("description") or "")
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError):
            described[name] = "(cannot be read; running it says why)"
    return described
