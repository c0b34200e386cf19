import subprocess
import sys

SWALLOWED = """
from runner.process import interruption
interruption.stop_if_interrupted()
interruption.note_interrupt()
assert interruption.interrupted()
try:
    interruption.stop_if_interrupted()
except KeyboardInterrupt:
    print("stopped")
"""


def test_an_interrupt_that_got_lost_is_raised_again() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=True)
    assert done.stdout == "stopped\n"
