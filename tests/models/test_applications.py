from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from runner.models import build_model
from runner.models.applications import NAMES
from runner.plan import make_plan, wrap_model
from runner.process.errors import UserError
from runner.pruning import strip_pruning, update_masks
from runner.recipe.recipe import Model, Rule, ScheduleSettings
from runner.verify import check_tflite_file, compare_outputs
from runner.verify.evidence import expected_weights
from tests.tflite_files import convert, predict

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"input_shape": (32, 32, 3), "num_classes": 4}
EVERYTHING = Rule(key="all", targets=("*",), schedule=ScheduleSettings(name="constant", sparsity=0.5))


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0"])
def test_one_rule_prunes_the_whole_network_and_its_file_shows_it(name: str, tmp_path: Path) -> None:
    model = build_model(Model(name=name), **SMALL)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        # As if trained: there is something for the converter to fold into the kernels.
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
    plan = make_plan([EVERYTHING], model, samples=4, batch_size=4, epochs=1)
    kernels = [
        layer.name
        for layer in model.layers
        if isinstance(layer, tf_keras.layers.Dense | tf_keras.layers.Conv2D | tf_keras.layers.DepthwiseConv2D)
    ]
    assert [row.layer for row in plan.pruned] == kernels

    wrapped = wrap_model(plan, model)
    update_masks(wrapped)
    expected = expected_weights(plan, wrapped)
    stripped = strip_pruning(wrapped)

    assert [layer.name for layer in stripped.layers] == [layer.name for layer in model.layers]
    for row in plan.pruned:
        kernel = stripped.get_layer(row.layer).weights[0].numpy()
        assert np.count_nonzero(kernel == 0) == row.planned_zeros > 0
    path = convert(stripped, "float32", tmp_path / "m.tflite")
    rows = check_tflite_file(expected, path, "float32")
    assert [row.problem for row in rows] == [None] * len(kernels)
    assert [row.zeros for row in rows] == [row.planned_zeros for row in plan.pruned]
    x = rng.random((4, 32, 32, 3), np.float32)
    assert compare_outputs(stripped.predict(x, verbose=0), predict(path, x), path, tolerance=1e-3) is None


def test_names_stay_the_same_in_one_process() -> None:
    first, second = (build_model(Model(name="MobileNetV3Small"), **SMALL) for _ in range(2))
    names = [layer.name for layer in first.layers]
    assert names == [layer.name for layer in second.layers]
    assert {"image", "rescaling", "re_lu", "re_lu_1", "expanded_conv/squeeze_excite/Conv"} <= set(names)


def test_a_network_is_built_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    build_model(Model(name="EfficientNetV2B0"), **SMALL)
    assert [str(warning.message) for warning in recwarn if warning.category is UserWarning] == []


def test_arguments_reach_the_network() -> None:
    model = build_model(
        Model(name="MobileNetV2", arguments={"alpha": 0.35, "classifier_activation": None}), **SMALL
    )
    assert model.get_layer("Conv1").filters == 16
    assert model.layers[-1].activation.__name__ == "linear"


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"alfa": 1}, (32, 32, 3), r"has no argument 'alfa'\. Did you mean 'alpha'\? It takes: alpha, class"),
        ({"weights": "imagenet"}, (32, 32, 3), "has no argument 'weights'"),
        (
            {},
            (28, 28, 1),
            r"cannot be built for inputs of shape \(28, 28, 1\): Input size must be at least 32x32",
        ),
        ({}, (20,), r"cannot be built for inputs of shape \(20,\)"),
    ],
)
def test_what_does_not_fit_is_refused(
    arguments: dict[str, Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build_model(Model(name="MobileNetV2", arguments=arguments), input_shape=shape, num_classes=4)


def test_every_name_is_one_of_tf_keras() -> None:
    for name in NAMES:
        assert callable(getattr(tf_keras.applications, name))
