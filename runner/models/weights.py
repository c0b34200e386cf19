"""Loading weights into a built model by layer name and shape: all, or an error that names both sides."""

from pathlib import Path

import numpy as np
import tf_keras

from runner.errors import UserError
from runner.models.by_name import match_named
from runner.models.by_object import match_objects
from runner.models.weights_file import read_weights_file


def load_weights(model: tf_keras.Model, path: Path) -> None:
    """Loads the weights of a file into a model, the whole of it or nothing.

    Layers are found by name, nested models entered. Files without names of layers are the `.weights.h5` of
    tf-keras and of early Keras 3: their layers are counted by class (the third `Conv2D` of the file goes to
    the third of the model). Within a layer, weights are found by their place and order, which both Keras
    versions share; shapes must be equal.

    Args:
        model: A built Sequential or functional model.
        path: Saved by Keras 3 or tf-keras: `.weights.h5`, `.keras`, or `.h5` with weights or a whole model.

    Raises:
        UserError: The file cannot be read, or does not fit the model: one message with the layers that are
            only in the file, those only in the model, and the tensors that differ. The model is unchanged.
    """
    where = f"recipe.model.weights: {path}"
    stored = read_weights_file(path, where)
    matched = match_named(model, stored) if isinstance(stored, dict) else match_objects(model, stored)
    if not matched.fits:
        lines = [f"{where}: its weights do not fit the model '{model.name}'; none were loaded"]
        raise UserError("\n  ".join(lines + matched.report()))
    for variable, value in matched.pairs:
        variable.assign(np.asarray(value, variable.dtype.as_numpy_dtype))
    for layer in model.submodules:
        # Normalization computes from its mean and variance once, not at each call.
        if isinstance(layer, tf_keras.layers.Normalization) and layer.built:
            layer.finalize_state()
