"""Policies: which layers of a model `prune_low_magnitude` wraps."""

import abc
from typing import TypeAlias

import tf_keras

Layer: TypeAlias = tf_keras.layers.Layer


class PruningPolicy(abc.ABC):
    """Decides layer by layer."""

    @abc.abstractmethod
    def allow_pruning(self, layer: Layer) -> bool:
        """Tells whether this layer is wrapped."""

    @abc.abstractmethod
    def ensure_model_supports_pruning(self, model: tf_keras.Model) -> None:
        """Raises ValueError where the policy does not fit the model."""
