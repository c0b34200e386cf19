from pathlib import Path

import pytest

from runner import packaged
from runner.packaged import packaged_folder


def test_in_the_repository_the_folders_stand_on_top() -> None:
    root = Path(__file__).resolve().parent.parent

    assert packaged_folder("conf") == root / "conf"
    assert (packaged_folder("recipes") / "mnist_2x4.yaml").is_file()


def test_in_a_wheel_they_are_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_recipes").mkdir()
    monkeypatch.setattr(packaged, "__file__", str(tmp_path / "packaged.py"))

    assert packaged_folder("recipes") == tmp_path / "_recipes"
