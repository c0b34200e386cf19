from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tf_keras

from runner.models import MODELS, build_model
from runner.models.bounds import weights_limited
from runner.models.refused import ModelTooLarge
from runner.process.errors import UserError
from runner.recipe.recipe import Model

MNIST: dict[str, Any] = {"input_shape": (28, 28, 1), "num_classes": 10}


@pytest.fixture
def odd() -> Iterator[dict[str, Any]]:
    """A plugin's builder that returns what a test puts in."""
    returned: dict[str, Any] = {}

    def builder() -> Any:
        return returned["model"]

    MODELS.register("odd")(builder)
    yield returned
    del MODELS._entries["odd"]


def test_the_shipped_models_are_registered() -> None:
    assert {"MobileNetV2", "mnist_cnn", "tutorial_cnn", "two_conv"} <= set(MODELS.names())


def test_arguments_reach_the_builder() -> None:
    model = build_model(Model(name="tutorial_cnn", arguments={"dense_units": 8, "dropout": 0.1}), **MNIST)
    assert model.get_layer("structural_pruning_dense").units == 8
    assert model.get_layer("dropout").rate == 0.1


def test_a_layer_that_cannot_be_copied_is_told_before_anything_is_trained(odd: dict[str, Any]) -> None:
    def doubled(x: Any) -> Any:
        return 2 * x

    inner = tf_keras.Sequential([tf_keras.layers.Dense(10, activation=doubled, name="own")], name="inner")
    odd["model"] = tf_keras.Sequential([tf_keras.layers.Input((4,)), inner])
    with pytest.raises(
        UserError,
        match=r"recipe\.model\.name: 'odd': layer 'own' cannot be made again .*: Unknown activation function"
        r" .*'doubled', .*get_custom_objects",
    ):
        build_model(Model(name="odd"), input_shape=(4,), num_classes=10)
    with tf_keras.utils.custom_object_scope({"doubled": doubled}):
        build_model(Model(name="odd"), input_shape=(4,), num_classes=10)


def test_what_a_plugin_raises_is_told_and_its_weights_have_a_limit(odd: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"'odd' cannot be built .*: KeyError: 'model'"):
        build_model(Model(name="odd"), input_shape=(4,), num_classes=10)
    with (
        pytest.raises(ModelTooLarge, match=r"110 weights or more, which take 0\.0 GB to train"),
        weights_limited(16 * 109),
    ):
        tf_keras.layers.Dense(10).build((None, 10))
    with weights_limited(16 * 110):
        tf_keras.layers.Dense(10).build((None, 10))


def test_names_stay_the_same_in_one_process() -> None:
    first, second = (build_model(Model(name="mnist_cnn"), **MNIST) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Model(name="tutorial_cn"),
            r"recipe\.model\.name: there is no model 'tutorial_cn'\. Did you mean 'tutorial_",
        ),
        (
            Model(name="mnist_cnn", arguments={"unit": 3}),
            r"recipe\.model\.unit: model 'mnist_cnn' has no argument",
        ),
        (
            Model(name="mnist_cnn", arguments={"num_classes": 3}),
            r"recipe\.model\.num_classes: .* It takes: dense_un",
        ),
        (Model(name="mnist_cnn", arguments={"dropout": 2.0}), "cannot be built .* dropout=2.0"),
        (Model(name="mnist_cnn", arguments={"filters": [0, 8]}), r"cannot be built .* filters=\[0, 8\]"),
        (
            Model(name="mnist_cnn", arguments={"filters": [32]}),
            r"^recipe\.model\.filters is \[32\], but must be a list of 2",
        ),
        (
            Model(name="mnist_cnn", arguments={"filters": {"name": "x"}}),
            r"^recipe\.model\.filters is {'name': 'x'}, but must be a list of 2",
        ),
        (
            Model(name="mnist_cnn", arguments={"filters": [1e9, 4]}),
            r"cannot be built .* it has 9,000,000,000 weights",
        ),
        (
            Model(name="mnist_cnn", arguments={"filters": [4, "a"]}),
            r"filters is 'a', but must be a whole number",
        ),
        (
            Model(name="mnist_cnn", arguments={"dense_units": 2**62}),
            r"weights or more, which take .* GB to train",
        ),
        (
            Model(name="mnist_cnn", arguments={"dense_units": [1]}),
            r"dense_units is \[1\], but must be a whole",
        ),
        (Model(name="resnet20", arguments={"shortcut": 3}), r"shortcut is 3, but must be text"),
        (
            Model(name="MobileNetV2", arguments={"alpha": {"a": 1}}),
            r"'MobileNetV2' cannot be built .* alpha=\{",
        ),
    ],
)
def test_wrong_names_and_arguments_are_refused(model: Model, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_model(model, **MNIST)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("mnist_cnn", {"input_shape": (4, 4, 1), "num_classes": 10}, r"cannot be built .* \(4, 4, 1\)"),
        ("mnist_cnn", {"input_shape": (20,), "num_classes": 10}, r"cannot be built .* \(20,\)"),
        (
            "mnist_cnn",
            {"input_shape": (28, 28, 1), "num_classes": None, "target_shape": (1,)},
            "classifies, but the data has regression targets",
        ),
        (
            "two_conv",
            {"input_shape": (4, 128, 2), "num_classes": 10},
            r"output has the shape \(None, 32, 16\), the data has 10 classes$",
        ),
        (
            "two_conv",
            {"input_shape": (4, 128, 2), "num_classes": None, "target_shape": (4, 16, 16)},
            r"output has the shape \(None, 32, 16\), the data has targets of shape \(4, 16, 16\)",
        ),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(name: str, data: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_model(Model(name=name), **data)


def test_a_builder_must_return_a_model(odd: dict[str, Any]) -> None:
    odd["model"] = "a string"
    with pytest.raises(UserError, match=r"its builder returned str, not a tf_keras\.Model"):
        build_model(Model(name="odd"), **MNIST)


def test_a_model_of_two_inputs_is_refused(odd: dict[str, Any]) -> None:
    inputs = [tf_keras.Input((3,), name="a"), tf_keras.Input((3,), name="b")]
    odd["model"] = tf_keras.Model(inputs, tf_keras.layers.Add(name="add")(inputs))
    with pytest.raises(UserError, match="the model has 2 inputs; one is needed"):
        build_model(Model(name="odd"), input_shape=(3,), num_classes=3)


def test_a_saved_model_is_checked_against_the_data(tmp_path: Path) -> None:
    path = tmp_path / "small.keras"
    tf_keras.Sequential(
        [tf_keras.layers.Input((4,), name="in"), tf_keras.layers.Dense(3, name="out")], name="small"
    ).save(path)
    assert build_model(Model(path=str(path)), input_shape=(4,), num_classes=3).name == "small"
    with pytest.raises(
        UserError, match=r"small\.keras: the model takes inputs of shape \(4,\), the data has \(5,\)"
    ):
        build_model(Model(path=str(path)), input_shape=(5,), num_classes=3)
    with pytest.raises(
        UserError, match=r"output has the shape \(3,\), the data has 2 classes; recipe\.data\.classes sets"
    ):
        build_model(Model(path=str(path)), input_shape=(4,), num_classes=2)
    with pytest.raises(
        UserError,
        match=r"the data has 104 classes; recipe\.data\.classes sets .*\n  note: labels go from 0 to 103",
    ):
        build_model(
            Model(path=str(path)),
            input_shape=(4,),
            num_classes=104,
            data_notes=("labels go from 0 to 103, but only 5 different ones occur",),
        )


def test_a_saved_model_that_has_seen_no_input_is_built_for_the_data(tmp_path: Path) -> None:
    path = tmp_path / "fresh.keras"
    tf_keras.Sequential([tf_keras.layers.Dense(3, name="out")], name="fresh").save(path)
    model = build_model(Model(path=str(path)), input_shape=(4,), num_classes=3)
    assert model.input_shape == (None, 4)
    assert model.get_layer("out").kernel.shape == (4, 3)
