"""How many threads a process computes with, so that jobs that run side by side do not fight over cores."""

import os

# What the libraries below NumPy and scikit-learn read when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def available_cores() -> int:
    """Counts the cores that this process may use: affinity and a container's share allowed for."""
    import joblib

    return int(joblib.cpu_count())


def announce_threads(count: int) -> None:
    """Tells libraries that are not loaded yet, in this process and in those it starts, how many to use.

    Args:
        count: At least 1.
    """
    for name in _VARIABLES:
        os.environ[name] = str(count)


def limit_tensorflow(count: int) -> None:
    """Gives TensorFlow that many threads: within an operation, and for operations side by side.

    Args:
        count: At least 1.

    Raises:
        RuntimeError: TensorFlow has begun to compute with another number.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
