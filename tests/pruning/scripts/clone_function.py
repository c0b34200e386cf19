"""A trained model is cloned, and a clone function wraps the layers that are to be pruned."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow.keras import layers

rng = np.random.default_rng(3)
x = rng.normal(size=(96, 12)).astype("float32")
y = (x[:, :3] * 2.0).astype("float32")

base = tf.keras.Sequential(
    [
        layers.InputLayer(input_shape=(12,)),
        layers.Dense(32, activation="relu", name="wide"),
        layers.Dense(16, activation="relu", name="narrow"),
        layers.Dense(3, name="head"),
    ]
)
base.compile("adam", "mse")
base.fit(x, y, epochs=2, batch_size=16, verbose=0)
trained = base.get_layer("wide").get_weights()[0].copy()


def wrap(layer):
    if isinstance(layer, layers.Dense) and layer.name != "head":
        return tfmot.sparsity.keras.prune_low_magnitude(
            layer, pruning_schedule=tfmot.sparsity.keras.ConstantSparsity(0.75, begin_step=1, frequency=1)
        )
    return layer


pruned = tf.keras.models.clone_model(base, clone_function=wrap)
kept = bool(np.array_equal(pruned.get_layer("prune_low_magnitude_wide").get_weights()[0], trained))
same = bool(np.allclose(pruned.predict(x, verbose=0), base.predict(x, verbose=0)))
pruned.compile("adam", "mse")
pruned.fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
final = tfmot.sparsity.keras.strip_pruning(pruned)
found = {layer.name: float(np.mean(layer.get_weights()[0] == 0)) for layer in final.layers}
print(json.dumps({**found, "weights were taken over": kept, "outputs too": same}))
