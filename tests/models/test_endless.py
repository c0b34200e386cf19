import resource
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import tf_keras

from runner.models.calls import check_calls, check_wiring
from runner.models.refused import ModelRefused
from runner.models.saved import load_saved_model
from runner.process.errors import UserError
from tests.models.crafted import Config, functional, layer, save
from tests.models.endless import ENDLESS, chain, given, on, stacked, twice


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_small_file_takes_neither_hours_nor_all_memory(name: str, suffix: str, tmp_path: Path) -> None:
    config, told = ENDLESS[name]
    path = save(tmp_path / f"m{suffix}", config)
    before, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=told) as caught:
        load_saved_model(path)
    assert time.process_time() - before < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 2**20  # Linux counts kilobytes.
    message = str(caught.value)
    assert message.startswith(f"recipe.model.path: {path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 600


def test_calls_multiply_with_each_level() -> None:
    # An input and a layer are made, and the layer is called: by each call of the model too.
    assert check_calls(twice(0)) == 2 + 1
    # Around it an input, and two calls of it; and so on.
    assert check_calls(twice(1)) == 3 + 1 + 2 * 1
    assert check_calls(twice(2)) == 6 + 1 + 2 * 2


def test_an_ordinary_model_counts_its_layers_once_made_and_once_called() -> None:
    base = tf_keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=2)
    described = tf_keras.saving.serialize_keras_object(base)
    assert len(base.layers) == 156
    assert check_calls(described) == 156 + 155


@pytest.mark.parametrize(
    ("config", "weights"),
    [
        (twice(3), False),
        (chain(30), False),
        (stacked(3), True),
        (on(given(20, 4), layer("SimpleRNN", units=1, unroll=True)), True),
    ],
    ids=["nested", "reversed", "stacked", "unrolled"],
)
def test_as_much_as_an_honest_model_has_is_built(config: Config, weights: bool, tmp_path: Path) -> None:
    path = save(tmp_path / "m.keras", config)
    # Its weights are not in the file, which shows once it is built.
    with pytest.raises(UserError, match="variables during loading") if weights else nullcontext():
        load_saved_model(path)


def test_an_honest_locally_connected_layer_loads(tmp_path: Path) -> None:
    local = tf_keras.layers.LocallyConnected2D(2, 3, implementation=3)
    model = tf_keras.Sequential([tf_keras.Input((6, 6, 3)), local])
    model.save(tmp_path / "m.keras")
    loaded = load_saved_model(tmp_path / "m.keras")
    assert loaded.count_params() == model.count_params() == 4 * 4 * 2 * (3 * 3 * 3 + 1)


def test_layers_called_in_turn_take_a_round_each() -> None:
    turns = 600
    first = [[["in", 0, 0, {}]], *([["b", turn, 0, {}]] for turn in range(turns - 1))]
    second = [[["a", turn, 0, {}]] for turn in range(turns)]
    a, b = (layer("Activation", activation="relu", name=name) for name in "ab")
    config = functional({**a, "inbound_nodes": first}, {**b, "inbound_nodes": second})["config"]
    check_wiring(config, operators=())
    many = [{**layer("InputLayer", name=f"i{number}"), "name": f"i{number}"} for number in range(1000)]
    config["layers"] += [{**described, "inbound_nodes": []} for described in many]
    with pytest.raises(ModelRefused, match=r"its 1,003 layers .* gone through 600 times"):
        check_wiring(config, operators=())
