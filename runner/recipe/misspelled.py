"""Hints for rules that are only on the command line, where the recipe has one of a similar name."""

import re
from collections.abc import Iterable

from runner.process.errors import did_you_mean
from runner.recipe.file import lineage

_RULE = re.compile(r"recipe\.layers\.(\w+)")


def with_rule_hints(message: str, name: str, overrides: Iterable[str]) -> str:
    """Adds to a message about a rule that the recipe does not have which one may be meant.

    A new rule on the command line is no mistake, so nothing is said where it fits its model.

    Args:
        message: What is wrong.
        name: The recipe.
        overrides: Dotted keys that the command line gives, such as `recipe.layers.structual.m_by_n`.
    """
    named = set(_RULE.findall(message))
    written = dict.fromkeys(
        found[1] for key in overrides if (found := _RULE.match(key)) and found[1] in named
    )
    if not written:
        return message
    keys = {key for file in lineage(name) for key in file.lines}
    known = list(dict.fromkeys(found[1] for key in sorted(keys) if (found := _RULE.match(key))))
    lines = [message]
    for rule in written:
        hint = did_you_mean(rule, known)
        if rule not in known and hint:
            lines.append(f"The recipe {name} has no rule '{rule}'.{hint}")
    return "\n".join(lines)
