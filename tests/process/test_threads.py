"""Threads, in processes of their own: libraries read their number once."""

import subprocess
import sys

from runner.process.threads import available_cores

LIMITED = """
from runner.process.threads import announce_threads, limit_tensorflow
announce_threads(1)
import numpy, scipy.linalg, threadpoolctl
print(sorted({pool["num_threads"] for pool in threadpoolctl.threadpool_info()}))
limit_tensorflow(1)
import tensorflow as tf
tf.constant(1) + 1
limit_tensorflow(1)  # The next job of the same sweep.
threading = tf.config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
try:
    limit_tensorflow(2)
except RuntimeError as error:
    print(error)
"""


def test_libraries_and_tensorflow_use_as_many_as_they_were_given() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)

    pools, tensorflow, late = done.stdout.splitlines()
    assert pools == "[1]"
    assert tensorflow == "1 1"
    assert late == "Intra op parallelism cannot be modified after initialization."


def test_there_is_a_core() -> None:
    assert available_cores() >= 1
