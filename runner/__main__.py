"""`python -m runner`: the same as the console script `runner`."""

import sys

from runner.cli.main import main

if __name__ == "__main__":
    # Usage lines and shell completion name the program, and `__main__.py` is none.
    sys.argv[0] = "runner"
    main()
