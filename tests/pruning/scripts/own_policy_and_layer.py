"""A policy of one's own, and a layer that names the weights to prune."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot


class WithBias(tf.keras.layers.Dense, tfmot.sparsity.keras.PrunableLayer):
    """A dense layer whose bias is pruned too."""

    def get_prunable_weights(self):
        return [self.kernel, self.bias]


class AllButTheHead(tfmot.sparsity.keras.PruningPolicy):
    """Leaves the layer named head dense."""

    def allow_pruning(self, layer):
        return layer.name != "head"

    def ensure_model_supports_pruning(self, model):
        if not model.built:
            raise ValueError("build the model first")


model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((8,)),
        WithBias(16, bias_initializer="random_normal", name="own"),
        tf.keras.layers.Dense(8, name="plain"),
        tf.keras.layers.Dense(4, name="head"),
    ]
)
pruned = tfmot.sparsity.keras.prune_low_magnitude(
    model,
    tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=1, frequency=1),
    pruning_policy=AllButTheHead(),
)
pruned.compile(tf.keras.optimizers.Adam(1e-3), "mse")
x = np.random.default_rng(8).normal(size=(32, 8)).astype("float32")
pruned.fit(
    x,
    x[:, :4],
    batch_size=8,
    verbose=0,
    callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
)
final = tfmot.sparsity.keras.strip_pruning(pruned)
found = {
    f"{layer.name}/{name}": float(np.mean(value == 0))
    for layer in final.layers
    for name, value in zip(("kernel", "bias"), layer.get_weights())
    if name == "kernel" or layer.name == "own"
}
print(json.dumps(found))
