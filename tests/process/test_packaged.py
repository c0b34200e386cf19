from pathlib import Path

import pytest

import runner
from runner.process.packaged import packaged_folder


def test_in_the_repository_the_folders_stand_on_top() -> None:
    root = Path(__file__).resolve().parents[2]

    assert packaged_folder("conf") == root / "conf"
    assert (packaged_folder("recipes") / "mnist_2x4.yaml").is_file()


def test_in_a_wheel_they_are_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_recipes").mkdir()
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "__init__.py"))

    assert packaged_folder("recipes") == tmp_path / "_recipes"
