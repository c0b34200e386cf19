"""The command line: `python -m runner` and the console script `runner`."""
