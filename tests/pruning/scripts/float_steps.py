"""Steps as shares of the training, which makes floats of them."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

x = np.random.default_rng(2).normal(size=(40, 8)).astype("float32")
end_step = 10

schedule = tfmot.sparsity.keras.PolynomialDecay(
    initial_sparsity=0.0,
    final_sparsity=0.5,
    begin_step=0.2 * end_step,
    end_step=0.7 * end_step,
    power=1,
    frequency=5,
)
model = tfmot.sparsity.keras.prune_low_magnitude(
    tf.keras.Sequential([tf.keras.layers.Dense(16, input_shape=(8,), name="dense")]),
    pruning_schedule=schedule,
)
model.compile("sgd", "mse")
model.fit(
    x,
    np.zeros((40, 16)),
    batch_size=4,
    verbose=0,
    callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
)
kernel = tfmot.sparsity.keras.strip_pruning(model).get_weights()[0]
print(json.dumps({"dense": float(np.mean(kernel == 0))}))
