"""The number of threads of a process, so that parallel jobs do not compete for cores."""

import os

# Read by the libraries below NumPy and scikit-learn when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def available_cores() -> int:
    """Returns the number of cores that this process may use, by its affinity and its container."""
    import joblib

    return int(joblib.cpu_count())


def announce_threads(count: int) -> None:
    """Sets the number of threads of libraries not loaded yet, in this process and its children.

    Args:
        count: At least 1.
    """
    for name in _VARIABLES:
        os.environ[name] = str(count)


def limit_tensorflow(count: int) -> None:
    """Sets TensorFlow's number of threads within an operation and for parallel operations.

    Args:
        count: At least 1.

    Raises:
        RuntimeError: TensorFlow is already running with another number.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
