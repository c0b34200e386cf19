"""Who may import whom, read from the imports themselves, those inside functions included."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import runner

RUNNER = Path(runner.__file__).parent

LAYERS = (
    {"process", "pruning"},
    {"recipe", "tflite"},
    {"settings", "datasets", "models", "export", "plan"},
    {"verify", "records", "tracking"},
    {"training"},
    {"report"},
    {"run", "compare", "check", "schema"},
    {"search"},
    {"sweep"},
    {"cli"},
)
"""Packages, lowest first; each imports from lower layers only."""

ENGINE = {"__future__", "numpy", "runner", "tensorflow", "tf_keras"}
TOP = {"__init__.py", "__main__.py", "settings.py"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package(path: Path) -> str:
    return path.relative_to(RUNNER).with_suffix("").parts[0]


def edges() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in RUNNER.rglob("*.py"):
        for name in imported(path):
            first, below = [*name.split("."), ""][:2]
            if first == "runner" and below not in ("", package(path)) and package(path) != "__main__":
                found[package(path), below].append(f"{path.relative_to(RUNNER)} imports {name}")
    return found


def importers(name: str) -> set[str]:
    """The modules that import a package from outside the runner."""
    return {
        path.relative_to(RUNNER).as_posix()
        for path in RUNNER.rglob("*.py")
        if any(found.split(".")[0] == name for found in imported(path))
    }


def test_every_package_has_a_layer_and_the_top_holds_no_loose_modules() -> None:
    folders = {path.parent.name for path in RUNNER.glob("*/__init__.py")}
    assert set().union(*LAYERS) == folders | {"settings"}
    assert {path.name for path in RUNNER.glob("*.py")} == TOP
    assert len(LAYERS) <= 10


def test_a_package_imports_from_lower_layers_only() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    known = {pair: where for pair, where in edges().items() if pair[1] in layer}
    assert known  # Else nothing was read.
    assert {pair: where for pair, where in known.items() if layer[pair[0]] <= layer[pair[1]]} == {}


def test_the_engine_stands_by_itself() -> None:
    for path in (RUNNER / "pruning").rglob("*.py"):
        names = set(imported(path))
        assert {name.split(".")[0] for name in names} - sys.stdlib_module_names <= ENGINE, path
        own = {name for name in names if name.startswith("runner")}
        assert all(name.startswith("runner.pruning") for name in own), path


def test_mlflow_and_hydra_are_imported_in_one_place_each() -> None:
    assert {path.split("/")[0] for path in importers("mlflow")} == {"tracking"}
    assert {path for path in importers("hydra") if not path.startswith("cli/")} == {"recipe/source.py"}


def test_private_modules_of_keras_and_mlflow_are_used_where_they_are_explained() -> None:
    private = {"tf_keras.src": {"models/loop_limits.py", "pruning/macs.py"}}
    private |= {f"mlflow.{name}": {"tracking/mlflow_internals.py"} for name in ("store", "utils", "tracking")}
    for prefix, allowed in private.items():
        found = {
            path.relative_to(RUNNER).as_posix()
            for path in RUNNER.rglob("*.py")
            if any(name.startswith(f"{prefix}.") for name in imported(path))
        }
        assert found <= allowed, prefix
