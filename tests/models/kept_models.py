"""Models that Keras 3 and tf-keras both build, and a script that saves them with what they compute.

python kept_models.py FOLDER writes, with Keras 3, `<model>.weights.h5`, `<model>.keras`, `<model>.h5` and
`<model>.npz` (`x` and `y`).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np


def models(keras: Any) -> dict[str, Any]:
    """Builds each model with `keras` or `tf_keras`."""
    return {build.__name__: build(keras, keras.layers) for build in (images, nested, sequences, others)}


def images(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            layers.Input((10, 10, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.SeparableConv2D(4, 3, name="separable"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.Conv2D(4, 3, padding="same", name="a_later_one"),
            layers.Conv2DTranspose(3, 2, name="up"),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(5, name="hidden"),
            layers.Dense(3, name="out"),
        ]
    )


def nested(keras: Any, layers: Any) -> Any:
    twice = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(6, name="z", activation="tanh"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(6, name="a"),
        ],
        name="twice",
    )
    inside = layers.Input((6,))
    innermost = keras.Sequential([layers.Input((6,)), layers.Dense(6, name="z")], name="innermost")
    once = keras.Model(inside, innermost(layers.Dense(6, name="deep")(inside)), name="once")
    x = inputs = layers.Input((6,), name="in")
    x = once(twice(layers.Dense(6, name="a")(twice(x))))
    return keras.Model(inputs, x, name="nested")


def sequences(keras: Any, layers: Any) -> Any:
    x = inputs = layers.Input((5, 4), name="in")
    x = layers.LSTM(3, return_sequences=True, name="lstm")(x)
    x = layers.GRU(3, return_sequences=True, name="gru")(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="one_way"), name="both_ways")(x)
    x = layers.TimeDistributed(layers.Dense(4, name="dense"), name="each")(x)
    x = layers.SimpleRNN(3, return_sequences=True, name="simple")(x)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.RNN([layers.LSTMCell(3), layers.LSTMCell(3), layers.GRUCell(3)], name="stack")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


def others(keras: Any, layers: Any) -> Any:
    inputs = layers.Input((6,), name="in")
    normalized = layers.Normalization(name="normalization", axis=-1)
    x = layers.Dense(3, use_bias=False, name="no_bias")(normalized(inputs))
    y = layers.Embedding(10, 4, name="embedding")(inputs)
    y = layers.Conv1DTranspose(4, 3, name="up")(layers.Conv1D(4, 3, name="conv")(y))
    y = layers.PReLU(name="prelu")(
        layers.GlobalAveragePooling1D()(layers.GroupNormalization(2, name="groups")(y))
    )
    return keras.Model(inputs, layers.Concatenate()([x, y]))


def settle(model: Any) -> Any:
    """Gives every weight a value of its own, positive as variances are, and returns inputs for the model."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype(w.dtype) for w in model.get_weights()])
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return rng.integers(1, 9, (2, *model.input_shape[1:])).astype("float32")


if __name__ == "__main__":
    import keras  # type: ignore[import-untyped]

    folder = Path(sys.argv[1])
    for name, model in models(keras).items():
        x = settle(model)
        if name == "images":
            model.compile("adam", "mse")
            model.train_on_batch(x, np.zeros((2, 3)))
        model.save_weights(folder / f"{name}.weights.h5")
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        np.savez(folder / f"{name}.npz", x=x, y=model.predict(x, verbose=0))
