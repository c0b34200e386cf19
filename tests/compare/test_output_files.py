import os
import subprocess
from pathlib import Path

import pytest

from runner.compare.output_files import MANIFEST, replacing
from runner.process.errors import UserError


def write(folder: Path, **files: str) -> None:
    with replacing(folder) as fresh:
        for name, content in files.items():
            path = fresh / name.replace("__", "/").replace("_md", ".md")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)


def contents(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_our_own_files_are_replaced(tmp_path: Path) -> None:
    write(tmp_path, a_md="one", plots__p="picture")
    write(tmp_path, a_md="two", plots__p="picture 2")
    assert contents(tmp_path) == {"a.md": "two", "plots/p": "picture 2"}


def test_what_someone_changed_is_kept_beside(tmp_path: Path) -> None:
    write(tmp_path, a_md="one")
    for number in (1, 2):
        (tmp_path / "a.md").write_text(f"my notes {number}")
        write(tmp_path, a_md="new")
    assert contents(tmp_path) == {"a.md": "new", "a_kept_1.md": "my notes 1", "a_kept_2.md": "my notes 2"}


def test_what_we_did_not_write_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("mine")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "other.png").write_text("mine too")
    write(tmp_path, a_md="ours", plots__p="picture")
    assert contents(tmp_path) == {
        "a.md": "ours",
        "a_kept_1.md": "mine",
        "plots/other.png": "mine too",
        "plots/p": "picture",
    }


def test_a_folder_in_the_place_of_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    (tmp_path / "a.md" / "inside").write_text("mine")
    write(tmp_path, a_md="ours")
    assert contents(tmp_path) == {"a.md": "ours", "a_kept_1.md/inside": "mine"}


def test_the_manifest_is_what_sha256sum_checks(tmp_path: Path) -> None:
    write(tmp_path, a_md="one", plots__p="picture")
    done = subprocess.run(["sha256sum", "-c", MANIFEST], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["a.md: OK", "plots/p: OK"]


def write_half(folder: Path) -> None:
    with replacing(folder) as fresh:
        (fresh / "a.md").write_text("half")
        raise ZeroDivisionError


def test_a_failure_replaces_nothing(tmp_path: Path) -> None:
    write(tmp_path, a_md="one")
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path)
    assert contents(tmp_path) == {"a.md": "one"}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"nowhere: cannot write the comparison there \(No such file"),
        replacing(tmp_path / "nowhere"),
    ):
        pass
    assert os.listdir(tmp_path) == []
