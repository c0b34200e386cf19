"""`python -m runner.check`: which weight tensors of a TFLite file are sparse, and in which pattern."""

from runner.process.command import run_command, tell


def _answer(arguments: list[str]) -> int:
    try:
        return _check(arguments)
    except SystemExit:  # argparse has printed the help; it reports errors as UserError.
        return 0
    except BaseException as error:
        return tell(error, debug="--debug" in arguments)


def _check(arguments: list[str]) -> int:
    from runner.check.checking import check_file
    from runner.check.options import read_options

    options, json = read_options(arguments)
    check = check_file(options)
    if json:
        from runner.check.json_output import to_json

        print(to_json(check))
    else:
        from runner.check.terminal import show
        from runner.process.console import open_console

        show(check, open_console())
    return 0 if check.passed else 1


if __name__ == "__main__":
    run_command(_answer)
