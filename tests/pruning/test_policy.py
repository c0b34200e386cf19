"""The policy for XNNPACK, held against TFMOT's over a range of models.

What XNNPACK needs is in its `xnn_subgraph_rewrite_for_nchw`: one cluster of layers, all supported, that
begins with a 3x3 convolution of a 3-channel image and into which nothing comes from outside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import (
    ConstantSparsity,
    PruneForLatencyOnXNNPack,
    UpdatePruningStep,
    prune_low_magnitude,
    strip_pruning,
)
from runner.pruning.wrapper import wrappers
from tests.pruning.xnnpack_models import (
    IMAGE,
    Subclassed,
    backbone,
    behind_stem,
    block,
    excited,
    head,
    mobilenet,
    plain_stem,
    pooled,
    sequential,
    siamese,
    skipped,
    stem,
    two_inputs,
    two_outputs,
)

try:
    from tensorflow_model_optimization.sparsity import keras as tfmot
except ImportError:
    tfmot = None


@dataclass(frozen=True)
class Case:
    """A model, what the error must say (None: it fits), and TFMOT's answer where it is another."""

    build: Callable[[], tf_keras.Model]
    error: str | None = None
    tfmot_differs: bool = False


DEPTHWISE = "of depthwise convolutions only 3x3 and 5x5"
ONLY_1X1 = r"layer 'other' \(Conv2D\) stands between .* of convolutions only 1x1"
UNSUPPORTED = (
    "stands between the first convolution and global average pooling, and XNNPACK's sparse kernels do not"
)
NO_END = "has no GlobalAveragePooling2D, with which XNNPACK's sparse subgraph ends"


def depthwise(size: int = 3, padded: int = 0, **options: Any) -> Case:
    pad = [layers.ZeroPadding2D(padded)] if padded else []
    return Case(behind_stem(*pad, layers.DepthwiseConv2D(size, **options)))


def refused(case: Case, error: str = UNSUPPORTED) -> Case:
    return Case(case.build, error)


def layer(build: Callable[[], Any], error: str | None = None, tfmot_differs: bool = False) -> Case:
    return Case(lambda: behind_stem(build())(), error, tfmot_differs)


def activation(name: Any, error: str | None = None, tfmot_differs: bool = False) -> Case:
    return layer(lambda: layers.Activation(name, name="act"), error, tfmot_differs)


def operation(function: Any, error: str | None = None, tfmot_differs: bool = False) -> Case:
    return Case(behind_stem(function), error, tfmot_differs)


ONLY_THESE = "layer 'act' .*: only relu, relu6, leaky_relu, elu, sigmoid, linear"

CASES: dict[str, Case] = {
    "mobilenet": Case(lambda: mobilenet(keepdims=False)),
    "mobilenet, keepdims": Case(lambda: mobilenet(keepdims=True)),
    "sequential": Case(lambda: sequential(*plain_stem(), layers.Conv2D(8, 1), *head())),
    "the pooling is the output": Case(lambda: backbone(lambda x: layers.GlobalAveragePooling2D()(stem(x)))),
    "rescaling before": Case(lambda: pooled(lambda x: stem(layers.Rescaling(1 / 255)(x)))),
    # Where it begins.
    "no padding": Case(
        lambda: pooled(lambda x: layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(x)),
        r"begins; of its first convolution, 'stem': its padding is 'same'; no ZeroPadding2D\(1\)",
    ),
    "lopsided padding": Case(
        lambda: pooled(lambda x: stem(x, ((0, 1), (0, 1)))),
        r"'stem': no ZeroPadding2D\(1\) stands before it\.",
    ),
    "no strides": Case(lambda: pooled(lambda x: stem(x, strides=1)), r"'stem': its strides are \(1, 1\)\."),
    "5x5": Case(lambda: pooled(lambda x: stem(x, size=5)), r"'stem': its kernel_size is \(5, 5\)\."),
    "one channel": Case(lambda: pooled(stem, (16, 16, 1)), "'stem': its input channels are 1"),
    "no convolution": Case(lambda: sequential(layers.Flatten(), layers.Dense(2)), "begins; it has no Conv2D"),
    "of Keras applications": Case(
        lambda: tf_keras.applications.MobileNet((32, 32, 3), weights=None, classes=2),
        "'conv1': its padding is 'same'",
    ),
    # Where it ends.
    "no pooling": Case(
        lambda: sequential(*plain_stem(), layers.Flatten(), layers.Dense(2, name="end")),
        rf"'net': the branch that ends in layer 'end' \(Dense\) {NO_END}",
    ),
    "another pooling": Case(lambda: sequential(*plain_stem(), layers.GlobalMaxPooling2D()), NO_END),
    "two outputs, both pooled": Case(lambda: two_outputs(layers.GlobalAveragePooling2D())),
    "two outputs, one pooled": Case(
        lambda: two_outputs(layers.Flatten(name="end")), f"layer 'end' .*{NO_END}"
    ),
    # What stands between.
    "squeeze and excite": Case(lambda: excited({"keepdims": True}, layers.Conv2D(8, 1), "sigmoid")),
    "squeezed by Dense": Case(
        lambda: excited({}, layers.Dense(8), "sigmoid"),
        "layer 'squeeze' .*: one that another follows needs keepdims=True",
    ),
    "squeezed, then shaped": Case(
        lambda: excited({}, layers.Reshape((1, 1, 8)), "sigmoid"), f"layer 'squeeze' .*{UNSUPPORTED}"
    ),
    "another gate": Case(
        lambda: excited({"keepdims": True}, layers.Conv2D(8, 1), "hard_sigmoid"), "layer 'gate' .*: only relu"
    ),
    "depthwise 5x5": depthwise(5, padding="same"),
    "depthwise 5x5, strides, padded": depthwise(5, padded=2, strides=2),
    "depthwise, padded": depthwise(3, padded=1),
    "depthwise 5x5, padded by 1": refused(depthwise(5, padded=1, strides=2), DEPTHWISE),
    "depthwise 7x7": refused(depthwise(7, padding="same"), DEPTHWISE),
    "depthwise, not padded": refused(depthwise(3), DEPTHWISE),
    "depthwise, strides, same": refused(depthwise(3, padding="same", strides=2), DEPTHWISE),
    "depthwise, multiplier": refused(depthwise(3, padding="same", depth_multiplier=2), DEPTHWISE),
    "depthwise, dilated": refused(depthwise(3, padding="same", dilation_rate=2), DEPTHWISE),
    "1x1, same": layer(lambda: layers.Conv2D(4, 1, padding="same")),
    "3x3": layer(lambda: layers.Conv2D(4, 3, name="other"), ONLY_1X1),
    "1x1, strides": layer(lambda: layers.Conv2D(4, 1, strides=2, name="other"), ONLY_1X1),
    "1x1, groups": layer(lambda: layers.Conv2D(8, 1, groups=2, name="other"), ONLY_1X1),
    # To TFMOT it is a Conv2D; XNNPACK has no sparse deconvolution.
    "1x1, transposed": layer(
        lambda: layers.Conv2DTranspose(4, 1), "support it: no transposed convolution", tfmot_differs=True
    ),
    "separable": layer(lambda: layers.SeparableConv2D(4, 3), UNSUPPORTED),
    "max pooling": layer(lambda: layers.MaxPooling2D(), UNSUPPORTED),
    "PReLU": layer(lambda: layers.PReLU(), UNSUPPORTED),
    "softmax": layer(lambda: layers.Softmax(), UNSUPPORTED),
    "ReLU": layer(lambda: layers.ReLU()),
    "LeakyReLU": layer(lambda: layers.LeakyReLU()),
    "ELU": layer(lambda: layers.ELU()),
    "dropout": layer(lambda: layers.Dropout(0.1)),
    "normalization": layer(lambda: layers.BatchNormalization()),
    "normalization, rows": layer(
        lambda: layers.BatchNormalization(axis=1), "support it: only over the last axis"
    ),
    "upsampling": layer(lambda: layers.UpSampling2D(), "support it: only interpolation='bilinear'"),
    "upsampling, bilinear": layer(lambda: layers.UpSampling2D(interpolation="bilinear")),
    "concatenation": operation(lambda x: layers.Concatenate()([x, x]), UNSUPPORTED),
    "multiplication": operation(lambda x: layers.Multiply()([x, x])),
    "relu": activation("relu"),
    "relu6": activation("relu6"),
    "tf.nn.leaky_relu": activation(tf.nn.leaky_relu),
    "elu": activation("elu"),
    "sigmoid": activation(tf.nn.sigmoid),
    # TFLite drops it.
    "linear": activation("linear", tfmot_differs=True),
    "tanh": activation("tanh", ONLY_THESE),
    "swish": activation("swish", ONLY_THESE),
    "x + x": operation(lambda x: x + x),
    "x - 1": operation(lambda x: x - 1.0),
    "2 * x": operation(lambda x: 2.0 * x),
    "tf.add": operation(lambda x: tf.add(x, x)),
    "tf.identity": operation(tf.identity),
    # The same TFLite operations as those of the layers ReLU and Activation.
    "tf.nn.relu6": operation(tf.nn.relu6, tfmot_differs=True),
    "tf.sigmoid": operation(tf.sigmoid, tfmot_differs=True),
    "tf.tanh": operation(tf.tanh, rf"layer 'tf.math.tanh' \(TFOpLambda\) {UNSUPPORTED}"),
    "x / 2": operation(lambda x: x / 2.0, UNSUPPORTED),
    "a slice": operation(lambda x: x[:, 1:], UNSUPPORTED),
    # Nested models: TFMOT looks into Sequential ones only, and there not at the layers.
    "a sequential backbone": Case(
        lambda: sequential(tf_keras.Sequential([layers.Input(IMAGE), *plain_stem()]), *head())
    ),
    "a functional backbone": Case(
        lambda: sequential(backbone(lambda x: block(stem(x))), *head()), tfmot_differs=True
    ),
    "a backbone with its pooling": Case(
        lambda: sequential(
            backbone(lambda x: layers.GlobalAveragePooling2D()(block(stem(x)))), layers.Dense(2)
        ),
        tfmot_differs=True,
    ),
    "a nested block": Case(behind_stem(lambda x: backbone(block, (8, 8, 8))(x)), tfmot_differs=True),
    "a nested head": Case(lambda: sequential(*plain_stem(), tf_keras.Sequential(head())), tfmot_differs=True),
    "a nested layer that does not fit": Case(
        behind_stem(lambda x: backbone(lambda y: layers.MaxPooling2D(name="deep")(y), (8, 8, 8))(x)),
        rf"'net': layer 'deep' \(MaxPooling2D\) {UNSUPPORTED}",
    ),
    "a subclassed block": Case(
        behind_stem(Subclassed(name="own")), rf"layer 'own' \(Subclassed\) {UNSUPPORTED}"
    ),
    # Several inputs.
    "a shared stem": Case(siamese),
    "another input in the middle": Case(
        lambda: two_inputs(merge_late=False),
        r"layer 'merge' \(Add\) also takes the output of layer 'other' \(InputLayer\), which does not",
    ),
    "a shortcut around the stem": Case(
        skipped, r"layer 'merge' \(Add\) also takes the output of layer 'shortcut' \(Conv2D\)"
    ),
    # Behind the pooling XNNPACK does not care.
    "another input at the end": Case(lambda: two_inputs(merge_late=True), tfmot_differs=True),
    # Models that cannot be looked at.
    "unbuilt": Case(lambda: tf_keras.Sequential([layers.Conv2D(8, 1)], name="net"), "'net' is not built yet"),
    "subclassed": Case(
        lambda: Subclassed(name="net"), "'net' is a subclassed model; its connections cannot be"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_fits_and_what_is_said_of_what_does_not(name: str) -> None:
    case = CASES[name]
    model, policy = case.build(), PruneForLatencyOnXNNPack()
    if case.error is None:
        policy.ensure_model_supports_pruning(model)
    else:
        with pytest.raises(ValueError, match=case.error):
            policy.ensure_model_supports_pruning(model)
    if tfmot is not None:
        accepts = (case.error is None) is not case.tfmot_differs
        try:
            tfmot.PruneForLatencyOnXNNPack().ensure_model_supports_pruning(model)
        except ValueError:
            assert not accepts
        else:
            assert accepts


def pruned_names(model: tf_keras.Model) -> list[str]:
    return [wrapper.layer.name for wrapper in wrappers(model)]


def test_only_1x1_convolutions_are_pruned() -> None:
    model = mobilenet(keepdims=False)
    expected = ["block_expand", "block_project", "last"]
    pruned = prune_low_magnitude(model, ConstantSparsity(0.75, 0), pruning_policy=PruneForLatencyOnXNNPack())
    assert pruned_names(pruned) == expected
    if tfmot is not None:
        policy = tfmot.PruneForLatencyOnXNNPack()
        theirs = tfmot.prune_low_magnitude(mobilenet(keepdims=False), pruning_policy=policy)
        assert [layer.layer.name for layer in theirs.layers if hasattr(layer, "pruning_vars")] == expected
    pruned.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = np.random.default_rng(0).random((4, *IMAGE), dtype=np.float32)
    pruned.fit(images, np.arange(4) % 2, verbose=0, callbacks=[UpdatePruningStep()])
    stripped = strip_pruning(pruned)
    zeros = {
        layer.name: float(np.mean(layer.get_weights()[0] == 0))
        for layer in stripped.layers
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense)
    }
    assert zeros == {"stem": 0.0, "block_depthwise": 0.0, "down": 0.0, "head": 0.0} | dict.fromkeys(
        expected, 0.75
    )


def test_a_refused_model_is_not_wrapped_and_not_touched() -> None:
    model = behind_stem(layers.MaxPooling2D(name="other"))()
    with pytest.raises(ValueError, match="layer 'other'"):
        prune_low_magnitude(model, pruning_policy=PruneForLatencyOnXNNPack())
    assert wrappers(model) == []


def test_convolutions_in_nested_models_are_pruned() -> None:
    model = sequential(backbone(lambda x: block(stem(x))), *head())
    pruned = prune_low_magnitude(model, ConstantSparsity(0.5, 0), pruning_policy=PruneForLatencyOnXNNPack())
    assert pruned_names(pruned) == ["block_expand", "block_project"]


def test_layers_wrapped_before_are_seen_through() -> None:
    wrapped = prune_low_magnitude(mobilenet(keepdims=False), ConstantSparsity(0.5, 0))
    assert pruned_names(wrapped)[:2] == ["stem", "block_expand"]
    PruneForLatencyOnXNNPack().ensure_model_supports_pruning(wrapped)
    unfit = behind_stem(prune_low_magnitude(layers.Conv2D(8, 3, name="other")))()
    with pytest.raises(ValueError, match=ONLY_1X1):
        PruneForLatencyOnXNNPack().ensure_model_supports_pruning(unfit)


@pytest.mark.parametrize(
    ("layer", "allowed"),
    [
        (layers.Conv2D(4, 1), True),
        (layers.Conv2D(4, (1, 1), strides=2), True),
        (layers.Conv2D(4, 3), False),
        (layers.Conv2D(4, (1, 3)), False),
        (layers.Conv2DTranspose(4, 1), False),
        (layers.DepthwiseConv2D(1), False),
        (layers.Conv1D(4, 1), False),
        (layers.Dense(4), False),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else None,
)
def test_layer_by_layer(layer: layers.Layer, allowed: bool) -> None:
    assert PruneForLatencyOnXNNPack().allow_pruning(layer) is allowed
    if tfmot is not None and not isinstance(layer, layers.Conv2DTranspose):
        assert tfmot.PruneForLatencyOnXNNPack().allow_pruning(layer) is allowed
