import numpy as np

from runner.models import build_model
from runner.recipe.recipe import Model


def test_the_two_convolutions_are_identical_but_for_their_input() -> None:
    model = build_model(
        Model(name="two_conv"), input_shape=(4, 128, 2), num_classes=None, target_shape=(4, 32, 16)
    )
    assert model.input_shape == (None, None, 128, 2)
    assert [layer.name for layer in model.layers] == ["conv_1", "conv_2"]
    assert [tuple(layer.kernel.shape) for layer in model.layers] == [(1, 8, 2, 16), (1, 8, 16, 16)]
    for layer in model.layers:
        assert (layer.strides, layer.padding, layer.activation.__name__) == ((1, 2), "same", "linear")
    assert model(np.zeros((2, 7, 128, 2), np.float32)).shape == (2, 7, 32, 16)
