import copy
from collections.abc import Mapping
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.recipe import Data, Export, Model, Optimizer, Recipe, Rule, ScheduleSettings, Training
from runner.recipe.steps import StepSpec

BASE: dict[str, Any] = {
    "data": {"name": "mnist"},
    "model": {"name": "mnist_cnn"},
    "training": {"epochs": 4, "batch_size": 32},
    "layers": {"all": {"targets": "*", "schedule": {"name": "constant", "sparsity": 0.5}}},
}


def read(changes: Mapping[str, Any] | None = None) -> Recipe:
    """Reads the base recipe with values put at dotted keys; `...` deletes a key."""
    mapping = copy.deepcopy(BASE)
    for key, value in (changes or {}).items():
        *above, last = key.split(".")
        node = mapping
        for name in above:
            node = node.setdefault(name, {})
        if value is ...:
            del node[last]
        else:
            node[last] = value
    return Recipe.from_mapping(mapping, name="base", source="recipes/base.yaml")


def refusal(changes: Mapping[str, Any]) -> str:
    with pytest.raises(UserError) as refused:
        read(changes)
    return str(refused.value)


def test_fills_in_every_default() -> None:
    assert read() == Recipe(
        name="base",
        source="recipes/base.yaml",
        description="",
        data=Data(name="mnist", path=None, fallback=None, validation_split=0.0, arguments={}),
        model=Model(name="mnist_cnn", path=None, arguments={}),
        training=Training(
            epochs=4,
            batch_size=32,
            optimizer=Optimizer(name="adam", learning_rate=0.001, arguments={}),
            loss=None,
            metrics=None,
            dense_epochs=0,
        ),
        layers=(
            Rule(
                key="all",
                targets=("*",),
                schedule=ScheduleSettings(
                    name="constant",
                    sparsity=0.5,
                    begin_step=StepSpec(0),
                    end_step=None,
                    frequency=None,
                    arguments={},
                ),
            ),
        ),
        export=Export(variants=("float32",), calibration_samples=128, dense=True),
        budget=None,
    )


def test_reads_every_key() -> None:
    recipe = read(
        {
            "description": "all of it",
            "data": {"name": "random", "validation_split": 0.25, "samples": 64, "input_shape": [4, 8, 2]},
            "model": {"path": "my.keras", "weights": "trained.weights.h5", "weights_ignore": "head*"},
            "training.optimizer": {"name": "sgd", "learning_rate": 1, "momentum": 0.9},
            "training.loss": "mse",
            "training.metrics": ["mae"],
            "training.dense_epochs": 2,
            "layers": {
                "rnn": {
                    "targets": ["lstm*", "re:gru_\\d+"],
                    "ignore": "lstm_2",
                    "types": "LSTM",
                    "weights": ["recurrent_kernel"],
                    "m_by_n": "2:4",
                    "m_by_n_axis": "flattened",
                    "schedule": {
                        "name": "polynomial",
                        "begin_step": "20%",
                        "end_step": "3ep",
                        "frequency": 10,
                        "power": 3,
                    },
                },
                "head": {"prune": False},
            },
        }
    )

    assert recipe.description == "all of it"
    assert recipe.data == Data("random", None, None, 0.25, {"samples": 64, "input_shape": [4, 8, 2]})
    assert recipe.model == Model(path="my.keras", weights="trained.weights.h5", weights_ignore=("head*",))
    assert recipe.training == Training(
        4, 32, Optimizer("sgd", 1.0, {"momentum": 0.9}), "mse", ("mae",), dense_epochs=2
    )
    schedule = ScheduleSettings(
        "polynomial", None, StepSpec(0.2, "share"), StepSpec(3, "epochs"), 10, {"power": 3}
    )
    assert recipe.layers == (
        Rule(
            "rnn",
            targets=("lstm*", "re:gru_\\d+"),
            ignore=("lstm_2",),
            types=("LSTM",),
            weights=("recurrent_kernel",),
            m_by_n=(2, 4),
            m_by_n_axis="flattened",
            schedule=schedule,
        ),
        Rule("head", targets=("head",), prune=False),
    )
    assert Recipe.from_mapping(recipe.to_mapping(), name="base", source="recipes/base.yaml") == recipe


@pytest.mark.parametrize("written", ["2x4", "2:4", [2, 4], " 2 x 4 ", (2, 4)])
def test_reads_the_forms_of_m_by_n(written: object) -> None:
    recipe = read({"layers.all": {"m_by_n": written}})

    assert recipe.layers[0].m_by_n == (2, 4)
    assert recipe.to_mapping()["layers"]["all"]["m_by_n"] == "2x4"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("data.validation_split", 1, "is 1, but must be in [0, 1)"),
        ("data.validation_splt", 0.1, "is unknown. Did you mean 'validation_split'?"),
        ("data", [1], "is [1], but must be a mapping of keys to values"),
        (
            "budget",
            {"max_bytes": 10},
            ".variant is missing: name the file that is meant, of recipe.export.variants (float32)",
        ),
        ("model", {}, ".name is missing: name a registered model, or give the path of a saved one"),
        ("model.path", "a.h5", "stands beside name: mnist_cnn; keep one of the two"),
        ("model.weights_ignore", ["head"], "stands without weights, the file whose layers it names"),
        ("model.weights_ignore", "re:(", "has 're:(', which is no regular expression: missing )"),
        ("training.epochs", 0, "is 0, but must be at least 1"),
        ("training.epochs", 1.5, "is 1.5, but must be a whole number"),
        ("training.epochs", True, "is True, but must be a whole number"),
        ("training.epochs", float("inf"), "must be a whole number"),
        ("training.epochs", None, "is missing"),
        ("training.epochs", "???", "is left open (???): give it, e.g. recipe.training.epochs=VALUE"),
        ("training.batch_size", -3, "is -3, but must be at least 1"),
        (
            "training.epoches",
            1,
            "is unknown. Did you mean 'epochs'? Known: epochs, batch_size, optimizer, loss, metrics,"
            " augmentation, dense_epochs",
        ),
        ("training.dense_epochs", -1, "is -1, but must be at least 0"),
        ("training.dense_epochs", 0.5, "is 0.5, but must be a whole number"),
        ("training.optimizer", "adam", "is 'adam', but must be a mapping"),
        ("training.optimizer.learning_rate", 0, "is 0, but must be above 0"),
        ("training.optimizer.learning_rate", "fast", "is 'fast', but must be a number"),
        ("training.optimizer.learning_rte", 0.1, "is unknown. Did you mean 'learning_rate'?"),
        ("training.metrics", 3, "is 3, but must be text or a list of texts"),
        ("training.metrics", ["mae", 3], "[1] is 3, but must be text"),
        ("trainin", {"epochs": 3}, "is unknown. Did you mean 'training'? Known: description, data, model,"),
        ("layers", ["a"], "is ['a'], but must be a mapping of keys to values"),
        ("layers", {}, "has no rules: a recipe prunes something"),
        ("layers.all", [1], "is [1], but must be a mapping of keys to values"),
        ("layers.all.key", "all", "is unknown. Known: targets, ignore, types, weights, prune, m_by_n"),
        ("layers.all.block", {"inputs": 4, "out": 1}, ".inputs is unknown."),
        ("name", "base", "is unknown. Known: description, data, model, training, layers, export, budget"),
        ("data.arguments", "???", "is left open (???): give it, e.g. recipe.data.arguments=VALUE"),
        ("budget", "int8", "is 'int8', but must be a mapping of keys to values"),
        ("layers.re:conv", {"prune": False}, "cannot be overridden: name the rule by a word"),
        ("layers.all.targts", "x", "is unknown. Did you mean 'targets'?"),
        ("layers.all.targets", [], "is an empty list, which matches nothing"),
        ("layers.all.targets", ["re:(a", "b"], "has 're:(a', which is no regular expression: missing )"),
        (
            "layers.all.ignore",
            "re:*",
            "has 're:*', which is no regular expression: no argument for repetition operator: *",
        ),
        ("layers.all.prune", "no", "is 'no', but must be true or false"),
        ("layers.all.prune", False, "is false, so the rule cannot have schedule"),
        ("layers.all", None, "prunes nothing: give it m_by_n, a schedule, or prune: false"),
        ("layers.all.m_by_n_axis", "flattened", "says how m:n groups run, but the rule has no m_by_n"),
        ("layers.all.m_by_n", "4x2", "is 4x2, but of each group of n weights m are zero: 0 < m < n. Did you"),
        ("layers.all.m_by_n", "0x4", "is 0x4, but of each group"),
        ("layers.all.m_by_n", "4x4", "is 4x4, but of each group"),
        ("layers.all.m_by_n", 124, "is the number 124: YAML reads an unquoted 2:4 as 124"),
        ("layers.all.m_by_n", float("inf"), "is the number inf: YAML reads an unquoted 2:4 as 124"),
        ("layers.all.m_by_n", 64, 'quote it, "1:4", or write 1x4'),
        ("layers.all.m_by_n", "two", "is 'two'; write 2x4, \"2:4\" or [2, 4]"),
        ("layers.all.m_by_n", [2], "is [2]; write 2x4"),
        ("layers.all.m_by_n", ["2", 4], "is '2', but must be a whole number"),
        ("layers.all.schedule.name", None, "is missing"),
        ("layers.all.schedule.sparsity", 1.0, "is 1, but must be in [0, 1)"),
        ("layers.all.schedule.sparsity", -0.1, "is -0.1, but must be in [0, 1)"),
        ("layers.all.schedule.sparsity", 50, "is 50, but must be in [0, 1); 50 % is 0.5"),
        ("layers.all.schedule.sparsity", "fifty", "is 'fifty', but must be a number"),
        ("layers.all.schedule.sparsity", "50%", "is '50%', but must be a number; write 0.5"),
        ("layers.all.schedule.sparsity", float("nan"), "is nan, but must be a number"),
        ("layers.all.schedule.sparsity", None, "is missing: without m_by_n the schedule must name it"),
        ("layers.all.schedule.frequency", 0, "is 0, but must be at least 1"),
        ("layers.all.schedule.begin_step", "soon", "is 'soon'; write steps"),
        ("layers.all.schedule.begin_step", "5ep", "is 5ep, beyond the 4 epochs of training"),
        ("layers.all.schedule.end_step", "4.5ep", "is 4.5ep, beyond the 4 epochs of training"),
        ("export.variants", [], "is empty: name at least one, e.g. float32"),
        ("export.variants", ["float32", "float32"], "names one twice"),
        (
            "budget",
            {"variant": "int8", "max_bytes": 1},
            "variant is 'int8', which export.variants (float32) does not name",
        ),
    ],
)
def test_refuses_with_the_file_the_key_and_the_remedy(key: str, value: object, told: str) -> None:
    message = refusal({key: value})

    assert message.startswith(f"recipes/base.yaml: recipe.{key}")
    assert told in message
    assert "\n" not in message


def test_an_empty_budget_is_none() -> None:
    assert read({"budget": {}}).budget is None
    assert read({"budget": None}).to_mapping()["budget"] is None


def test_names_all_problems_at_once() -> None:
    message = refusal({"training": {"epochs": 0, "batch_size": 0}, "layers.all.schedule.sparsity": 2})

    assert message.splitlines() == [
        "3 problems in the recipe:",
        "  recipes/base.yaml: recipe.training.epochs is 0, but must be at least 1",
        "  recipes/base.yaml: recipe.training.batch_size is 0, but must be at least 1",
        "  recipes/base.yaml: recipe.layers.all.schedule.sparsity is 2, but must be in [0, 1); 2 % is 0.02",
    ]


def test_says_where_each_key_was_written() -> None:
    with pytest.raises(UserError, match=r"^line of recipe\.training\.epochs: recipe\.training\.epochs is 0"):
        Recipe.from_mapping(
            {**BASE, "training": {"epochs": 0, "batch_size": 1}},
            name="base",
            source="recipes/base.yaml",
            where=lambda key: f"line of {key}",
        )


@pytest.mark.parametrize(
    ("begin", "end", "good"),
    [
        (10, 10, True),
        (11, 10, False),
        ("30%", "20%", False),
        ("1ep", "25%", True),
        ("1.5ep", "25%", False),
        ("1ep", 3, True),
    ],
)
def test_begin_may_not_be_after_end(begin: object, end: object, good: bool) -> None:
    changes = {"layers.all.schedule.begin_step": begin, "layers.all.schedule.end_step": end}

    if good:
        assert read(changes).layers[0].schedule is not None
    else:
        assert f"recipe.layers.all.schedule.begin_step is {begin}, after end_step {end}" in refusal(changes)


def test_sparsity_under_m_by_n_reaches_at_most_its_share() -> None:
    def rule(sparsity: float | None, m_by_n: str = "2x4") -> dict[str, Any]:
        return {"layers.all": {"m_by_n": m_by_n, "schedule": {"name": "constant", "sparsity": sparsity}}}

    assert read(rule(0.5)).layers[0].schedule == ScheduleSettings("constant", 0.5)
    assert read(rule(0.3333334, "1x3")).layers[0].m_by_n == (1, 3)
    assert read(rule(None)).layers[0].schedule == ScheduleSettings("constant", None)
    assert "schedule.sparsity is 0.6, above the 0.5 that m_by_n 2x4 can reach" in refusal(rule(0.6))
    assert "above the 0.25 that m_by_n 1x4 can reach" in refusal(rule(0.5, "1x4"))


@pytest.mark.parametrize(
    "changes",
    [
        {"data.loader": {"_target_": "os.system", "command": "true"}},
        {"layers.all._partial_": True},
        {"model.blocks": [{"units": 3}, {"_target_": "pandas.read_pickle"}]},
    ],
)
def test_refuses_to_name_code(changes: dict[str, Any]) -> None:
    assert "a recipe is data and cannot name code" in refusal(changes)


def test_hash_is_of_what_the_recipe_says() -> None:
    base = read()

    assert len(base.hash) == 12
    assert int(base.hash, 16) >= 0
    assert base.hash == read({"description": "other words"}).hash
    assert base.hash == Recipe.from_mapping(BASE, name="another", source="elsewhere.yaml").hash
    assert base.hash == read({"training.epochs": 4.0, "data.path": None}).hash
    assert base.hash != read({"training.epochs": 5}).hash
    assert base.hash != read({"data.shuffle": False}).hash


def test_hash_knows_the_order_of_rules() -> None:
    one, other = {"targets": "a*", "m_by_n": "2x4"}, {"targets": "*b", "m_by_n": "1x4"}

    forth, back = read({"layers": {"x": one, "y": other}}), read({"layers": {"y": other, "x": one}})

    assert forth.hash != back.hash


def test_value_objects_refuse_when_made() -> None:
    with pytest.raises(UserError, match="sparsity is 1, but must be in"):
        ScheduleSettings("constant", 1.0)
    with pytest.raises(UserError, match="epochs is 0, but must be at least 1"):
        Training(0, 1)
    with pytest.raises(UserError, match="has no rules"):
        Recipe("n", "s", model=Model("m"), training=Training(1, 1), layers=())
