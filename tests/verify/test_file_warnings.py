"""What is told of TFLite files before training."""

from typing import Any

import pytest
import tf_keras

from runner.plan import make_plan
from runner.recipe.recipe import Rule, ScheduleSettings
from runner.recipe.rule import BlockSize
from runner.verify.file_warnings import file_warnings

layers = tf_keras.layers


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(8, 3, name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(32, name="narrow"),
            layers.Dense(32, name="wide"),
        ]
    )


def warnings(
    model: tf_keras.Model, variants: tuple[str, ...], sparsity: float = 0.5, **structure: Any
) -> tuple[str, ...]:
    rule = Rule("all", ("*",), schedule=ScheduleSettings("constant", sparsity), **structure)
    return tuple(
        file_warnings(make_plan((rule,), model, samples=16, batch_size=8, epochs=1), model, variants)
    )


def test_a_dense_layer_narrower_than_the_blocks_of_its_sparse_file(model: tf_keras.Model) -> None:
    assert warnings(model, ("int8_sparse",)) == (
        "narrow: TensorFlow's encoder breaks Dense kernels of fewer inputs (8) than its blocks of 16, so that"
        " int8_sparse will most likely fail the sparsity check. Leave int8_sparse out, or the layer dense.",
    )
    assert warnings(model, ("float32_sparse", "int8")) == ()
    assert warnings(model, ("int8_sparse",), sparsity=0.25) == ()  # The encoder takes up none so full.


def test_blocks_that_a_sparse_file_cannot_leave_out(model: tf_keras.Model) -> None:
    four: dict[str, Any] = {"block": BlockSize(4, 1), "types": ("Dense",), "ignore": ("narrow",)}
    assert warnings(model, ("float32", "float32_sparse", "int8"), **four) == ()
    assert warnings(model, ("int8_sparse",), **four) == (
        "wide: int8_sparse leaves out whole blocks of 16 inputs, which blocks of 4 seldom fill: most likely"
        " every zero is unpacked when it is loaded. Use block: {in: 16}.",
    )
    sixteen: dict[str, Any] = {**four, "block": BlockSize(16, 1)}
    assert warnings(model, ("int8_sparse", "float32_sparse"), **sixteen) == ()
    of_conv: dict[str, Any] = {"block": BlockSize(4, 1), "types": ("Conv2D",)}
    assert warnings(model, ("float32_sparse",), **of_conv) == (
        "conv: float32_sparse leaves out blocks of Dense kernels only; these are unpacked when it is loaded.",
    )


def test_an_embedding_whose_numbers_int8_rounds() -> None:
    inner = tf_keras.Sequential([layers.Input((6,)), layers.Embedding(50, 16, name="words")], name="text")
    model = tf_keras.Sequential([layers.Input((6,)), inner, layers.Flatten(), layers.Dense(4, name="head")])
    assert warnings(model, ("int8", "float16", "int8_sparse")) == (
        "text/words: int8, int8_sparse round the model's input to 256 levels, and with it the numbers that"
        " an embedding looks up, so that the file will most likely fail the check of outputs. float16 and"
        " dynamic_range leave the input as it is.",
    )
    assert warnings(model, ("float32", "dynamic_range")) == ()
