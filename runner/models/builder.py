"""The registry of model builders."""

from collections.abc import Callable

import tf_keras

from runner.recipe.registry import Registry

Builder = Callable[..., tf_keras.Model]
MODELS: Registry[Builder] = Registry("model", supplied=("input_shape", "num_classes"))
"""Builders by name. A builder is called with `recipe.model`'s own keys as keyword arguments, and with
`input_shape` (one sample's, without the batch) and `num_classes` if it has parameters of these names; one
that can do without classes gives `num_classes` the default None. Layers need fixed names: Keras's own
(`conv2d_1`) count up within a process, and a recipe's patterns would miss them."""
