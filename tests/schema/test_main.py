import json
import subprocess
import sys
from pathlib import Path

import pytest

from runner.schema.__main__ import _answer


def test_prints_the_schema_and_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert _answer([]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Recipe"
    assert _answer(["--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| key | type |")


def test_a_file_that_says_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.schema.json"
    for _ in range(2):
        assert _answer(["--output", str(file)]) == 0
    assert json.loads(file.read_text())["title"] == "Recipe"

    file.write_text("mine")
    assert _answer(["--output", str(file)]) == 2
    assert (capsys.readouterr().err, file.read_text()) == (
        f"--output: {file} is there and says something else; remove it first\n",
        "mine",
    )
    assert _answer(["--output", str(tmp_path / "no" / "file")]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_plugins_add_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runner.datasets import DATASETS

    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    Path("own_data_of_schema.py").write_text(
        "from runner.datasets import DATASETS\n\n\n"
        '@DATASETS.register("own")\ndef own(*, rows: int = 3):\n    """Own data."""\n'
    )
    assert _answer(["--plugins", "own_data_of_schema"]) == 0
    data = json.loads(capsys.readouterr().out)["$defs"]["Data"]
    assert "own" in data["properties"]["name"]["anyOf"][0]["enum"]
    [own] = [each["then"] for each in data["allOf"] if each["if"]["properties"]["name"]["const"] == "own"]
    assert own["properties"]["rows"]["default"] == 3

    assert _answer(["--plugins", "no_such_module"]) == 2
    assert "cannot import 'no_such_module'" in capsys.readouterr().err


def test_a_wrong_option_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert _answer(["--outpt"]) == 2
    assert capsys.readouterr().err == "unrecognized arguments: --outpt. See --help\n"
    assert _answer(["--help"]) == 0
    assert "--markdown" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom runner.schema.__main__ import _answer\n_answer(['--help'])\n"
        "print(sorted({'tensorflow', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
