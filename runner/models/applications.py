"""The image classifiers of `tf_keras.applications`, untrained; nothing is downloaded.

Layers have tf-keras's names, and the pattern `"*"` prunes a whole network. Images have at least 32x32 pixels,
better more, since the networks halve them five times. EfficientNet and MobileNetV3 rescale pixels of 0 to 255
(EfficientNetV2 and MobileNetV3 not with `include_preprocessing: false`); the others do not.
"""

import inspect
import re
import warnings
from typing import Any

import tf_keras
from tf_keras import applications

from runner.models.builder import MODELS
from runner.models.naming import snake_case

NAMES = (
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNet50",
)
_GIVEN = ("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes")
_NUMBER = re.compile(r"_\d+$")


class Application:
    """Builds one of the networks of `tf_keras.applications`.

    Args:
        name: Its name there. A recipe may give its arguments, such as `alpha`.
    """

    def __init__(self, name: str) -> None:
        self._function = getattr(applications, name)
        self.__qualname__ = f"Application({name})"
        keyword = inspect.Parameter.KEYWORD_ONLY
        own = [
            parameter.replace(kind=keyword)
            for parameter in inspect.signature(self._function).parameters.values()
            if parameter.name not in _GIVEN and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        supplied = [inspect.Parameter(name, keyword) for name in ("input_shape", "num_classes")]
        self.__signature__ = inspect.Signature([*supplied, *own])

    def __call__(self, *, input_shape: tuple[int, ...], num_classes: int, **arguments: Any) -> tf_keras.Model:
        """Builds the network, untrained and uncompiled; its outputs are probabilities.

        Args:
            input_shape: One image, `(height, width, channels)`.
            num_classes: Outputs.
            **arguments: Arguments of the function in `tf_keras.applications`.
        """
        image = tf_keras.Input(input_shape, name="image")
        built = self._function(
            input_tensor=image, input_shape=input_shape, classes=num_classes, weights=None, **arguments
        )
        return _with_fixed_names(built)


def _with_fixed_names(model: tf_keras.Model) -> tf_keras.Model:
    """Copies a network with automatic layer names counted within the network.

    Keras counts them (`re_lu_33`) within the process, so that a second network has other names.
    """
    counted = {}
    for layer in model.layers:
        base = _NUMBER.sub("", layer.name)
        if base == snake_case(type(layer).__name__) or base.startswith("tf."):
            counted[id(layer)] = base
    counts: dict[str, int] = {}

    def renamed(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        config = layer.get_config()
        base = counted.get(id(layer))
        if base is not None:
            number = counts.get(base, 0)
            counts[base] = number + 1
            config["name"] = f"{base}_{number}" if number else base
        return layer.__class__.from_config(config)

    with warnings.catch_warnings():
        # EfficientNetV2 has an initializer of TensorFlow; the copy has that of Keras.
        warnings.filterwarnings("ignore", message=r"The `keras\.initializers\.serialize\(\)` API")
        return tf_keras.models.clone_model(model, clone_function=renamed)


for _name in NAMES:
    MODELS.register(_name)(Application(_name))
