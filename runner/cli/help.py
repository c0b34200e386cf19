"""The text of `runner --help`."""

from runner.cli.launchers import describe_launchers
from runner.process.packaged import packaged_folder
from runner.recipe.library import recipe_listing

_USAGE = """\
Trains and prunes the model of a recipe, and proves the zeros in the TFLite file.

usage: runner [--multirun] recipe=NAME [SETTING=VALUE ...] [recipe.KEY=VALUE ...]
       (python -m runner does the same)

  runner recipe=mnist_2x4                                one run
  runner recipe=mnist_2x4 dry_run=true                   the plan; trains nothing
  runner recipe=mnist_2x4 recipe.training.epochs=1 recipe.layers.structural.m_by_n=1x4
  runner --multirun recipe=mnist_constant,mnist_polynomial seed=1,2,3        a sweep

Recipes:
{recipes}

Settings and their defaults:
{settings}

What starts the jobs of a sweep, launch=NAME:
{launchers}

Options:
  -m, --multirun            run every combination of comma-separated values
  --cfg job                 print the composed recipe and settings, run nothing
  --info searchpath         print where recipes and settings are looked for
  -sc install=bash          shell completion: eval "$(runner -sc install=bash)"; fish and zsh too
  --hydra-help              everything Hydra offers beyond this
  --version                 print the version

Exit status: 0 good, 1 the run failed, 2 the input is wrong, 130 interrupted."""


def help_text() -> str:
    """Returns the usage, every recipe, every setting and every launcher."""
    config = (packaged_folder("conf") / "config.yaml").read_text(encoding="utf-8")
    settings = config.partition("# Settings\n")[2].partition("\n\n")[0]
    launchers = describe_launchers()
    width = max(map(len, launchers))
    return _USAGE.format(
        recipes=_indented(recipe_listing()),
        settings=_indented(settings.splitlines()),
        launchers=_indented([f"{name:<{width}}  {text}" for name, text in launchers.items()]),
    )


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" if line else "" for line in lines)
