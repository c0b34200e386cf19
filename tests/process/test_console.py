import pytest
from rich.table import Table
from rich.text import Text

from runner.process.console import open_console


def test_nothing_that_is_printed_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    console = open_console()
    table = Table("layer\x1b]0;title\x07")
    table.add_row(Text("conv\x1b[2J\x9b1m"))

    console.print(table)
    console.print("a name\x1b[31m\ud800", soft_wrap=True)

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "conv␛[2J" in out
    assert "a name␛[31m�\n" in out


def test_styles_stay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    open_console().print(Text("ok", "green"))

    assert capsys.readouterr().out == "\x1b[32mok\x1b[0m\n"
