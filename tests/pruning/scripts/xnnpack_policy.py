"""Only what XNNPACK's sparse kernels can run is pruned: the 1x1 convolutions."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow.keras import layers

inputs = layers.Input((16, 16, 3))
x = layers.ZeroPadding2D(padding=1)(inputs)
x = layers.Conv2D(8, 3, strides=2, padding="valid", use_bias=False, name="stem")(x)
x = layers.BatchNormalization()(x)
x = layers.ReLU(6.0)(x)
shortcut = x
x = layers.Conv2D(16, 1, use_bias=False, name="expand")(x)
x = layers.BatchNormalization()(x)
x = layers.ReLU(6.0)(x)
x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
x = layers.BatchNormalization()(x)
x = layers.ReLU(6.0)(x)
x = layers.Conv2D(8, 1, use_bias=False, name="project")(x)
x = layers.BatchNormalization()(x)
x = layers.Add()([shortcut, x])
x = layers.GlobalAveragePooling2D()(x)
model = tf.keras.Model(inputs, layers.Dense(4, name="head")(x))

pruned = tfmot.sparsity.keras.prune_low_magnitude(
    model,
    pruning_schedule=tfmot.sparsity.keras.ConstantSparsity(0.75, begin_step=0, frequency=1),
    pruning_policy=tfmot.sparsity.keras.PruneForLatencyOnXNNPack(),
)
pruned.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
images = np.random.default_rng(7).random((16, 16, 16, 3), dtype=np.float32)
pruned.fit(
    images,
    np.arange(16) % 4,
    batch_size=8,
    verbose=0,
    callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
)
final = tfmot.sparsity.keras.strip_pruning(pruned)
names = ("stem", "expand", "depthwise", "project", "head")
print(json.dumps({name: float(np.mean(final.get_layer(name).get_weights()[0] == 0)) for name in names}))
