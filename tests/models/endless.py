"""Model files of a few thousand bytes whose building takes hours or all memory; see `crafted`."""

from typing import Any

from tests.models.crafted import INPUT, Config, dense, functional, layer, operator, sequential


def given(*shape: int, dtype: str = "float32") -> Config:
    return {**INPUT, "config": {"name": "in", "batch_input_shape": [None, *shape], "dtype": dtype}}


def on(entry: Config, *layers: Config) -> Config:
    """Describes a sequential model with an input of its own."""
    config = {"name": "m", "layers": [entry, *layers]}
    return {**sequential(), "config": config}


def called(function: str, entry: Config = INPUT, **arguments: Any) -> Config:
    """Describes a functional model of one operator."""
    made = functional(operator(function, "in", 0, 0, arguments))
    made["config"]["layers"][0] = {**entry, "name": "in", "inbound_nodes": []}
    return made


def twice(levels: int) -> Config:
    """Nests models that each call the one inside twice."""
    inner: Config = functional(
        {**layer("Activation", activation="relu"), "inbound_nodes": [[["in", 0, 0, {}]]]}
    )
    inner["config"] |= {"name": "m0", "output_layers": [["activation", 0, 0]]}
    for level in range(levels):
        name = f"m{level}"
        nodes = [[["in", 0, 0, {}]], [[name, 1, 0, {}]]]
        inner = functional({**inner, "inbound_nodes": nodes}, output=name)
        inner["config"] |= {"name": f"m{level + 1}", "output_layers": [[name, 2, 0]]}
    return inner


def chain(length: int) -> Config:
    """Lists a chain of layers from its end to its beginning."""
    return functional(
        *(
            {
                **layer("Activation", activation="relu", name=f"a{number}"),
                "inbound_nodes": [[[f"a{number - 1}" if number else "in", 0, 0, {}]]],
            }
            for number in reversed(range(length))
        ),
        output=f"a{length - 1}",
    )


def wrapped(wrapper: str, levels: int) -> Config:
    inner = layer("LSTM", units=1, return_sequences=True)
    for _ in range(levels):
        inner = layer(wrapper, layer=inner)
    return inner


def stacked(cells: int) -> Config:
    cell = layer("StackedRNNCells", cells=[layer("GRUCell", units=2)] * cells)
    return on(given(4, 4), layer("RNN", cell=cell))


WORDS, NUMBERS = given(1, dtype="string"), given(1, dtype="int64")
IMMENSE = 10**9

ENDLESS: dict[str, tuple[Config, str]] = {
    "models that call the inner one twice": (
        twice(20),
        r"building it takes 2,097,173 calls of layers; at most 10,000 are made",
    ),
    "more of them": (twice(40), r"building it takes more than a million million calls of layers"),
    "wrappers that make copies": (on(given(4, 4), wrapped("Bidirectional", 12)), r"calls of layers; at most"),
    "wrappers that ask for shapes": (on(given(4, 4), wrapped("TimeDistributed", 30)), r"calls of layers"),
    "words out of a vocabulary": (
        on(WORDS, layer("StringLookup", vocabulary=["a"], num_oov_indices=IMMENSE)),
        r"layer 'stringlookup', its num_oov_indices is 1000000000; at most 1,048,576 is allowed",
    ),
    "numbers out of a vocabulary": (
        on(NUMBERS, layer("IntegerLookup", vocabulary=[1], num_oov_indices=IMMENSE)),
        r"layer 'integerlookup', its num_oov_indices is 1000000000",
    ),
    "rows of words": (
        on(WORDS, layer("TextVectorization", ngrams=10**300)),
        r"layer 'textvectorization', its ngrams is 10{96}\.\.\.; at most 100 is allowed",
    ),
    "iterations for a norm": (
        on(given(4), layer("SpectralNormalization", layer=dense(), power_iterations=IMMENSE)),
        r"its power_iterations is 1000000000; at most 1,000 is allowed",
    ),
    "means of an immense shape": (
        on(given(10**5, 10**6), layer("Normalization", axis=[1, 2], mean=1.0, variance=1.0)),
        r"building it takes more memory than a model of its size should, .*745",
    ),
    "repeated elements": (
        called("keras.backend.repeat_elements", rep=IMMENSE, axis=1),
        r"layer 'm', the layer 'op' is called with rep=1000000000; at most 10,000 is allowed",
    ),
    "unstacked": (called("unstack", num=10**8, axis=0), r"called with num=100000000; at most"),
    "split": (called("split", num_or_size_splits=10**8, axis=0), r"with num_or_size_splits=100000000"),
    "multiplied": (called("tensordot", b=["in", 0, 0], axes=IMMENSE), r"with axes=1000000000; at most"),
    "unstacked by its shape": (
        called("unstack", given(10**8), axis=1),
        r"m\.(keras|h5): a tensor is split into 100,000,000 parts; at most 10,000 are made",
    ),
    "repeated by its shape": (
        called("keras.backend.repeat_elements", given(10**8), rep=2, axis=1),
        r"m\.(keras|h5): a tensor is split into 100,000,000 parts",
    ),
    "a position after the other": (
        called("keras.backend.local_conv2d", kernel=["in", 0, 0], output_shape=[10**5, 10**5]),
        r"the function 'keras\.backend\.local_conv2d' of TensorFlow is not on the list",
    ),
    "locally connected": (
        on(
            given(3000, 3000, 3),
            layer("LocallyConnected2D", filters=3, kernel_size=[3, 3], implementation=3),
        ),
        r"a locally connected layer asks for more weights than the 0 numbers that are in the file",
    ),
    "unrolled": (
        on(given(10**6, 4), layer("SimpleRNN", units=1, unroll=True)),
        r"m\.(keras|h5): a recurrent layer with unroll=True has 1,000,000 steps, and .* at most 1,000 in one",
    ),
    "listed in reverse": (
        chain(4000),
        r"its 4,001 layers are listed against the order .* gone through 4,000 times",
    ),
    "thousands of calls": (
        functional({**layer("Activation", activation="relu"), "inbound_nodes": [[["in", 0, 0, {}]]] * 9000}),
        r"layer 'm', the layer 'activation' is called 9,000 times; at most 2,000 calls",
    ),
    "stacked cells": (
        stacked(500),
        r"layer 'rnn/stackedrnncells', it stacks 500 cells; at most 100 are allowed",
    ),
}
"""What would take hours or all memory, with what the message says."""
