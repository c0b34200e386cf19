import os
import subprocess
import sys
import threading
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


def test_our_files_that_are_not_made_again_are_removed(tmp_path: Path) -> None:
    write(tmp_path, a_md="one", plots__old="picture", plots__edited="picture", deep__old="picture")
    (tmp_path / "plots" / "edited").write_text("mine")
    write(tmp_path, a_md="two")
    assert contents(tmp_path) == {"a.md": "two", "plots/edited": "mine"}
    assert not (tmp_path / "deep").exists()
    write(tmp_path, plots__edited="new")
    assert contents(tmp_path) == {"plots/edited": "new", "plots/edited_kept_1": "mine"}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"my notes\n", b"\n", None])
def test_what_is_no_manifest_is_kept(tmp_path: Path, content: bytes | None) -> None:
    write(tmp_path, a_md="one")
    manifest, kept = tmp_path / MANIFEST, tmp_path / "comparison_kept_1.sha256"
    manifest.unlink()
    if content is None:
        manifest.mkdir()
    else:
        manifest.write_bytes(content)
    write(tmp_path, a_md="two")
    assert (tmp_path / "a.md").read_text() == "two"
    assert (tmp_path / "a_kept_1.md").read_text() == "one"
    assert kept.is_dir() if content is None else kept.read_bytes() == content


def test_a_manifest_never_removes_what_lies_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "mine").write_text("")
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
    (folder / MANIFEST).write_text(f"{digest}  ../mine\n{digest}  {tmp_path}/mine\n")
    write(folder, a_md="one")
    assert (tmp_path / "mine").exists()


@pytest.mark.parametrize("replaced", range(5))
def test_a_process_killed_while_it_replaces_leaves_nothing_that_seems_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: int
) -> None:
    write(tmp_path, a_md="one", b_md="one", old="one")
    killed = f"""
import os
from runner.compare import output_files
left, replace = {replaced}, os.replace
def killed(source, target):
    global left
    if not left:
        os._exit(9)
    left -= 1
    replace(source, target)
os.replace = killed
with output_files.replacing(output_files.Path({str(tmp_path)!r})) as fresh:
    for name in ("a.md", "b.md"):
        (fresh / name).write_text("two")
"""
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert done.returncode == (9 if replaced < 4 else 0)
    write(tmp_path, a_md="three", b_md="three")
    assert contents(tmp_path) == {"a.md": "three", "b.md": "three"}
    assert sorted(os.listdir(tmp_path)) == ["a.md", "b.md", MANIFEST]


def test_two_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    write(tmp_path, a_md="old", b_md="old")
    (tmp_path / "b.md").write_text("mine")
    first_is_in, second_may_end = threading.Event(), threading.Event()
    held: list[bool] = []

    def first() -> None:
        with replacing(tmp_path) as fresh:
            first_is_in.set()
            held.append(not second_may_end.wait(0.3))
            for name in ("a.md", "b.md"):
                (fresh / name).write_text("first")

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait(10)
    write(tmp_path, a_md="second", b_md="second")
    second_may_end.set()
    thread.join()
    assert held == [True]  # The second one has waited.
    assert contents(tmp_path) == {"a.md": "second", "b.md": "second", "b_kept_1.md": "mine"}
