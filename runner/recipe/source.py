"""Recipes as Hydra's config group `recipe`, read from `recipes://` folders and vetted on the way in."""

import copy
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from runner.recipe.library import SUFFIX, names_in, parent_name, path_in, recipe_folders
from runner.recipe.recipe_file import lineage

GROUP = "recipe"


class RecipeSource(ConfigSource):
    """One folder of recipes; `recipe/mnist_2x4` is its `mnist_2x4.yaml`, `recipe/a/b` its `a/b.yaml`."""

    @staticmethod
    def scheme() -> str:
        """Returns what search paths of this kind begin with."""
        return "recipes"

    def available(self) -> bool:
        """Tells whether the folder exists."""
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        """Tells whether recipes are listed there."""
        return config_path in ("", GROUP) and self.available()

    def is_config(self, config_path: str) -> bool:
        """Tells whether this folder has the recipe."""
        file = self._file(config_path)
        return file is not None and file.is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Lists the group itself, or the names of the recipes in it, those in folders by `folder/name`.

        Hydra's own sources would make each folder a group. Here they are parts of names: so
        `recipe=glob(folder/*)` finds them, and completion offers them.
        """
        if config_path == "" and results_filter in (None, ObjectType.GROUP):
            return [GROUP]
        if config_path == GROUP and results_filter in (None, ObjectType.CONFIG):
            return names_in(Path(self.path))
        return []

    def load_config(self, config_path: str) -> ConfigResult:
        """Loads a recipe, refusing one that is not data or whose parents are not.

        Raises:
            UserError: The file, or one it inherits from, cannot be a recipe.
        """
        file = self._file(config_path)
        if file is None:
            raise ConfigLoadError(f"Config not found : {config_path}")
        name = _name(config_path)
        config = copy.deepcopy(lineage(name)[-1].config)
        if config.get("defaults"):
            config.defaults = [_default(name, entry) for entry in config.defaults]
        # A key that the recipe leaves at its default can be overridden without Hydra's `+`; the schema,
        # not Hydra, knows which keys there are.
        OmegaConf.set_struct(config, False)
        return ConfigResult(
            provider=self.provider,
            path=f"{self.scheme()}://{self.path}",
            config=config,
            # Whatever a file's header says, a recipe is put under `recipe`.
            header={"package": GROUP},
        )

    def _file(self, config_path: str) -> Path | None:
        in_group = config_path.startswith(f"{GROUP}/")
        return path_in(Path(self.path), _name(config_path)) if in_group else None


def _name(config_path: str) -> str:
    return config_path.removeprefix(f"{GROUP}/").removesuffix(SUFFIX)


def _default(name: str, entry: str) -> str:
    """Writes an entry of a recipe's `defaults` so that Hydra finds the parent that `lineage` found."""
    if entry == "_self_":
        return entry
    return f"/{GROUP}/{parent_name(name, entry.removesuffix(SUFFIX))}"


class RecipeSearchPath(SearchPathPlugin):
    """Adds the user's folder of recipes, then the shipped ones: the first that has a name wins."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Appends the folders to Hydra's search path."""
        for folder in recipe_folders():
            search_path.append(provider="recipes", path=f"{RecipeSource.scheme()}://{folder}")


def register() -> None:
    """Makes the group `recipe` known to Hydra; more than once is harmless."""
    for plugin in (RecipeSource, RecipeSearchPath):
        Plugins.instance().register(plugin)
