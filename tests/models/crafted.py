"""Model files as an attacker writes them: each would run code, write or read files, or take all memory.

Each function returns a configuration, as `config.json` of a `.keras` file or `model_config` of an `.h5` file
holds it. `bait` is a file that is there once an attack has worked; `evil_mod` makes it when it is imported.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import h5py
from tf_keras.src.utils.generic_utils import func_dump

Config: TypeAlias = dict[str, Any]

INPUT = {
    "class_name": "InputLayer",
    "module": "keras.layers",
    "registered_name": None,
    "config": {"batch_input_shape": [None, 4, 4], "dtype": "float32", "name": "in"},
}


def save(path: Path, config: Any) -> Path:
    """Writes a file of the kind that its suffix says: a configuration, JSON or an object, and no weights."""
    text = config if isinstance(config, str) else json.dumps(config)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"], file.attrs["model_config"] = "2.21.0", text
            file.create_group("model_weights").attrs["layer_names"] = []
        return path
    weights = path.with_suffix(".weights.h5")
    with h5py.File(weights, "w") as file:
        file.create_group("vars")
        file.create_group("layers")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0"}))
        archive.writestr("config.json", text)
        archive.write(weights, "model.weights.h5")
    return path


def layer(kind: str, *, keras: bool = True, **config: Any) -> Config:
    """Describes a layer; with `keras` false as older files do, without a module."""
    named = {"module": "keras.layers", "registered_name": None} if keras else {}
    return {"class_name": kind, **named, "config": {"name": kind.lower(), **config}}


def dense(**config: Any) -> Config:
    return layer("Dense", units=2, **config)


def sequential(*layers: Config) -> Config:
    config = {"name": "m", "layers": [INPUT, *layers]}
    return {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": config}


def functional(*layers: Config, output: str = "in") -> Config:
    """Describes a functional model; each layer has its `inbound_nodes`."""
    named = [{**described, "name": described["config"]["name"]} for described in layers]
    config = {
        "name": "m",
        "layers": [{**INPUT, "name": "in", "inbound_nodes": []}, *named],
        "input_layers": [["in", 0, 0]],
        "output_layers": [[output, 0, 0]],
    }
    return {
        "class_name": "Functional",
        "module": "keras.src.engine.functional",
        "registered_name": "Functional",
        "config": config,
    }


def operator(function: str, *node: Any, kind: str = "TFOpLambda") -> Config:
    """Describes a layer of one operator, called on constants or tensors."""
    return {
        "class_name": kind,
        "module": "tf_keras.src.layers.core.tf_op_layer",
        "registered_name": kind,
        "config": {"name": "op", "function": function},
        "inbound_nodes": [list(node)],
    }


def on_constants(function: str, first: Any, **arguments: Any) -> Config:
    return functional(operator(function, "_CONSTANT_VALUE", -1, first, arguments))


def evil(kind: str, config: Any = None, module: str = "evil_mod") -> Config:
    """Describes an object of a module beside the file."""
    return {"class_name": kind, "module": module, "registered_name": None, "config": config or {}}


def code(bait: Path, arguments: int = 1) -> Any:
    """Returns a lambda as files hold it; it writes the bait and gives back its first argument."""
    if arguments == 1:
        made: Any = lambda x, to=str(bait): (__import__("pathlib").Path(to).write_text(""), x)[1]  # noqa: E731
    else:
        made = lambda x, y, to=str(bait): (__import__("pathlib").Path(to).write_text(""), y)[1]  # noqa: E731
    return list(func_dump(made))


def constant(value: Any) -> Config:
    """Describes an initializer of a value."""
    named = {"module": "keras.initializers", "registered_name": None}
    return {"class_name": "Constant", **named, "config": {"value": value}}


def cell(wrapper: str, bait: Path) -> Config:
    """Describes an RNN whose cell is wrapped with code."""
    inner = layer("GRUCell", keras=False, units=4)
    held = {
        "ResidualWrapper": {
            "residual_fn": code(bait, 2),
            "residual_fn_type": "lambda",
            "residual_fn_module": "tf_keras.src.layers.rnn.cell_wrappers",
        },
        "DropoutWrapper": {
            "input_keep_prob": 0.5,
            "state_keep_prob": 0.5,
            "output_keep_prob": 0.5,
            "variational_recurrent": False,
            "input_size": None,
            "seed": 1,
            "dropout_fn": code(bait),
            "dropout_fn_type": "lambda",
            "dropout_fn_module": "tf_keras.src.layers.rnn.cell_wrappers",
        },
    }[wrapper]
    return layer("RNN", cell=layer(wrapper, keras=False, cell=inner, **held))


def lambda_layer(bait: Path) -> Config:
    held = {"function": code(bait), "function_type": "lambda", "module": "builtins", "output_shape": None}
    held |= {"output_shape_type": "raw", "output_shape_module": None, "arguments": {}}
    return layer("Lambda", **held)


def old(described: Config) -> Config:
    """Describes an object as files did before they named modules."""
    return {key: described[key] for key in ("class_name", "config")}


Attack: TypeAlias = Callable[[Path], Any]

BOTH, KERAS, H5 = (".keras", ".h5"), (".keras",), (".h5",)

RUNNING: dict[str, tuple[Attack, tuple[str, ...]]] = {
    "a Lambda layer": (lambda bait: sequential(lambda_layer(bait)), H5),
    "a Lambda layer of old files": (lambda bait: sequential(old(lambda_layer(bait))), H5),
    "a Lambda layer in a wrapper": (
        lambda bait: sequential(layer("TimeDistributed", layer=lambda_layer(bait))),
        H5,
    ),
    "a wrapped cell with code": (lambda bait: sequential(cell("ResidualWrapper", bait)), H5),
    "an operator that writes": (lambda bait: on_constants("io.write_file", str(bait), contents="x"), BOTH),
    "an operator that makes folders": (lambda bait: on_constants("io.gfile.makedirs", str(bait)), BOTH),
    "an operator that copies": (lambda bait: on_constants("io.gfile.copy", __file__, dst=str(bait)), BOTH),
    "an operator that prints": (
        lambda bait: on_constants("print", "x", output_stream=f"file://{bait}"),
        BOTH,
    ),
    "a slicing layer that writes": (
        lambda bait: functional(
            operator(
                "io.write_file", "_CONSTANT_VALUE", -1, str(bait), {"contents": "x"}, kind="SlicingOpLambda"
            )
        ),
        BOTH,
    ),
    "a class of a module": (lambda bait: evil("Model"), KERAS),
    "a class of a module like Keras": (lambda bait: evil("Model", module="keras_evil"), KERAS),
    "an activation of a module": (
        lambda bait: sequential(
            dense(activation={**evil("function", "f"), "registered_name": "relu"}),
        ),
        KERAS,
    ),
    "an initializer's value of a module": (
        lambda bait: sequential(dense(kernel_initializer=constant(evil("X")))),
        KERAS,
    ),
    "a type of a module": (
        lambda bait: sequential(
            dense(kernel_initializer=constant({**evil("__typespec__"), "spec_name": "X"}))
        ),
        KERAS,
    ),
    "a regularizer that deserializes": (
        lambda bait: sequential(
            dense(
                kernel_regularizer={"class_name": "deserialize_keras_object", "config": {"config": evil("X")}}
            )
        ),
        KERAS,
    ),
}
"""What runs something while tf-keras loads it, by what it holds, with the kinds of file in which it does."""


def nested(levels: int) -> str:
    return '{"class_name": "Sequential", "config": ' * levels + "{}" + "}" * levels


def with_text(old: str, new: str) -> str:
    """Describes a plain model in JSON of which a part is replaced."""
    return json.dumps(sequential(dense())).replace(old, new)


CALLED_WITH = [["in", 0, 0, {}]]

REFUSED: dict[str, tuple[Any, str]] = {
    "a file as a vocabulary": (
        sequential(layer("StringLookup", vocabulary="/etc/hostname")),
        r"the vocabulary of the StringLookup layer is the file '/etc/hostname'",
    ),
    "a pure operator on constants": (
        on_constants("math.add", 1.0, y=2.0),
        r"the layer 'op' is called on constants alone",
    ),
    "a layer on constants": (
        functional({**dense(), "inbound_nodes": [[["_CONSTANT_VALUE", -1, [[1.0]], {}]]]}),
        r"the layer 'dense' is called on constants alone",
    ),
    "a text into a layer": (
        functional({**dense(), "inbound_nodes": [[["in", 0, 0, {}], ["_CONSTANT_VALUE", -1, "x", {}]]]}),
        r"a constant that is no number goes into a layer",
    ),
    "a layer that waits for itself": (
        functional({**dense(), "inbound_nodes": [[["dense", 0, 0, {}]]]}),
        r"the layer 'dense' waits for itself",
    ),
    "a call that is not there": (
        functional({**dense(), "inbound_nodes": [CALLED_WITH, [["dense", 7, 0, {}]]]}),
        r"the layer 'dense' waits for itself, or for a layer or call that is not there",
    ),
    "a layer that is not there": (
        functional({**dense(), "inbound_nodes": [[["other", 0, 0, {}]]]}),
        r"the layer 'dense' waits for itself, or for a layer or call that is not there",
    ),
    "an operator on no list": (
        functional(operator("io.read_file", "in", 0, 0, {})),
        r"layer 'op', the function 'io\.read_file' of TensorFlow is not on the list of pure operators",
    ),
    "an operator by its raw name": (
        functional(operator("raw_ops.WriteFile", "in", 0, 0, {"filename": "x"})),
        r"the function 'raw_ops\.WriteFile' of TensorFlow is not on the list",
    ),
    "an operator of TensorFlow 1": (
        functional(operator("compat.v1.gfile.DeleteRecursively", "in", 0, 0, {})),
        r"the function 'compat\.v1\.gfile\.DeleteRecursively' of TensorFlow is not on the list",
    ),
    "a method by its name": (
        functional({**operator("", "in", 0, 0, {}, kind="InstanceMethod"), "module": None}),
        r"the class 'InstanceMethod' is not loaded from a file: it calls a method",
    ),
    "a method of a class": (
        functional(operator("", "in", 0, 0, {}, kind="ClassMethod")),
        r"layer 'op', the class 'ClassMethod' is not loaded from a file: it calls a method",
    ),
    "a layer of a module": (
        sequential({**dense(), "module": "evil_mod"}),
        r"layer 'dense', 'Dense' is said to come from the module 'evil_mod', which is not imported",
    ),
    "an operator given as a mapping": (
        functional({**operator("", "in", 0, 0, {}), "config": {"name": "op", "function": {"a": 1}}}),
        r"the function .* of TensorFlow is not on the list",
    ),
    "an operator by its definition": (
        sequential(layer("TensorFlowOpLayer", node_def={}, constants={})),
        r"the class 'TensorFlowOpLayer' is not loaded from a file: it runs any operator",
    ),
    "a dropout of a cell": (
        sequential(cell("DropoutWrapper", Path("none"))),
        r"layer 'rnn/dropoutwrapper', the class 'DropoutWrapper' .* code that comes with the file",
    ),
    "a lambda": (
        sequential(dense(activation={"class_name": "__lambda__", "config": {"value": []}})),
        r"layer 'dense', key 'activation', the class '__lambda__' is not one of tf-keras's",
    ),
    "a lambda by a registered name": (
        sequential(
            {
                **dense(),
                "config": {
                    "name": "d",
                    "units": {
                        "class_name": "__lambda__",
                        "module": "x",
                        "registered_name": "runner.pruning>PruneLowMagnitude",
                        "config": {},
                    },
                },
            }
        ),
        r"the class '__lambda__' is not one of tf-keras's",
    ),
    "a Lambda by a registered name": (
        sequential({**layer("Lambda"), "registered_name": "runner.pruning>PruneLowMagnitude"}),
        r"the class 'Lambda' is not loaded from a file",
    ),
    "a class by another's registered name": (
        sequential({**dense(), "registered_name": "Custom>Adam"}),
        r"the class 'Dense' is registered as 'Custom>Adam', which no module",
    ),
    "an optimizer": (
        sequential({"class_name": "Custom>Adam", "config": {"name": "a"}}),
        r"the class 'Custom>Adam' is not one of tf-keras's",
    ),
    "a class with dots": (
        sequential(layer("Dense.from_config")),
        r"the class 'Dense\.from_config' is not one of tf-keras's",
    ),
    "a module of tf-keras besides": (
        sequential({**dense(), "module": "tf_keras.utils"}),
        r"'Dense' is said to come from the module 'tf_keras\.utils', which is not imported",
    ),
    "a function as an activation": (
        sequential(dense(activation="deserialize")),
        r"layer 'dense', key 'activation', the activation 'deserialize' is not one of tf-keras's",
    ),
    "a module as a regularizer": (
        sequential(dense(kernel_regularizer="tf")),
        r"key 'kernel_regularizer', the regularizer 'tf' is not one of tf-keras's",
    ),
    "a function by its other name": (
        sequential(dense(activation={"class_name": "function", "config": "relu", "registered_name": "get"})),
        r"the function 'get' is no activation of tf-keras",
    ),
    "a class that is a list": (
        sequential({**dense(), "class_name": ["Dense"]}),
        r"a class is named by .*Dense.*, which is no text",
    ),
    "a constant of objects": (
        sequential(
            dense(
                kernel_initializer={"class_name": "__numpy__", "config": {"value": [1], "dtype": "S9999999"}}
            )
        ),
        r"a constant of the type 'S9999999' is not read",
    ),
    "a composite tensor": (
        functional({**dense(), "inbound_nodes": [[["in", 0, 0, {"x": {"_TYPE": "COMPOSITE"}}]]]}),
        r"a composite tensor",
    ),
    "a control character": (
        sequential(layer("\x1b[31mX")),
        r"the class '\\x1b\[31mX' is not one of tf-keras's",
    ),
    "a wrapper of TFMOT": (
        sequential({**layer("PruneLowMagnitude", layer=dense()), "module": "tfmot"}),
        r"m\.(keras|h5): it is still wrapped for pruning by TFMOT\. Call strip_pruning and save .*\.$",
    ),
    "an unknown schedule": (
        sequential(
            {
                **layer("PruneLowMagnitude", layer=dense(), pruning_schedule=evil("Polynomial")),
                "module": "runner.pruning.wrapper",
                "registered_name": "runner.pruning>PruneLowMagnitude",
            }
        ),
        r"key 'pruning_schedule', the class 'Polynomial' is not one of tf-keras's",
    ),
    "a schedule of a module": (
        sequential(
            dense(kernel_initializer=constant({"pruning_schedule": evil("ConstantSparsity")})),
        ),
        r"key 'kernel_initializer\.value\.pruning_schedule', the class 'ConstantSparsity' is not one of",
    ),
    "a key twice": (
        with_text('"units": 2', '"units": 2, "units": 3'),
        r"has the key 'units' twice in one object",
    ),
    "not a number": (with_text('"units": 2', '"units": NaN'), r"a number of its configuration is NaN"),
    "a hundred thousand levels": (nested(100_000), r"nested too deeply"),
    "three hundred levels": (nested(300), r"nested too deeply"),
    "a number of 6,000 digits": (with_text('"units": 2', f'"units": {"9" * 6000}'), r"a damaged one"),
    "an immense layer": (
        sequential(layer("Dense", units=10**11)),
        r"its layers ask for more weights than the 0 numbers that are in the file",
    ),
    "a layer of 300 digits": (sequential(layer("Dense", units=10**300)), r"ask for more weights than"),
    "a layer of a negative size": (sequential(layer("Dense", units=-3)), r"tf-keras cannot load it"),
    "an argument that is not there": (sequential(dense(command="x")), r"tf-keras cannot load it"),
    "no object at all": ([1, 2], r"tf-keras cannot load it"),
    "a text": ('"Dense"', r"tf-keras cannot load it"),
}
"""Configurations that are refused for what they hold, with what the message says."""
