"""Making the same command give the same numbers."""

import tensorflow as tf
import tf_keras


def reseed(seed: int) -> None:
    """Begins Python's, NumPy's and TensorFlow's randomness anew.

    Args:
        seed: In [0, 2**32).
    """
    tf_keras.utils.set_random_seed(seed)


def make_deterministic(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow, asks for deterministic ops, and forgets earlier models.

    Names and seeds depend on what a process built before; a sweep runs its jobs in one process, and each
    must give what it would give alone. On a GPU, memory grows as it is needed.

    Args:
        seed: In [0, 2**32).
    """
    tf_keras.backend.clear_session()
    reseed(seed)
    tf.config.experimental.enable_op_determinism()
    for gpu in tf.config.list_physical_devices("GPU"):
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
