"""Keras 3 objects are told apart from tf-keras's, which alone can be pruned."""

from typing import Any


def refuse_keras_3(candidate: Any) -> None:
    """Raises ValueError, with the way out, where a layer or model is one of Keras 3."""
    if any(kind.__module__.partition(".")[0] == "keras" for kind in type(candidate).__mro__):
        raise ValueError(
            f"{type(candidate).__name__} is a Keras 3 object, and pruning works on tf-keras (Keras 2). Start"
            " the script with the environment variable TF_USE_LEGACY_KERAS=1, which makes tensorflow.keras"
            " tf-keras, or import tf_keras instead."
        )
