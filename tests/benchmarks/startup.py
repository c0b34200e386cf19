"""How soon the commands that train nothing answer: whole processes, medians.

python tests/benchmarks/startup.py [--runs 7]
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "--help": ["--help"],
    "--cfg job": ["--cfg", "job"],
    "a bad override": ["recipe=mnist_2x4", "sed=7"],
    "an unknown recipe": ["recipe=mnist_2x5"],
    "a bad value": ["recipe.layers.first_conv.schedule.sparsity=1.0"],
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    for title, arguments in COMMANDS.items():
        seconds = []
        for _ in range(runs):
            began = time.perf_counter()
            done = subprocess.run([sys.executable, "-m", "runner", *arguments], capture_output=True)
            seconds.append(time.perf_counter() - began)
        print(f"{title:20} {statistics.median(seconds):.2f} s, exit status {done.returncode}")
