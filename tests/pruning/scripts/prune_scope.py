"""Saved in the middle of training, loaded in a prune_scope, and trained on."""

import json
import os
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

x = np.random.default_rng(6).normal(size=(32, 8)).astype("float32")
y = np.zeros((32, 4), "float32")
folder = tempfile.mkdtemp()


def prunable_model():
    return tfmot.sparsity.keras.prune_low_magnitude(
        tf.keras.Sequential(
            [
                tf.keras.layers.Dense(16, activation="relu", input_shape=(8,), name="hidden"),
                tf.keras.layers.Dense(4, name="head"),
            ]
        ),
        pruning_schedule=tfmot.sparsity.keras.PolynomialDecay(
            initial_sparsity=0.0, final_sparsity=0.75, begin_step=0, end_step=8, power=1, frequency=2
        ),
    )


def train(model):
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
    return model


def sparsities(model):
    stripped = tfmot.sparsity.keras.strip_pruning(model)
    return [float(np.mean(layer.get_weights()[0] == 0)) for layer in stripped.layers]


model = prunable_model()
model.compile("adam", "mse")
train(model)
found = {}
for name in ("model.h5", "model.keras"):
    path = os.path.join(folder, name)
    model.save(path)
    with tfmot.sparsity.keras.prune_scope():
        loaded = tf.keras.models.load_model(path)
    before = float(np.mean(loaded.layers[0].get_weights()[0] == 0))
    found[name] = [before, sparsities(train(loaded))]

model.save_weights(os.path.join(folder, "checkpoint"))
again = prunable_model()
again.compile("adam", "mse")
again.load_weights(os.path.join(folder, "checkpoint"))
found["checkpoint"] = sparsities(train(again))
print(json.dumps(found))
