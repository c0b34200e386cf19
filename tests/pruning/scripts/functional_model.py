"""A functional model with two branches, pruned whole; the steps are computed from the data."""

import json

import numpy as np
from tensorflow import keras
from tensorflow_model_optimization.sparsity import keras as sparsity

rng = np.random.default_rng(1)
x_train = rng.normal(size=(80, 8)).astype("float32")
y_train = rng.normal(size=(80, 2)).astype("float32")
batch_size, epochs = 10, 3

inputs = keras.Input(shape=(8,))
left = keras.layers.Dense(16, activation="relu", name="left")(inputs)
right = keras.layers.Dense(16, activation="tanh", name="right")(inputs)
merged = keras.layers.Concatenate()([left, right])
outputs = keras.layers.Dense(2, name="head")(keras.layers.Dropout(0.1)(merged))
model = keras.Model(inputs, outputs)

end_step = np.ceil(len(x_train) / batch_size).astype(np.int32) * epochs
params = {
    "pruning_schedule": sparsity.PolynomialDecay(
        initial_sparsity=0.25, final_sparsity=0.75, begin_step=8, end_step=end_step, frequency=4
    ),
    "block_size": (1, 1),
    "block_pooling_type": "AVG",
}
pruned = sparsity.prune_low_magnitude(model, **params)
pruned.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="mse", metrics=["mae"])


class Watch(keras.callbacks.Callback):
    """Notes the sparsity of one layer when an epoch ends."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        kernel = self.model.get_layer("prune_low_magnitude_left").get_weights()[0]
        self.seen.append(float(np.mean(kernel == 0)))


watch = Watch()
pruned.fit(
    x_train,
    y_train,
    batch_size=batch_size,
    epochs=epochs,
    verbose=0,
    callbacks=[sparsity.UpdatePruningStep(), watch],
)
final = sparsity.strip_pruning(pruned)
found = {
    name: float(np.mean(final.get_layer(name).kernel.numpy() == 0)) for name in ("left", "right", "head")
}
print(json.dumps({**found, "left after each epoch": watch.seen}))
