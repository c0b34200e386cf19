"""`python -m runner.check`: which weight tensors of a TFLite file are sparse, and in which pattern."""

from runner.process.command import run_command, tell

_USAGE = """\
Shows the zeros in the weight tensors of any TFLite file, and which patterns they have. Sparse encodings are
decoded; a quantized weight is zero where it equals its zero point. m:n counts zeros: 2x4 means that of each
4 weights at least 2 are zero.

usage: python -m runner.check FILE.tflite [OPTION ...]

  python -m runner.check model.tflite --m-by-n 2x4 --layer 'conv*'

  --m-by-n MxN       the m:n pattern holds along either axis; too few inputs for a group are not enough
  --block-in N       zeros come in blocks of N inputs
  --sparsity SHARE   at least that share of zeros, such as 0.8
  --axis AXIS        look along input_channels only, or along the flattened row (window x channels) only
  --layer GLOB       only the tensors of that layer, name or operator, in quotes; may be repeated
  --json             print JSON
  --debug            show the traceback of an error
  --help             print this

Exit status: 0 every selected weight tensor has all that is asked for, 1 one has not, 2 the input is wrong or
no TFLite file, 130 interrupted."""


def _answer(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(_USAGE)
        return 0
    try:
        return _check(arguments)
    except BaseException as error:
        return tell(error, debug="--debug" in arguments)


def _check(arguments: list[str]) -> int:
    from runner.check.checking import check_file
    from runner.check.options import read_arguments

    line = read_arguments(arguments)
    check = check_file(line.asked)
    if line.json:
        from runner.check.json_output import to_json

        print(to_json(check))
    else:
        from runner.check.terminal import show
        from runner.process.console import open_console

        show(check, open_console())
    return 0 if check.passed else 1


if __name__ == "__main__":
    run_command(_answer)
