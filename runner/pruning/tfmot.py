"""`runner.pruning` under the dotted names of TensorFlow Model Optimization.

For scripts that write `tfmot.sparsity.keras.prune_low_magnitude`: one line ports them.

Example:
    >>> from runner.pruning import tfmot  # was: import tensorflow_model_optimization as tfmot
    >>> model = tfmot.sparsity.keras.prune_low_magnitude(model)
"""

from types import SimpleNamespace

from runner import pruning

sparsity = SimpleNamespace(keras=pruning)
