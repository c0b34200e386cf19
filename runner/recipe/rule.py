"""One rule of a recipe: which layers, which structure, which schedule."""

import re
from dataclasses import dataclass
from typing import Any

from runner.process.errors import did_you_mean
from runner.process.wording import shown
from runner.recipe.pattern import pattern_problem
from runner.recipe.schedule import Schedule, plain_schedule, read_schedule
from runner.recipe.section import Invalid, Section, flag, text, texts, whole

IMPORTANCES = ("magnitude", "random")
M_BY_N_AXES = ("auto", "input_channels", "flattened")
POOLINGS = ("AVG", "MAX")
NO_RULES = "has no rules: a recipe prunes something (sparsity: 0 is a dense control)"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_M_BY_N = re.compile(r"\s*(\d+)\s*[x:]\s*(\d+)\s*")
# A level written as 0.6666667 for 2/3 is not above it.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class BlockSize:
    """A block of the matrix `[spatial x in, out]` that is pruned whole.

    Args:
        inputs: Its rows, >= 1; `in` in a recipe.
        outputs: Its columns, >= 1; `out` in a recipe.
        pooling: What stands for a block: the `AVG` or the `MAX` of its magnitudes.
    """

    inputs: int
    outputs: int
    pooling: str = "AVG"

    def __post_init__(self) -> None:
        sizes = {"in": self.inputs, "out": self.outputs}
        wrong = {name: f"is {value}, but must be at least 1" for name, value in sizes.items() if value < 1}
        if self.inputs == self.outputs == 1:
            wrong[""] = "is a single weight; without block the rule is unstructured"
        if self.pooling not in POOLINGS:
            wrong["pooling"] = f"is {shown(self.pooling)}, but must be one of {', '.join(POOLINGS)}"
        if wrong:
            raise Invalid(wrong)


@dataclass(frozen=True)
class Rule:
    """Which layers, which structure, which schedule.

    Args:
        key: The rule's name in the recipe, an identifier.
        targets: Layer names it takes: globs, or regular expressions after `re:`.
        ignore: Layer names it leaves, written likewise.
        types: Layer classes it is narrowed to, e.g. `Conv2D`; empty is all.
        weights: Weights it picks, e.g. `recurrent_kernel`; empty is what each layer prunes by default.
        prune: False leaves its layers dense.
        m_by_n: (m, n): of each n weights m are zero, 0 < m < n. None is unstructured.
        m_by_n_axis: What the groups run along: `auto`, `input_channels` or `flattened`.
        block: The blocks that are pruned whole; excludes `m_by_n`.
        importance: What ranks the weights: `magnitude`, or `random`, the control that draws as many by lot.
        schedule: Needed without `m_by_n`; under it, None sets the full pattern at the first step.
    """

    key: str
    targets: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    prune: bool = True
    m_by_n: tuple[int, int] | None = None
    m_by_n_axis: str = "auto"
    block: BlockSize | None = None
    importance: str = "magnitude"
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        wrong = {
            name: problem
            for name in ("targets", "ignore")
            if (problem := pattern_problem(getattr(self, name)))
        }
        if not self.targets:
            wrong["targets"] = "is an empty list, which matches nothing"
        if self.m_by_n is not None and not 0 < self.m_by_n[0] < self.m_by_n[1]:
            wrong["m_by_n"] = _m_by_n_problem(*self.m_by_n)
        if self.m_by_n_axis not in M_BY_N_AXES:
            wrong["m_by_n_axis"] = (
                f"is {shown(self.m_by_n_axis)}, but must be one of {', '.join(M_BY_N_AXES)}"
            )
        elif self.m_by_n is None and self.m_by_n_axis != "auto":
            wrong["m_by_n_axis"] = "says how m:n groups run, but the rule has no m_by_n"
        if self.m_by_n is not None and self.block is not None:
            wrong["block"] = "stands beside m_by_n; a rule has one structure: set the other to null"
        if self.importance not in IMPORTANCES:
            hint = did_you_mean(self.importance, IMPORTANCES)
            wrong["importance"] = (
                f"is {shown(self.importance)}, but must be one of {', '.join(IMPORTANCES)}.{hint}"
            )
        wrong |= self._schedule_problems()
        if wrong:
            raise Invalid(wrong)

    def _schedule_problems(self) -> dict[str, str]:
        if not self.prune:
            given = [name for name in ("m_by_n", "block", "schedule") if getattr(self, name) is not None]
            given += ["importance"] if self.importance != "magnitude" else []
            told = (
                f"is false, so the rule cannot have {' and '.join(given)}; set to null what a parent gave it"
            )
            return {"prune": told} if given else {}
        if self.m_by_n is None and self.schedule is None:
            asked = (
                "its blocks need a schedule" if self.block else "give it m_by_n, a schedule, or prune: false"
            )
            return {"": f"prunes nothing: {asked}"}
        if self.schedule is None:
            return {}
        sparsity = self.schedule.sparsity
        if self.m_by_n is None:
            told = "is missing: without m_by_n the schedule must name it"
            return {"schedule.sparsity": told} if sparsity is None else {}
        m, n = self.m_by_n
        if sparsity is not None and 0 < m < n and sparsity > m / n + _TOLERANCE:
            told = f"is {sparsity:g}, above the {m / n:g} that m_by_n {m}x{n} can reach"
            return {"schedule.sparsity": told}
        return {}


def _m_by_n_problem(m: int, n: int) -> str:
    turned = f" Did you mean {n}x{m}?" if 0 < n < m else ""
    return f"is {m}x{n}, but of each group of n weights m are zero: 0 < m < n.{turned}"


def plain_rule(rule: Rule) -> dict[str, Any]:
    """Gives a rule as the plain data that `read_rules` takes."""
    return {
        "targets": list(rule.targets),
        "ignore": list(rule.ignore),
        "types": list(rule.types),
        "weights": list(rule.weights),
        "prune": rule.prune,
        "m_by_n": None if rule.m_by_n is None else "{}x{}".format(*rule.m_by_n),
        "m_by_n_axis": rule.m_by_n_axis,
        "block": None if rule.block is None else _plain_block(rule.block),
        "importance": rule.importance,
        "schedule": None if rule.schedule is None else plain_schedule(rule.schedule),
    }


def _plain_block(block: BlockSize) -> dict[str, Any]:
    return {"in": block.inputs, "out": block.outputs, "pooling": block.pooling}


def _read_block(section: Section) -> BlockSize | None:
    section.required("in", whole)
    section.required("out", whole)
    section.optional("pooling", text)
    return section.build(lambda **given: BlockSize(given.pop("in"), given.pop("out"), **given))


def _read_m_by_n(value: object) -> tuple[int, int]:
    if isinstance(value, int | float):
        raise ValueError(_number_for_m_by_n(value))
    if isinstance(value, list | tuple) and len(value) == 2:
        return whole(value[0]), whole(value[1])
    match = _M_BY_N.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'is {shown(value)}; write 2x4, "2:4" or [2, 4] for 2 zeros in each 4 weights')
    return int(match[1]), int(match[2])


def _number_for_m_by_n(value: float) -> str:
    m, n = divmod(value, 60) if isinstance(value, int) else (2, 4)
    meant = f"{m}:{n}" if 0 < m < n else "2:4"
    told = f"is the number {value}: YAML reads an unquoted 2:4 as 124 (2 x 60 + 4) and 0x4 as 4"
    return f'{told}; quote it, "{meant}", or write {meant.replace(":", "x")}'


def _read_rule(section: Section, key: str) -> Rule | None:
    section.put("key", key)
    section.put("targets", (key,))
    for name in ("targets", "ignore", "types", "weights"):
        section.optional(name, texts)
    section.optional("prune", flag)
    section.optional("m_by_n", _read_m_by_n)
    section.optional("m_by_n_axis", text)
    section.optional("importance", text)
    for name, read in (("block", _read_block), ("schedule", read_schedule)):
        given = section.has(name)
        part = section.section(name)
        if given:
            section.put(name, read(part))
    return section.build(Rule)


def read_rules(section: Section) -> tuple[Rule | None, ...]:
    """Reads `recipe.layers`, noting problems in the section; a bad rule is None."""
    rules = []
    if section.clean and not section.names():
        section.problem("", NO_RULES)
    for key in section.names():
        if not _IDENTIFIER.fullmatch(key):
            section.problem(
                key, "cannot be overridden: name the rule by a word and put the pattern in targets"
            )
        rules.append(_read_rule(section.section(key), key))
    return tuple(rules)
