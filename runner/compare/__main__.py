"""`python -m runner.compare`: compares runs from what is logged."""

from runner.compare.options import read_arguments
from runner.process.command import run_command, tell


def _answer(arguments: list[str]) -> int:
    try:
        asked = read_arguments(arguments)
        from runner.compare.compare_runs import compare_asked
        from runner.process.console import open_console

        compare_asked(asked, open_console())
    except SystemExit as error:  # The parser's, after printing its help.
        return int(error.code or 0)
    except BaseException as error:
        return tell(error, debug="--debug" in arguments)
    return 0


if __name__ == "__main__":
    run_command(_answer)
