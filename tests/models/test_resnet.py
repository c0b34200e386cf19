from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from runner.models import build_model
from runner.models.resnet import ResNet
from runner.plan import make_plan, wrap_model
from runner.process.errors import UserError
from runner.pruning import UpdatePruningStep, strip_pruning
from runner.recipe.recipe import Model, Rule, ScheduleSettings
from runner.training import make_deterministic
from runner.verify import check_tflite_file, compare_outputs
from runner.verify.evidence import expected_weights
from tests.tflite_files import convert, predict

CIFAR: dict[str, Any] = {"input_shape": (32, 32, 3), "num_classes": 10}


def build(name: str = "resnet20", **arguments: Any) -> tf_keras.Model:
    return build_model(Model(name=name, arguments=arguments), **CIFAR)


def trainable(model: tf_keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("name", "shortcut", "weights", "with_statistics", "convolutions"),
    [
        # The paper's table 6 has 0.27M, 0.46M, 0.66M and 0.85M.
        ("resnet20", "identity", 269_722, 271_098, 19),
        ("resnet20", "projection", 272_474, 274_042, 21),
        ("resnet32", "identity", 464_154, 466_426, 31),
        ("resnet44", "identity", 658_586, 661_754, 43),
        ("resnet56", "identity", 853_018, 857_082, 55),
    ],
)
def test_the_weights_are_those_of_the_paper(
    name: str, shortcut: str, weights: int, with_statistics: int, convolutions: int
) -> None:
    model = build(name, shortcut=shortcut)

    assert model.name == name
    assert (trainable(model), model.count_params()) == (weights, with_statistics)
    assert sum(isinstance(layer, tf_keras.layers.Conv2D) for layer in model.layers) == convolutions


def test_stages_halve_the_image_and_double_the_filters() -> None:
    model = build()

    assert [model.get_layer(f"stage_{stage}_block_3_relu_2").output_shape[1:] for stage in (1, 2, 3)] == [
        (32, 32, 16),
        (16, 16, 32),
        (8, 8, 64),
    ]
    assert model.output_shape == (None, 10)
    assert model.get_layer("logits").activation is tf_keras.activations.linear
    assert build(width=4).get_layer("stage_3_block_1_conv_2").filters == 16


def test_the_identity_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros() -> None:
    model = build(width=4)
    past = tf_keras.Model(
        model.get_layer("stage_1_block_3_relu_2").output,
        model.get_layer("stage_2_block_1_shortcut_zeros").output,
    )
    x = np.random.default_rng(0).random((2, 32, 32, 4), np.float32)

    y = past(x).numpy()

    assert y.shape == (2, 16, 16, 8)
    np.testing.assert_array_equal(y[..., :4], x[:, ::2, ::2])
    np.testing.assert_array_equal(y[..., 4:], 0)


def test_a_block_adds_its_input() -> None:
    model = build(width=4)
    x = np.random.default_rng(0).random((2, 32, 32, 4), np.float32)
    last = model.get_layer("stage_1_block_1_conv_2_norm")
    last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    block = tf_keras.Model(
        model.get_layer("conv_relu").output, model.get_layer("stage_1_block_1_relu_2").output
    )

    np.testing.assert_array_equal(block(x).numpy(), x)


@pytest.mark.parametrize(
    ("arguments", "shape", "told"),
    [
        ({"shortcut": "C"}, (32, 32, 3), "shortcut is 'C', but must be one of identity, projection"),
        ({"width": 0}, (32, 32, 3), "width is at least 1"),
        ({}, (20,), r"images are \[height, width, channels\]"),
        ({"depth": 50}, (32, 32, 3), r"has no argument 'depth'.* It takes: shortcut, width"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(UserError, match=told):
        build_model(Model(name="resnet20", arguments=arguments), input_shape=shape, num_classes=10)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.slow
def test_pruned_and_converted_it_has_its_zeros_in_the_file(tmp_path: Path) -> None:
    make_deterministic(1)
    model = ResNet(8)(**CIFAR, width=4, shortcut="projection")  # The other one is in a shipped recipe.
    rule = Rule("stages", ("stage_*",), types=("Conv2D",), schedule=ScheduleSettings("polynomial", 0.8))
    plan = make_plan([rule], model, samples=64, batch_size=16, epochs=1)
    wrapped = wrap_model(plan, model)
    wrapped.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 32, 32, 3), np.float32), rng.integers(0, 10, 64)
    wrapped.fit(x, y, batch_size=16, verbose=0, callbacks=[UpdatePruningStep()])
    expected = expected_weights(plan, wrapped)

    stripped = strip_pruning(wrapped)
    path = convert(stripped, "float32", tmp_path / "model.tflite")
    rows = check_tflite_file(expected, path, "float32")

    assert len(rows) == 8
    assert [row.layer for row in rows if not row.passed] == []
    assert {row.zeros for row in rows if row.layer == "stage_3_block_1_conv_2"} == {1843}
    few = x[:8]
    given = predict(path, few)
    assert compare_outputs(stripped.predict(few, verbose=0), given, path, tolerance=1e-4) is None
    assert [layer.name for layer in stripped.layers] == [layer.name for layer in model.layers]
    # Nothing in it is of this package, so that plain tf-keras loads it.
    assert all(type(layer).__module__.startswith("tf_keras.") for layer in stripped.layers)
