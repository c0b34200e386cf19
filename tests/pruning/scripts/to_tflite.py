"""Stripped, saved, loaded without any scope, compressed, and converted to TFLite."""

import gzip
import json
import os
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

rng = np.random.default_rng(10)
x = rng.normal(size=(64, 32)).astype("float32")
y = rng.normal(size=(64, 4)).astype("float32")

dense = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(64, activation="relu", input_shape=(32,), name="hidden"),
        tf.keras.layers.Dense(4, name="head"),
    ]
)
model = tfmot.sparsity.keras.prune_low_magnitude(
    dense, tfmot.sparsity.keras.ConstantSparsity(0.875, begin_step=1, frequency=1)
)
model.compile("adam", "mse")
model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])

folder = tempfile.mkdtemp()
model_for_export = tfmot.sparsity.keras.strip_pruning(model)
found = {"layers": [layer.name for layer in model_for_export.layers]}
for name in ("exported.h5", "exported.keras"):
    path = os.path.join(folder, name)
    tf.keras.models.save_model(model_for_export, path)
    loaded = tf.keras.models.load_model(path)
    found[name] = [float(np.mean(layer.get_weights()[0] == 0)) for layer in loaded.layers]
    assert np.array_equal(loaded.predict(x, verbose=0), model_for_export.predict(x, verbose=0))


def gzipped(data):
    return len(gzip.compress(data))


converter = tf.lite.TFLiteConverter.from_keras_model(model_for_export)
pruned_file = converter.convert()
dense_file = tf.lite.TFLiteConverter.from_keras_model(dense).convert()
found["smaller when gzipped"] = gzipped(pruned_file) < 0.5 * gzipped(dense_file)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
quantized = converter.convert()
for name, content in (("float32 file", pruned_file), ("dynamic range file", quantized)):
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    kernels = {}
    for detail in interpreter.get_tensor_details():
        if tuple(detail["shape"]) in ((64, 32), (4, 64)):
            try:
                values = interpreter.get_tensor(detail["index"])
            except ValueError:
                continue
            kernels["x".join(map(str, detail["shape"]))] = float(np.mean(values == 0))
    found[name] = kernels
print(json.dumps(found))
