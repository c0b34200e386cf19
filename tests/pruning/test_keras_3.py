"""A Keras 3 object is refused wherever it comes in, and the error says which environment variable to set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from runner import pruning
from runner.pruning.prunable import refuse_keras_3

keras = pytest.importorskip("keras", minversion="3")

WAY_OUT = (
    r"is a Keras 3 object, and pruning works on tf-keras \(Keras 2\)\. Start the script with the environment "
    r"variable TF_USE_LEGACY_KERAS=1, which makes tensorflow\.keras tf-keras, or import tf_keras instead\."
)


def model() -> Any:
    return keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(2)])


Keras3Layer: Any = keras.layers.Layer


class Own(Keras3Layer):
    """A user's layer, whose class does not come from the package keras."""

    def get_prunable_weights(self) -> list[Any]:
        return []


DOORS: dict[str, Callable[[], Any]] = {
    "a layer": lambda: pruning.prune_low_magnitude(keras.layers.Dense(2)),
    "a user's layer": lambda: pruning.prune_low_magnitude(Own()),
    "a list": lambda: pruning.prune_low_magnitude([keras.layers.Dense(2)]),
    "a model": lambda: pruning.prune_low_magnitude(model()),
    "a model under a policy": lambda: pruning.prune_low_magnitude(
        model(), pruning_policy=pruning.PruneForLatencyOnXNNPack()
    ),
    "the wrapper itself": lambda: pruning.PruneLowMagnitude(keras.layers.Dense(2)),
    "strip_pruning": lambda: pruning.strip_pruning(model()),
    "UpdatePruningStep": lambda: pruning.UpdatePruningStep().set_model(model()),
    "update_masks": lambda: pruning.update_masks(model()),
    "settle_masks": lambda: pruning.settle_masks(model()),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_every_door_names_the_way_out(door: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=WAY_OUT):
        door()


def test_the_callbacks_say_it_inside_fit(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    trained = model()
    trained.compile("sgd", "mse")
    for callback in (pruning.UpdatePruningStep(), pruning.PruningSummaries(str(tmp_path))):
        with pytest.raises(ValueError, match=WAY_OUT):
            trained.fit(np.ones((4, 8)), np.ones((4, 2)), verbose=0, callbacks=[callback])


def test_tf_keras_and_all_else_pass() -> None:
    for candidate in (tf_keras.layers.Dense(2), tf_keras.Sequential(), 7, None):
        refuse_keras_3(candidate)
