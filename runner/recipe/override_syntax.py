"""The syntax of overrides on the command line: `KEY=VALUE`, `+KEY=VALUE`, `++KEY=VALUE` and `~KEY`."""

_RECIPE = "recipe."


def override_key(override: str) -> str:
    """Returns the key of an override, such as `recipe.training.epochs`."""
    return override.lstrip("+~").partition("=")[0]


def parse_override(override: str) -> tuple[str, str]:
    """Returns the key of an override, without `recipe.` in front, and its value, without quotes around it."""
    value = override.partition("=")[2]
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return override_key(override).removeprefix(_RECIPE), value[1:-1] if quoted else value
