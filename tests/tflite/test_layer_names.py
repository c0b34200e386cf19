import pytest

from runner.tflite.layer_names import layer_names, matches


def test_the_model_and_the_operator_are_left_out() -> None:
    assert layer_names(["net/conv_1/Conv2D", "net/dense/MatMul"]) == ["conv_1", "dense"]


def test_of_fused_operators_the_one_that_multiplies_gives_the_name() -> None:
    names = [
        "net/a_relu/Relu6;net/a_BN/FusedBatchNormV3;net/a/depthwise;;net/a_pad/Pad",
        "net/b/Relu;net/b/BiasAdd;net/b/Conv2D;net/b/BiasAdd/ReadVariableOp1",
        "net/Conv_1_bn/FusedBatchNormV3;net/Conv_1/Conv2D",
        "net/bm/MatMul/ReadVariableOp",
        "net/td/Tensordot/MatMul1",
        "net/attention/query/einsum/Einsum",
    ]
    assert layer_names(names) == ["a", "b", "Conv_1", "bm", "td", "attention/query"]


def test_nested_models_keep_their_path() -> None:
    names = ["net/encoder/conv/Conv2D", "net/decoder/conv/Conv2D"]
    assert layer_names(names) == ["encoder/conv", "decoder/conv"]


def test_two_tensors_of_a_layer_are_told_apart_by_the_operator() -> None:
    names = ["net/rnn/while/MatMul", "net/rnn/while/MatMul_1", "net/out/MatMul"]
    assert layer_names(names) == ["rnn/while/MatMul", "rnn/while/MatMul_1", "out"]


@pytest.mark.parametrize("name", ["arith.constant4", "StatefulPartitionedCall:01", "", ";"])
def test_what_is_no_path_stays(name: str) -> None:
    assert layer_names([name, "net/out/MatMul"]) == [name, "out"]


def test_a_single_tensor() -> None:
    assert layer_names(["net/out/MatMul"]) == ["out"]
    assert layer_names(["out/MatMul"]) == ["out"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("conv*", True),
        ("conv_1", True),
        ("encoder", True),
        ("encoder/*", True),
        ("net/encoder/conv_1/Conv2D", True),
        ("CONV_2D", True),
        ("CONV*", True),
        ("conv_1[0-9]", False),
        ("net", False),
        ("Relu", False),
    ],
)
def test_a_glob_picks_by_layer_name_or_operator(glob: str, expected: bool) -> None:
    tensor = "net/encoder/conv_1/Relu;net/encoder/conv_1/Conv2D"
    assert matches(glob, layer="encoder/conv_1", tensor=tensor, ops=["CONV_2D"]) is expected


def test_a_model_of_a_layer_s_name_does_not_pick_every_layer() -> None:
    tensor = "conv_net/dense/MatMul"
    [layer, _] = layer_names([tensor, "conv_net/conv/Conv2D"])
    assert layer == "dense"
    assert not matches("conv*", layer=layer, tensor=tensor, ops=["FULLY_CONNECTED"])
