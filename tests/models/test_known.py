"""The allow-lists of `runner.models.known` beside what the installed tf-keras and TensorFlow hold."""

import importlib
import inspect
from typing import Any

import pytest
import tf_keras
from tensorflow.python.util.tf_export import get_symbol_from_name
from tf_keras.src import activations, constraints, initializers, regularizers
from tf_keras.src.engine.base_layer import Layer
from tf_keras.src.layers import serialization

from runner.models.known import (
    ALIASES,
    CLASSES,
    CONSTRAINTS,
    FUNCTIONS,
    INITIALIZERS,
    LAYERS,
    MODELS,
    MODULES,
    OPERATOR_LAYERS,
    OPERATORS,
    REFUSED,
    REGULARIZERS,
    is_operator,
    registered,
)

# The functions that make a merging layer: tf-keras can load them by name, but never saves one so.
MERGING = {"add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"}

# What the layers on the list take: a new argument may hold code or a path, and is read before it is here.
ARGUMENTS = """
    activation activity_regularizer adjustment aggregation alpha alpha_constraint alpha_initializer
    alpha_regularizer args attention_axes axes axis backward_layer batch_size beta_constraint
    beta_initializer beta_regularizer bias_axes bias_constraint bias_initializer bias_regularizer
    bin_boundaries cell cells center conv_op crop_to_aspect_ratio cropping data_format depth_multiplier
    depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate dims dropout dtype
    dynamic embeddings_constraint embeddings_initializer embeddings_regularizer encoding epsilon equation
    factor fill_mode fill_value filters force_generator fused gamma_constraint gamma_initializer
    gamma_regularizer go_backwards groups height height_factor idf_weights implementation input_dim
    input_length input_shape input_tensor interpolation invert keepdims kernel_constraint kernel_initializer
    kernel_regularizer kernel_size key_dim kwargs l1 l2 layer mask_token mask_value mask_zero max_tokens
    max_value mean merge_mode metric_name mode momentum moving_mean_initializer moving_variance_initializer
    n name negative_slope ngrams noise_shape normalize num_bins num_heads num_oov_indices num_tokens offset
    oov_token optional output_dim output_mode output_padding output_sequence_length output_shape
    pad_to_max_tokens padding pointwise_constraint pointwise_initializer pointwise_regularizer pool_function
    pool_size power_iterations ragged rank rate recurrent_activation recurrent_constraint recurrent_dropout
    recurrent_initializer recurrent_regularizer renorm renorm_clipping renorm_momentum reset_after
    return_sequences return_state rng_type robust_masking salt scale score_mode seed self shared_axes size
    softmax_robust_masking sparse split standardize stateful stddev strides synchronized target_shape theta
    threshold time_major trainable type_spec unconditional unit_forget_bias units unroll use_bias use_scale
    value_dim value_range variance virtual_batch_size vocabulary vocabulary_dtype weights width width_factor
"""


def tables() -> dict[str, dict[str, Any]]:
    """What tf-keras looks a `class_name` up in, by what it is making."""
    serialization.populate_deserializable_objects()
    initializers.populate_deserializable_objects()
    return {
        "layers": dict(serialization.LOCAL.ALL_OBJECTS),
        "initializers": dict(initializers.LOCAL.ALL_OBJECTS),
        "regularizers": {name: item for name, item in vars(regularizers).items() if inspect.isclass(item)},
        "constraints": {name: item for name, item in vars(constraints).items() if inspect.isclass(item)},
    }


def exported(part: Any) -> set[str]:
    return {name for name, item in vars(part).items() if inspect.isclass(item)}


def test_every_class_of_the_installed_keras_is_either_allowed_or_refused_for_a_reason() -> None:
    found = {name for table in tables().values() for name in table}
    found |= {name for part in (tf_keras.layers, tf_keras.initializers) for name in exported(part)}
    found |= {name for part in (tf_keras.regularizers, tf_keras.constraints) for name in exported(part)}
    named = {
        name for name in found if name not in ALIASES and not name.endswith("V2") and name not in MERGING
    }
    assert named - CLASSES - REFUSED.keys() - {"initializer"} <= {"Layer"}
    assert not CLASSES & REFUSED.keys()
    assert all(reason for reason in REFUSED.values())


def test_nothing_on_the_lists_is_missing_from_the_installed_keras() -> None:
    layers = tables()["layers"].keys() | exported(tf_keras.layers)
    assert layers >= LAYERS | MODELS | OPERATOR_LAYERS
    assert exported(tf_keras.initializers) >= INITIALIZERS
    assert exported(tf_keras.regularizers) >= REGULARIZERS
    assert exported(tf_keras.constraints) >= CONSTRAINTS
    assert FUNCTIONS - {name for name, item in vars(activations).items() if callable(item)} == set()
    # "l1_l2" is a case of its own in tf-keras.
    assert ALIASES - {name for table in tables().values() for name in table} == {"l1_l2"}


def test_every_activation_that_keras_exports_is_known() -> None:
    found = {name for name, item in vars(tf_keras.activations).items() if inspect.isfunction(item)}
    assert found - FUNCTIONS == {"get", "serialize", "deserialize"}


def test_layers_take_no_argument_that_was_not_looked_at() -> None:
    found: set[str] = set()
    for name, kind in tables()["layers"].items():
        if name in LAYERS and inspect.isclass(kind):
            for base in kind.__mro__:
                if issubclass(base, Layer) and "__init__" in vars(base):
                    found |= set(inspect.signature(vars(base)["__init__"]).parameters)
    assert found - set(ARGUMENTS.split()) == set()


@pytest.mark.parametrize("module", sorted(MODULES - {"builtins"}))
def test_a_module_that_files_may_name_holds_no_other_thing_under_an_allowed_name(module: str) -> None:
    allowed = {id(item) for table in tables().values() for name, item in table.items() if name in CLASSES}
    allowed |= {id(getattr(tf_keras.layers, name, None)) for name in LAYERS}
    allowed |= {id(tf_keras.mixed_precision.Policy)}
    found = {name: get_symbol_from_name(f"{module}.{name}") for name in CLASSES}
    try:
        inside = vars(importlib.import_module(module if module.startswith("tf_") else f"tf_{module}"))
        found |= {f"{name} inside": inside.get(name) for name in CLASSES}
    except ModuleNotFoundError:  # Of earlier versions, whose files name it; tf-keras imports nothing then.
        pass
    assert [name for name, item in found.items() if item is not None and id(item) not in allowed] == []


def test_operators_are_functions_of_tensorflow_or_keras() -> None:
    lost = {name for name in OPERATORS if not callable(get_symbol_from_name(name))}
    assert {name for name in lost if not callable(get_symbol_from_name(f"compat.v1.{name}"))} == set()


@pytest.mark.parametrize(
    "symbol",
    [
        "print",
        "load_op_library",
        "py_function",
        "numpy_function",
        "map_fn",
        "while_loop",
        "function",
        "Variable",
        "io.read_file",
        "io.gfile.rmtree",
        "raw_ops.ReadFile",
        "compat.v1.py_func",
        "saved_model.load",
        "keras.models.load_model",
        "keras.backend.set_value",
        "keras.utils.get_file",
        "autodiff",
        "__operators__.__class__",
        "compat.v1.compat.v1.add",
        "",
        None,
        ["math.add"],
    ],
)
def test_what_reads_writes_calls_or_keeps_is_no_operator(symbol: Any) -> None:
    assert not is_operator(symbol)


def test_tensorflow_1_forms_of_an_operator_count_as_it() -> None:
    assert is_operator("compat.v1.transpose")
    assert is_operator("math.add")


def test_what_keras_registers_for_itself_is_not_taken_for_a_plugin_s(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registered("Custom>Adam") is None
    assert registered("Custom>SharpnessAwareMinimization") is None
    assert registered("Custom>CustomScaleLayer") is not None
    assert registered("Dense") is None
    assert registered({"a": 1}) is None
    mine = tf_keras.activations.relu
    monkeypatch.setitem(tf_keras.utils.get_custom_objects(), "mine", mine)
    assert registered("mine") is mine
