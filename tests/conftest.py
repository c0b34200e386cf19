"""What holds for all tests."""

import signal

# A script that runs the tests in the background has them, and all that they start, ignore Ctrl-C, which is
# part of what they test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
