"""Keras models as SavedModels, which the converter reads, and batches of samples for them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras


class Inference(tf.Module):
    """A model's inference as a module that is saved and loaded without Keras and the classes of its layers.

    Args:
        model: A built model of one input, pruning wrappers stripped.
    """

    def __init__(self, model: tf_keras.Model) -> None:
        super().__init__()
        spec = tf.TensorSpec([None, *model.inputs[0].shape[1:]], model.inputs[0].dtype, model.input_names[0])
        function = tf.function(
            lambda samples: model(samples, training=False), input_signature=[spec], autograph=False
        )
        # With the model itself as an attribute, saving would trace each of its layers once more.
        self.held = list(function.get_concrete_function().graph.variables)
        # Python calls the method below; TensorFlow saves this function.
        self.__call__ = function  # type: ignore[method-assign]

    def __call__(self, samples: tf.Tensor) -> tf.Tensor:
        """Returns the model's outputs for samples `[n, ...]`."""
        return vars(self)["__call__"](samples)


def write_graph(model: tf_keras.Model, folder: str | Path) -> Path:
    """Writes a model's inference as a SavedModel of one signature.

    Reading it does not need the classes of its layers. Open spatial dimensions stay open, and so does the
    batch size unless the model fixes it. With recurrent layers, which the converter takes at a fixed batch
    size only, it is 1.

    Args:
        model: A built model, pruning wrappers stripped.
        folder: The folder to make.

    Returns:
        `folder`.
    """
    specs = [
        tf.TensorSpec([_batch(model), *taken.shape[1:]], taken.dtype, name)
        for taken, name in zip(model.inputs, model.input_names, strict=True)
    ]

    def infer(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        given = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        return dict(zip(model.output_names, tf.nest.flatten(given), strict=True))

    called = tf.function(infer).get_concrete_function(*specs)
    # Saving the model itself would trace every layer once more, which takes most of the time.
    holder = tf.Module()
    holder.held = list(called.graph.variables)
    tf.saved_model.save(holder, str(folder), signatures=called)
    return Path(folder)


def input_name(model: tf_keras.Model) -> str:
    """Returns the name of the first input in a TFLite file made from a model."""
    return f"serving_default_{model.input_names[0]}:0"


def in_batches(model: tf_keras.Model, samples: np.ndarray) -> np.ndarray:
    """Puts samples into batches of the size of a model's graph: 1 where it is open.

    Args:
        model: The model.
        samples: `[n, ...]`, n >= 1. Some are repeated to fill the last batch.

    Returns:
        `[batches, batch, ...]` of the dtype of the model's input.
    """
    batch = _batch(model) or 1
    count = -(-len(samples) // batch)
    taken = samples[np.arange(count * batch) % len(samples)]
    shaped = taken.reshape(count, batch, *samples.shape[1:])
    return shaped.astype(model.inputs[0].dtype.as_numpy_dtype, copy=False)


def _batch(model: tf_keras.Model) -> int | None:
    fixed: int | None = model.inputs[0].shape[0]
    recurrent = any(isinstance(layer, tf_keras.layers.RNN) for layer in _layers(model))
    return 1 if recurrent and fixed is None else fixed


def _layers(model: tf_keras.Model) -> Iterator[tf_keras.layers.Layer]:
    return iter(model._flatten_layers(include_self=False, recursive=True))
