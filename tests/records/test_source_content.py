import ast
import hashlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import runner
from runner.records import source_content as module
from runner.records.source_content import DENSE_PARTS, RESULT_PARTS, source_content, source_sha256

RUNNER = Path(runner.__file__).parent

LEFT_OUT = {
    "__init__.py": "a version, which stands beside the source",
    "process": "errors, wording, interruption: no numbers",
    "records": "folders, provenance, fingerprints",
    "report": "shows",
    "settings.py": "reads what the command said",
}
"""What computing code imports, and why its content decides about no number."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(parts: Iterable[str]) -> Iterator[Path]:
    for part in parts:
        path = RUNNER / part
        yield from path.rglob("*.py") if path.is_dir() else [path]


def part_of(name: str) -> str | None:
    """The part of the runner that holds an imported name; None where that is another package's."""
    first, *rest = name.split(".")
    if first != "runner":
        return None
    parts = (*RESULT_PARTS, *LEFT_OUT)
    folders = ["/".join(rest[:end]) for end in range(len(rest), 0, -1)]
    named = (part for folder in folders for part in (folder, f"{folder}.py") if part in parts)
    return next(named, "/".join(rest) if rest else "__init__.py")


@pytest.mark.parametrize("parts", [DENSE_PARTS, [it for it in RESULT_PARTS if it != "run/experiment.py"]])
def test_whatever_computing_code_imports_is_computing_or_known_not_to_be(parts: list[str]) -> None:
    found = {part_of(name) for path in files(parts) for name in imported(path)} - {None}
    # `run/prepare.py` prepares more than dense training.
    extra = set(RESULT_PARTS) - set(DENSE_PARTS)
    assert found - set(parts) - extra - set(LEFT_OUT) == set()


def test_the_parts_are_there_and_none_is_left_out_twice() -> None:
    assert all((RUNNER / part).exists() for part in (*RESULT_PARTS, *LEFT_OUT))
    assert not set(RESULT_PARTS) & set(LEFT_OUT)
    assert set(DENSE_PARTS) < set(RESULT_PARTS)


def test_a_part_is_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "__pycache__").mkdir(parents=True)
    (tmp_path / "models" / "a.py").write_text("a = 1\n")
    (tmp_path / "stages.py").write_text("b = 1\n")
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(module, "RESULT_PARTS", ("models", "stages.py"))
    first = module._content.__wrapped__()
    (tmp_path / "models" / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert module._content.__wrapped__() == first
    assert first["models"] == hashlib.sha256(b"models/a.py 6\na = 1\n").hexdigest()
    (tmp_path / "models" / "a.py").write_text("a = 2\n")
    second = module._content.__wrapped__()
    assert (second["models"] != first["models"], second["stages.py"] == first["stages.py"]) == (True, True)


def test_it_is_read_once_and_quickly() -> None:
    began = time.perf_counter()
    found = module._content.__wrapped__()
    assert time.perf_counter() - began < 1  # 10 ms on a quiet machine.
    assert source_content() == found
    assert source_content() == source_content(RESULT_PARTS)
    assert module._content() is module._content()
    assert list(source_content(DENSE_PARTS)) == list(DENSE_PARTS)
    assert len(source_sha256()) == 64
