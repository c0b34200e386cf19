"""`python -m runner.schema`: the keys of a recipe as JSON Schema, for editors, or as tables in Markdown."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import NoReturn

from runner.process.command import run_command, tell
from runner.process.errors import UserError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. See --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m runner.schema",
        description="Prints the JSON Schema of a recipe: editors complete, describe and check recipes by it.",
        allow_abbrev=False,
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file instead")
    parser.add_argument("--markdown", action="store_true", help="tables of all keys in Markdown instead")
    parser.add_argument(
        "--plugins", nargs="+", default=[], metavar="MODULE", help="modules that register names of your own"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _answer(arguments: list[str]) -> int:
    try:
        asked = _parser().parse_args(arguments)
        text = _written(asked.plugins, markdown=asked.markdown)
        if asked.output is None:
            print(text, end="")
        else:
            _write(asked.output, text)
        return 0
    except SystemExit:  # After --help.
        return 0
    except BaseException as error:
        return tell(error, debug="--debug" in arguments)


def _written(plugins: list[str], *, markdown: bool) -> str:
    from runner.process.chatter import silenced_stderr

    with silenced_stderr():  # TensorFlow speaks of itself while it is imported.
        from runner.schema.json_schema import recipe_schema
        from runner.schema.reference import key_reference

    sys.path.insert(0, str(Path.cwd()))
    for module in plugins:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise UserError(f"--plugins: cannot import '{module}': {error}") from error
    schema = recipe_schema()
    return key_reference(schema) if markdown else json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _write(file: Path, text: str) -> None:
    try:
        if file.exists() and file.read_text(encoding="utf-8", errors="replace") != text:
            raise UserError(f"--output: {file} is there and says something else; remove it first")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output: cannot write {file}: {error.strerror}") from error


if __name__ == "__main__":
    run_command(_answer)
