import hashlib
import importlib
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.process.errors import UserError
from runner.recipe.plugin_content import imported_as_hashed, plugin_content


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On Python's path; modules imported from it are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, files: dict[str, str]) -> None:
    """Writes files, each by its path below the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    importlib.invalidate_caches()


def content(module: str) -> str:
    return plugin_content([module])[module]


def test_a_module_is_its_file(folder: Path) -> None:
    write(folder, {"my_plugin.py": "a = 1\n", "other.py": "b = 1\n"})

    found = plugin_content(["my_plugin", "other"])

    assert found["my_plugin"] == hashlib.sha256(b"my_plugin.py 6\na = 1\n").hexdigest()
    assert list(found) == ["my_plugin", "other"]
    assert found["other"] != found["my_plugin"]


def test_it_is_the_same_before_and_after_import_and_in_another_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"my_plugin.py": "a = 1\n"})
    before = content("my_plugin")
    importlib.import_module("my_plugin")
    after = content("my_plugin")
    del sys.modules["my_plugin"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, {"my_plugin.py": "a = 1\n"})
    monkeypatch.syspath_prepend(elsewhere)

    assert before == after == content("my_plugin")


def test_a_change_is_seen_though_the_module_is_loaded(folder: Path) -> None:
    write(folder, {"my_plugin.py": "a = 1\n"})
    importlib.import_module("my_plugin")
    before = content("my_plugin")

    write(folder, {"my_plugin.py": "a = 2\n"})

    assert content("my_plugin") != before


def test_of_a_package_all_python_files_count_and_nothing_else(folder: Path) -> None:
    write(folder, {"pkg/__init__.py": "", "pkg/blocks.py": "width = 8\n"})
    importlib.import_module("pkg.blocks")
    first = content("pkg")

    (folder / "pkg" / "notes.txt").write_text("x")
    assert content("pkg") == first
    assert (folder / "pkg" / "__pycache__").is_dir() or sys.dont_write_bytecode

    write(folder, {"pkg/blocks.py": "width = 9\n"})
    second = content("pkg")
    assert second != first
    (folder / "pkg" / f"fast{sysconfig.get_config_var('EXT_SUFFIX')}").write_bytes(b"\x7fELF")
    assert content("pkg") not in (first, second)


def test_a_folder_without_init_is_a_package_too(folder: Path) -> None:
    write(folder, {"loose/one.py": "a = 1\n"})
    before = content("loose")

    write(folder, {"loose/one.py": "a = 2\n"})

    assert content("loose") != before


def test_a_compiled_module_is_its_file(folder: Path) -> None:
    path = folder / f"native{sysconfig.get_config_var('EXT_SUFFIX')}"
    path.write_bytes(b"one")
    importlib.invalidate_caches()
    before = content("native")

    path.write_bytes(b"two")

    assert content("native") != before


@pytest.mark.parametrize(
    "line",
    [
        "import beside",
        "import numpy, beside as b",
        "from beside import width",
        "def late():\n    from beside import width",
        "import between",
        "from parts import beside_too",
        "from parts.beside_too import *",
    ],
)
def test_what_it_imports_from_its_own_folder_counts(folder: Path, line: str) -> None:
    write(
        folder,
        {
            "my_plugin.py": f"{line}\n",
            "beside.py": "width = 8\n",
            "between.py": "import beside\n",
            "parts/__init__.py": "",
            "parts/beside_too.py": "from ..parts import own\nwidth = 8\n",
            "parts/own.py": "",
        },
    )
    changed = "parts/beside_too.py" if "parts" in line else "beside.py"
    before = content("my_plugin")

    write(folder, {"unrelated.py": "c = 1\n"})
    assert content("my_plugin") == before

    write(folder, {changed: "width = 9\n"})
    assert content("my_plugin") != before


@pytest.mark.parametrize("line", ["from . import sibling", "from .sibling import a", "from .. import top"])
def test_relative_imports_are_followed(folder: Path, line: str) -> None:
    write(
        folder,
        {
            "pkg/__init__.py": "",
            "pkg/top.py": "a = 1\n",
            "pkg/inner/__init__.py": "",
            "pkg/inner/plug.py": f"{line}\n",
            "pkg/inner/sibling.py": "a = 1\n",
        },
    )
    before = content("pkg.inner.plug")

    write(folder, {"pkg/top.py" if "top" in line else "pkg/inner/sibling.py": "a = 2\n"})

    assert content("pkg.inner.plug") != before


def test_modules_that_import_each_other_come_to_an_end(folder: Path) -> None:
    write(folder, {"one.py": "import two\n", "two.py": "import one\n"})

    expected = b"one.py 11\nimport two\ntwo.py 11\nimport one\n"
    assert content("one") == content("two") == hashlib.sha256(expected).hexdigest()


def test_installed_packages_and_the_runner_itself_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    monkeypatch.syspath_prepend(installed)
    write(installed, {"installed_plugin.py": "import dependency\n", "dependency.py": "a = 1\n"})
    before = content("installed_plugin")

    write(installed, {"dependency.py": "a = 2\n"})

    assert content("installed_plugin") == before

    stood_in_checkout = tmp_path / "checkout"
    stood_in_checkout.mkdir()
    monkeypatch.syspath_prepend(stood_in_checkout)
    write(
        stood_in_checkout,
        {"checkout_plugin.py": "from runner.plan import schedules\n", "runner/__init__.py": ""},
    )
    expected = b"checkout_plugin.py 34\nfrom runner.plan import schedules\n"
    assert content("checkout_plugin") == hashlib.sha256(expected).hexdigest()


def test_a_built_in_module_has_content_too() -> None:
    assert content("time") != content("builtins")


@pytest.mark.parametrize("module", ["no_such_module_anywhere", "no_such.module"])
def test_a_missing_module_is_named(module: str) -> None:
    with pytest.raises(UserError, match=f"^plugins: cannot import '{module}': No module named 'no_such"):
        plugin_content([module])


def test_what_is_imported_keeps_its_content_in_this_process(folder: Path) -> None:
    write(folder, {"my_plugin.py": "import beside\n", "beside.py": "a = 1\n"})
    with imported_as_hashed(["my_plugin"]):
        importlib.import_module("my_plugin")
    imported = content("my_plugin")

    write(folder, {"beside.py": "a = 2\n"})
    with imported_as_hashed(["my_plugin"]):
        importlib.import_module("my_plugin")

    assert content("my_plugin") == imported
    del sys.modules["my_plugin"]
    assert content("my_plugin") != imported


def test_a_plugin_that_is_edited_while_it_is_imported_is_refused(folder: Path) -> None:
    write(folder, {"my_plugin.py": "a = 1\n"})

    def load() -> None:
        with imported_as_hashed(["my_plugin"]):
            importlib.import_module("my_plugin")
            write(folder, {"my_plugin.py": "a = 2\n"})

    with pytest.raises(UserError, match=r"^plugins: 'my_plugin' was changed while it was imported\. Start"):
        load()


def test_what_could_not_be_imported_is_hashed_again(folder: Path) -> None:
    write(folder, {"my_plugin.py": "1 / 0\n"})
    with pytest.raises(ZeroDivisionError), imported_as_hashed(["my_plugin"]):
        importlib.import_module("my_plugin")
    broken = content("my_plugin")
    write(folder, {"my_plugin.py": "a = 1\n"})
    assert content("my_plugin") != broken
