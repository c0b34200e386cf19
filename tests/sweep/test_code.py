"""Whether a job's process has the code that its sweep began with."""

import re
import sys
from pathlib import Path

import pytest

from runner.cli.composition import load_plugins
from runner.process.errors import UserError
from runner.recipe.plugin_content import plugin_content
from runner.records.source_content import source_content
from runner.records.sweep_records import Sweep, read_sweep, write_sweep
from runner.settings import RunSettings
from runner.sweep.code import require_same_code


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    """Of a job with a plugin that this process has imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "swept_plugin", raising=False)
    (tmp_path / "swept_plugin.py").write_text("a = 1\n")
    load_plugins(["swept_plugin"])
    return RunSettings(plugins=("swept_plugin",))


def sweep(folder: Path, **found: dict[str, str]) -> Sweep:
    write_sweep(folder / "sweep", Sweep((), ("seed=1",), "sqlite:////mlflow.db", "x", "0", **found))  # type: ignore[arg-type]
    return read_sweep(folder / "sweep")


def test_equal_code_is_taken(tmp_path: Path, settings: RunSettings) -> None:
    found = sweep(tmp_path, plugins=plugin_content(["swept_plugin"]), source=source_content())
    (tmp_path / "swept_plugin.py").write_text("a = 2\n")  # Not what this process has imported.
    require_same_code(found, settings)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"plugins": {"swept_plugin": "0" * 64}}, "plugins: 'swept_plugin': the code is not what it was"),
        (
            {"source": {"pruning": "0" * 64, "run/prepare.py": "1" * 64}},
            "runner/pruning, runner/run/prepare.py: the code is not what it was when the sweep began; runs of"
            " different code are not compared. Begin the sweep again.",
        ),
    ],
)
def test_other_code_is_refused_by_name(
    tmp_path: Path, settings: RunSettings, found: dict[str, dict[str, str]], told: str
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(told)}"):
        require_same_code(sweep(tmp_path, **found), settings)


def test_a_plugin_of_this_job_alone_and_a_sweep_of_an_earlier_version_are_taken(
    tmp_path: Path, settings: RunSettings
) -> None:
    require_same_code(sweep(tmp_path), settings)
    require_same_code(sweep(tmp_path, plugins={"another": "0" * 64}), settings)
