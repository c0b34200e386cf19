"""Recipes and command lines as nobody means them: the shipped recipes, changed by lot.

A third of the changes are such as a user makes (another level, structure or unit), so that what is wrong
elsewhere is met by the planner too, and not all of it by the schema.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml
from hypothesis import strategies as st

SMALL_IMAGES = {"name": "random", "input_shape": [28, 28, 1], "classes": 10, "samples": 64}
SMALL_SIGNAL = {"name": "random", "input_shape": [4, 32, 2], "target_shape": [4, 8, 16], "samples": 16}
TUTORIAL = {"name": "tutorial_cnn", "dense_units": 16, "filters": [4, 8]}
SMALL_CNN = {"name": "mnist_cnn", "dense_units": 16, "filters": [4, 8]}
TRAINING = {"epochs": 2, "batch_size": 16, "optimizer": {"name": "adam", "learning_rate": 0.001}}

BASES: tuple[dict[str, Any], ...] = (
    {
        "description": "as mnist_2x4",
        "data": {**SMALL_IMAGES, "validation_split": 0.1},
        "model": TUTORIAL,
        "training": TRAINING,
        "layers": {
            "first_conv": {
                "targets": "pruning_sparsity_0_5",
                "schedule": {"name": "constant", "sparsity": 0.5},
            },
            "structural": {"targets": "structural_pruning*", "m_by_n": "2x4"},
        },
        "export": {"variants": ["float32"]},
    },
    {
        "defaults": ["mnist_constant", "_self_"],
        "data": {**SMALL_IMAGES, "validation_split": 0.2},
        "model": SMALL_CNN,
        "training": {"epochs": 3, "batch_size": 16},
        "layers": {"all": {"schedule": {"name": "polynomial", "power": 3, "initial_sparsity": 0.1}}},
    },
    {
        "defaults": ["study_schedules/random_mask", "_self_"],
        "data": SMALL_IMAGES,
        "model": SMALL_CNN,
        "training": {"epochs": 2, "dense_epochs": 1},
    },
    {
        "defaults": ["two_conv_2x4", "_self_"],
        "data": SMALL_SIGNAL,
        "model": {"name": "two_conv", "filters": 16},
        "training": {"epochs": 4},
    },
    {
        "data": {**SMALL_IMAGES, "fallback": None},
        "model": SMALL_CNN,
        "training": {
            "epochs": 4,
            "batch_size": 16,
            "optimizer": {
                "name": "sgd",
                "momentum": 0.9,
                "nesterov": True,
                "weight_decay": 0.001,
                "learning_rate": {"name": "piecewise", "initial": 0.1, "warmup": "1ep"},
            },
            "augmentation": {"shift": 4, "flip": True},
        },
        "layers": {
            "convolutions": {
                "targets": ["re:conv_\\d"],
                "ignore": ["conv_2"],
                "types": ["Conv2D"],
                "schedule": {
                    "name": "linear",
                    "sparsity": 0.8,
                    "begin_step": "10%",
                    "end_step": "2ep",
                    "frequency": 2,
                },
            },
            "blocks": {
                "targets": "dense",
                "block": {"in": 4, "out": 1},
                "schedule": {"name": "exponential", "sparsity": 0.75},
            },
        },
        "export": {"variants": ["float32", "int8"], "calibration_samples": 16},
        "budget": {"variant": "int8", "max_bytes": 100_000},
    },
)
"""The shipped recipes on data and models of their kind that are made in a moment."""

MEANT: Mapping[str, tuple[Any, ...]] = {
    "sparsity": (0, 0.25, 0.5, 0.9, 0.999),
    "begin_step": (0, 1, "10%", "1ep", "0.5ep", "2", ".5%"),
    "end_step": (2, "100%", "50%", "1ep", "2ep", None),
    "frequency": (1, 3, 100, None),
    "name": (
        "constant",
        "polynomial",
        "linear",
        "exponential",
        "adamw",
        "rmsprop",
        "cosine",
        "mnist_cnn",
        "random",
    ),
    "initial_sparsity": (0, 0.1, 0.4),
    "power": (1, 2.5, 3),
    "targets": (
        "*",
        "conv*",
        "dense",
        "re:.*",
        ["conv_1", "dense"],
        "re:(conv|dense)_?\\d*",
        "[cd]*",
        "*conv*",
    ),
    "ignore": ("dense", "re:.*2", [], "probabilities"),
    "types": ("Conv2D", ["Dense", "Conv2D"], []),
    "weights": ("kernel", [], "bias"),
    "prune": (True, False),
    "m_by_n": ("2x4", "1:4", [2, 4], "1x2", "3x4", "4x8", None),
    "m_by_n_axis": ("auto", "flattened", "input_channels"),
    "block": ({"in": 4, "out": 1}, {"in": 1, "out": 4, "pooling": "MAX"}, None),
    "importance": ("random", "magnitude"),
    "schedule": ({"name": "constant", "sparsity": 0.5}, {"name": "polynomial", "sparsity": 0.9}, None),
    "epochs": (1, 2, 5, 1000),
    "dense_epochs": (0, 1, 2),
    "batch_size": (1, 16, 64, 10_000),
    "learning_rate": (0.1, 1e-9, {"name": "cosine", "initial": 0.1, "warmup": "10%"}),
    "warmup": (0, "10%", "1ep", 3),
    "validation_split": (0, 0.1, 0.5, 0.9),
    "samples": (1, 8, 100),
    "variants": (["float32"], ["int8", "float16"], "float32_sparse"),
    "max_bytes": (1, 10**6),
    "shift": (0, 2),
    "flip": (True, False),
    "momentum": (0, 0.5),
    "loss": ("mean_squared_error", "sparse_categorical_crossentropy", "huber", None),
    "metrics": ("accuracy", ["mean_absolute_error"], []),
    "augmentation": ({"shift": 1}, {"flip": True}, {}, None),
    "fallback": ("digits", "random", None),
    "clipnorm": (1.0, 0.1),
    "ema_momentum": (0.9,),
    "boundaries": ([1], ["25%", "50%"], ["1ep"]),
    "values": ([0.1], [0.1, 0.01]),
}
"""Values that each key may well have."""

ODD: tuple[Any, ...] = (
    None, True, False, "", " ", 0, -1, 1, 3.5, -0.0, 1e-320, 1e308, -1e308, 10**15, 2**31, 2**63 - 1, 2**63,
    -(2**64), 10**400, float("nan"), float("inf"), -float("inf"), "1e308ep", "-1ep", "1e3%", "101%",
    "9" * 400 + "ep", "\u0661ep", "nan", "1_000", "0x4", "4x2", "0x0", "99999999999x999999999999", "4:2",
    "???", [], {}, [[]], [None], {"name": "x"}, [1e9, 4], {"in": 10**12, "out": 1}, {"in": 0, "out": 0},
    {"name": "constant"}, ["*"] * 300, "*a" * 400, "re:(\\w+)+!", "re:(?=a)b", "re:(",
    "re:((a{1000}){1000}){1000}", "[", "[!]", "\x1b[31mred", "a\x00b", "\u202egnp", "\ud800",
    "\u6a21\U0001f642", "a\nb", "x" * 10_000,
    "${recipe.training.epochs}", "${..tracking.uri}", "${.name}", "${oc.env:HOME}",
    "${recipe.layers}", "${", "$${x}", "${recipe.description}${recipe.description}",
    "!!python/object:os.system x", "2026-13-45", "=", "<<", "~", "0o17", "1:30", b"bytes", "_target_",
    "hydra", "mnist", "cifar10", "npz", "digits", "/dev/null", "/nowhere/x.keras", "..", "../../etc/passwd",
)  # fmt: skip
"""Values that no key may have, or few."""

NAMES = (
    "namee", "Sparsity", "sparsity", "schedule", "targets", "m_by_n", "block", "defaults", "hydra",
    "_target_", "_self_", "a.b", "a b", "", "\x1b[31m", "k" * 300, "\u0663", "layers", "recipe", "0", "1e3",
    "null", "<<", "epochs", "frequency", "power", "rate", "a-b", "[0]", "${x}", "description", "weights",
    "path", "fallback", "units", "filters", "dense_units", "dropout", "num_classes",
)  # fmt: skip
"""Names that a key may get."""

SNIPPETS = (
    "\x1b[31m", "\x00", "\t", "\ufeff", "\u202e", "&a ", "*a", "<<: *a\n", "!!binary ", "!!set ",
    "!!python/name:os.system ", "!!float ", "? ", "- ", ": ", "#", "{", "}", "[", "]" * 5, "[" * 50, "'",
    '"', "|\n", ">\n", "%YAML 9.9\n", "---\n", "...\n", "@", "`", "\r", "\\", "# @package _global_\n",
    "${..tracking.uri}", "layers: {}\n", "defaults: [mnist_2x4, _self_]\n", "defaults: [x]\n", "9" * 5_000,
)  # fmt: skip
"""What may slip into the text of a file."""


@dataclass(frozen=True)
class Hostile:
    """A recipe's file and a command that names it.

    Args:
        content: Of `recipes/case.yaml`.
        overrides: What the command gives beside `recipe=case`.
    """

    content: bytes
    overrides: tuple[str, ...] = ()


def paths(tree: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Lists where something stands in a tree of mappings and lists."""
    found = [above] if above else []
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return found + [path for name, below in parts for path in paths(below, (*above, name))]


def hostile() -> st.SearchStrategy[Hostile]:
    """Draws cases: Hypothesis draws where the lots begin, so that no two cases are near each other."""
    return st.randoms(use_true_random=True).map(mutated)


def mutated(lots: Random) -> Hostile:
    """Makes a case: a base, its tree changed, the text changed, and overrides."""
    tree = copy.deepcopy(lots.choice(BASES))
    for _ in range(lots.randint(0, 4)):
        _change_as_meant(lots, tree)
    odd = lots.random() < 0.6
    spoiled, overridden = lots.random() < 0.2, lots.random() < 0.4
    if odd and not (spoiled and overridden):
        for _ in range(lots.choice((1, 1, 1, 2, 3))):
            _change(lots, tree)
    # In YAML's own signs, one could write what follows by hand.
    written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=lots.random() < 0.5)
    content = _spoiled(lots, written) if odd and spoiled else written.encode(errors="surrogatepass")
    overrides = [_override(lots, tree, odd=odd) for _ in range(lots.randint(1, 3))] if overridden else []
    return Hostile(content, tuple(overrides))


_OF_RULES = (
    "ignore", "types", "weights", "prune", "m_by_n", "m_by_n_axis", "block", "importance", "schedule",
    "targets",
)  # fmt: skip
_OF_TRAINING = ("dense_epochs", "loss", "metrics", "augmentation")
_OF_SCHEDULES = ("sparsity", "begin_step", "end_step", "frequency", "name")


def _change_as_meant(lots: Random, tree: Any) -> None:
    """Gives a key a value that it may have, or a rule or schedule a key that it may have."""
    rules = [path for path in paths(tree) if len(path) == 2 and path[0] == "layers"]
    schedules = [path for path in paths(tree) if path[-1] == "schedule"]
    known = [path for path in paths(tree) if path[-1] in MEANT and path[-1] != "name"]
    path = lots.choice(
        [
            *known,
            *((*path, lots.choice(_OF_RULES)) for path in rules),
            *((*path, lots.choice(_OF_TRAINING)) for path in paths(tree) if path == ("training",)),
            *((*path, lots.choice(_OF_SCHEDULES)) for path in schedules for _ in range(3)),
        ]
        or [("description",)]
    )
    around = _at(tree, path[:-1])
    if isinstance(around, dict):
        around[path[-1]] = _meant(lots, path)


def _meant(lots: Random, path: tuple[Any, ...]) -> Any:
    if path[-2:] == ("schedule", "name"):
        return lots.choice(("constant", "polynomial", "linear", "exponential"))
    return copy.deepcopy(lots.choice(MEANT.get(path[-1], ("a",))))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _odd(lots: Random) -> Any:
    if lots.random() < 0.75:
        return copy.deepcopy(lots.choice(ODD))
    return lots.choice(
        (
            lots.randint(-(10**20), 10**20),
            lots.uniform(-2, 2) * 10.0 ** lots.randint(-300, 300),
            "".join(chr(lots.choice((lots.randint(0, 127), lots.randint(128, 0x10FFFF)))) for _ in range(8)),
            [lots.randint(-3, 9) for _ in range(4)],
            f"{lots.randint(0, 200)}%",
            f"{lots.uniform(0, 10)}ep",
        )
    )


def _change(lots: Random, tree: dict[str, Any]) -> None:
    found = paths(tree)
    if not found:
        return
    path = lots.choice(found)
    around, name = _at(tree, path[:-1]), path[-1]
    kind = lots.choice(
        ("set", "set", "set", "set", "add", "add", "drop", "rename", "wrap", "twin", "meant elsewhere")
    )
    if kind == "set":
        around[name] = _odd(lots)
    elif kind == "drop":
        del around[name]
    elif kind == "wrap":
        for _ in range(lots.choice((1, 2, 40))):
            around[name] = [around[name]] if lots.random() < 0.5 else {"a": around[name]}
    elif isinstance(around, list):
        around.append(copy.deepcopy(around[name]))
    elif kind == "rename":
        around[lots.choice(NAMES)] = around.pop(name)
    elif kind == "twin":
        around[f"{name}_again"] = copy.deepcopy(around[name])
    elif kind == "add":
        around[lots.choice(NAMES)] = _odd(lots)
    else:
        key = lots.choice(tuple(MEANT))
        around[key] = copy.deepcopy(lots.choice(MEANT[key]))


def _spoiled(lots: Random, written: str) -> bytes:
    kind = lots.choice(("slip", "slip", "slip", "line", "cut", "utf-16", "bytes"))
    at = lots.randint(0, len(written))
    if kind == "slip":
        written = written[:at] + lots.choice(SNIPPETS) + written[at:]
    elif kind == "line":
        lines = written.splitlines(keepends=True)
        lines.insert(lots.randint(0, len(lines)), lots.choice(lines))
        written = "".join(lines)
    elif kind == "cut":
        written = written[:at]
    if kind == "utf-16":
        return written.encode("utf-16", errors="surrogatepass")
    content = written.encode(errors="surrogatepass")
    return content[:at] + lots.randbytes(3) + content[at:] if kind == "bytes" else content


_SETTINGS = (
    "seed", "threads", "plugins", "tracking.uri", "tracking.experiment", "outputs", "export_timeout",
    "nothing",
)  # fmt: skip


def _override(lots: Random, tree: Any, *, odd: bool) -> str:
    known = [path for path in paths(tree) if path[-1] in MEANT and path[-1] != "name"]
    if not odd and known:
        path = lots.choice(known)
        return f"recipe.{'.'.join(map(str, path))}={_plain(_meant(lots, path))}"
    if lots.random() < 0.2:
        return f"{lots.choice(_SETTINGS)}={_plain(_odd(lots))}"
    key = ".".join(map(str, lots.choice(paths(tree) or [("description",)])))
    sign = lots.choice(("", "", "", "", "+", "++", "~"))
    if sign == "~":
        return f"~recipe.{key}"
    if lots.random() < 0.4:
        key = f"{key}.{lots.choice((*MEANT, *NAMES))}"
    return f"{sign}recipe.{key}={_plain(_odd(lots))}"


def _plain(value: Any) -> str:
    """Writes a value as the command line takes it, more or less."""
    if value is None or isinstance(value, str):
        return "null" if value is None else value
    written = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return written.removesuffix("\n").removesuffix("\n...")
