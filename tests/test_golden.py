"""Nothing that a user sees has changed since `tests/golden` was recorded; see `tests/golden/record.py`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
pytestmark = pytest.mark.timeout(900)  # A minute and a half of one core, which others may be using.
BY_THE_BIT = ("sha256", "zeros", "sparsity.csv")
"""What the last bits of another processor may change: hashes, and counts of weights rounded to zero."""
RECORDS = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.yaml"))


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    done = subprocess.run([sys.executable, GOLDEN / "record.py", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if value and isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(below, f"{at} / {key}" if at else str(key))
    else:
        yield at, value


def same(at: str, recorded: Any, found: Any) -> bool:
    if isinstance(recorded, float) and isinstance(found, float):
        # Another processor adds in another order; a sample in ten may then be classified otherwise.
        return found == pytest.approx(recorded, rel=0.01, abs=0.1 if "accuracy" in at else 1e-4)
    return type(recorded) is type(found) and recorded == found


@pytest.mark.parametrize("name", [name for name in RECORDS if name != "machine.yaml"])
def test_nothing_has_changed(name: str, now: Path) -> None:
    recorded, found = (dict(leaves(yaml.safe_load((folder / name).read_text()))) for folder in (GOLDEN, now))
    same_machine = (GOLDEN / "machine.yaml").read_text() == (now / "machine.yaml").read_text()
    differences = [
        f"{at}\n  recorded: {recorded.get(at, 'nothing')}\n  found:    {found.get(at, 'nothing')}"
        for at in {**recorded, **found}
        if (same_machine or not at.endswith(BY_THE_BIT))
        and not (at in recorded and at in found and same(at, recorded[at], found[at]))
    ]
    assert not differences, f"{name}, {len(differences)} differences:\n" + "\n".join(differences)


def test_every_shipped_recipe_is_recorded(now: Path) -> None:
    shipped = {path.relative_to(ROOT / "recipes").as_posix() for path in ROOT.glob("recipes/**/*.yaml")}

    assert {f"runs/{name}" for name in (*shipped, "everything.yaml")} == {
        name for name in RECORDS if name.startswith("runs/")
    }
    assert sorted(path.relative_to(now).as_posix() for path in now.rglob("*.yaml")) == RECORDS
