import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from runner.process.packaged import packaged_folder
from runner.recipe.recipe import Recipe
from runner.schema.json_schema import Schema, recipe_schema

GOOD: dict[str, Any] = {
    "defaults": ["mnist_2x4", "_self_"],
    "data": {"name": "random", "input_shape": [4], "validation_split": "${training.share}", "path": None},
    "model": {"name": "mnist_cnn", "dense_units": 8},
    "training": {
        "epochs": 2,
        "optimizer": {"name": "sgd", "learning_rate": {"name": "cosine", "initial": 1}, "momentum": 0.9},
    },
    "layers": {
        "all": {
            "targets": ["a", "b"],
            "m_by_n": "2x4",
            "schedule": {"name": "linear", "x": 1, "end_step": "2ep"},
        },
        "rest": {"prune": False},
    },
    "export": {"variants": "int8"},
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return recipe_schema()


@pytest.fixture(scope="module")
def validator(schema: Schema) -> jsonschema.Draft7Validator:
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every mapping, wherever it is."""
    if isinstance(schema, dict):
        for name, below in schema.items():
            if name == "properties":
                yield from ((key, each) for key, each in below.items() if "const" not in each)
            yield from properties(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from properties(below)


def test_every_shipped_recipe_is_valid(validator: jsonschema.Draft7Validator) -> None:
    files = list(packaged_folder("recipes").rglob("*.yaml"))
    assert len(files) >= 10
    for file in files:
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == [], file


def test_every_form_of_a_value_is_valid(validator: jsonschema.Draft7Validator) -> None:
    assert list(validator.iter_errors(GOOD)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trainin", {}),
        ("training.epoch", 1),
        ("training.epochs", 0),
        ("training.epochs", "2"),
        ("training.optimizer.name", "adm"),
        ("training.optimizer.momentum", 2),
        ("training.optimizer.learning_rate.name", "cosin"),
        ("data.name", "mnst"),
        ("data.fallback", "mnst"),
        ("data.validation_split", 1),
        ("model.name", "mnist_cn"),
        ("layers.re:conv", {"prune": False}),
        ("layers.all.m_by_n", 124),
        ("layers.all.m_by_n", [2]),
        ("layers.all.key", "all"),
        ("layers.all.block", {"inputs": 4}),
        ("layers.all.m_by_n_axis", "rows"),
        ("layers.all.schedule.end_step", "soon"),
        ("layers.all.schedule.name", "liner"),
        ("export.variants", ["int9"]),
        ("budget", {"variant": "int9"}),
    ],
)
def test_what_the_runner_refuses_is_invalid(
    validator: jsonschema.Draft7Validator, path: str, value: object
) -> None:
    recipe = json.loads(json.dumps(GOOD))
    *above, last = path.split(".")
    node = recipe
    for key in above:
        node = node[key]
    node[last] = value
    assert not validator.is_valid(recipe)


def test_every_key_is_described_and_has_a_type(schema: Schema) -> None:
    found = list(properties(schema))
    assert len(found) > 80
    for key, each in found:
        assert each["description"].endswith("."), key
        assert each["anyOf"], key


def test_it_has_the_keys_of_a_recipe(schema: Schema) -> None:
    layers = {"all": {"block": {"in": 2, "out": 1}, "schedule": {"name": "constant", "sparsity": 0.5}}}
    written = Recipe.from_mapping(
        {
            "model": {"name": "m"},
            "training": {
                "epochs": 1,
                "batch_size": 1,
                "augmentation": {},
                "optimizer": {"learning_rate": {"initial": 1}},
            },
            "layers": layers,
            "budget": {"variant": "float32", "max_bytes": 1},
        },
        name="r",
        source="r.yaml",
    ).to_mapping()

    def keys(section: str) -> set[str]:
        return set(schema["$defs"][section]["properties"])

    rule, training = written["layers"]["all"], written["training"]
    assert set(schema["properties"]) == {*written, "defaults"}
    assert keys("Data") == set(written["data"])
    assert keys("Model") == set(written["model"])
    assert keys("Training") == set(training)
    assert keys("Optimizer") == set(training["optimizer"])
    assert keys("LearningRate") == set(training["optimizer"]["learning_rate"])
    assert keys("Augmentation") == set(training["augmentation"])
    assert keys("Rule") == set(rule)
    assert keys("BlockSize") == set(rule["block"])
    assert keys("ScheduleSettings") == set(rule["schedule"])
    assert keys("Export") == set(written["export"])
    assert keys("Budget") == set(written["budget"])


def test_a_default_is_what_is_written(schema: Schema) -> None:
    schedule = schema["$defs"]["ScheduleSettings"]["properties"]
    assert schedule["begin_step"]["default"] == 0
    assert "default" not in schedule["name"]
    assert schema["$defs"]["Export"]["properties"]["variants"]["default"] == ["float32"]
    assert "default" not in schema["properties"]["data"]
