import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from runner.process.errors import UserError
from runner.recipe.recipe_file import lineage, origins, read_recipe_file
from runner.recipe.vetting import vet

GOOD = """\
# A comment
data: {name: mnist}
model: {name: mnist_cnn}
training:
  epochs: 2
  batch_size: 8
layers:
  all: {targets: "*", m_by_n: 2x4}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    return folder


def refusal(own: Path, written: str | bytes) -> str:
    path = own / "bad.yaml"
    path.write_bytes(written.encode() if isinstance(written, str) else written)
    with pytest.raises(UserError) as refused:
        lineage("bad")
    return str(refused.value)


def test_knows_the_line_of_each_key(own: Path) -> None:
    path = own / "good.yaml"
    path.write_text(GOOD)

    file = read_recipe_file(path)

    assert file.config.training.epochs == 2
    assert file.parents == ()
    assert file.lines["recipe.data"] == file.lines["recipe.data.name"] == 2
    assert file.lines["recipe.training.epochs"] == 5
    assert file.lines["recipe.layers.all.m_by_n"] == 8


def test_anchors_and_merge_keys_are_read(own: Path) -> None:
    path = own / "anchored.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n")

    file = read_recipe_file(path)

    assert OmegaConf.to_container(file.config) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}
    assert file.lines["recipe.b.y"] == 2


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("data: {name: mnist\nmodel: [}\n", "recipes/bad.yaml:2: is not valid YAML: expected ',' or '}'"),
        ("data:\n\tname: x\n", "recipes/bad.yaml:2: is not valid YAML: found character '\\t'"),
        (GOOD + "training: {}\n", "recipes/bad.yaml:9: is not valid YAML: found duplicate key training"),
        ("model: !!python/name:os.system x\n", "recipes/bad.yaml:1: is not valid YAML: could not determine"),
        ("hello\n", "recipes/bad.yaml: must be a mapping with the keys data, model, training, layers"),
        ("- a\n", "recipes/bad.yaml: must be a mapping with the keys data, model, training, layers"),
        ("a: &a [*a]\n", "recipes/bad.yaml:1: *a stands within what it names"),
        ("description: ${recipe.a\n", "recipes/bad.yaml: is not valid YAML for a recipe"),
        (
            "model: {units: " + "9" * 6_000 + "}\n",
            "recipes/bad.yaml: is not valid YAML for a recipe: Exceeds",
        ),
        ("model: !!set {a, b}\n", "recipes/bad.yaml: is not valid YAML for a recipe"),
        ("model: {a: 1\x00}\n", "recipes/bad.yaml: is not valid YAML for a recipe"),
        ("a: " + "[" * 3_000, "recipes/bad.yaml:1: nests deeper than the 32 levels"),
        (b"\xff\xfe\x00", "recipes/bad.yaml: cannot be read: 'utf-8' codec"),
    ],
)
def test_refuses_what_is_no_yaml_mapping(own: Path, written: str | bytes, told: str) -> None:
    message = refusal(own, written)

    assert message.startswith(told)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("# @package _global_\nhydra: {}\n", "recipes/bad.yaml:1: @package would let a recipe set more"),
        (GOOD + "#   @package foo\n", "recipes/bad.yaml:9: @package"),
        (GOOD + "hydra: {run: {dir: x}}\n", "recipes/bad.yaml:9: recipe.hydra: a recipe cannot set Hydra"),
        (
            GOOD + "export:\n  _target_: os.system\n",
            "recipes/bad.yaml:10: recipe.export._target_: a recipe is data and cannot name code",
        ),
        (
            GOOD + "export: {x: [{_partial_: true}]}\n",
            "recipes/bad.yaml:9: recipe.export.x[0]._partial_: a r",
        ),
        (
            GOOD + "description: ${oc.env:HOME}\n",
            "recipes/bad.yaml:9: recipe.description is '${oc.env:HOME}': a recipe may refer only to itself",
        ),
        (GOOD + "description: a ${seed}\n", "recipes/bad.yaml:9: recipe.description is 'a ${seed}'"),
        (GOOD + "description: ${recipe.${seed}}\n", "recipes/bad.yaml:9: recipe.description is"),
        (
            GOOD + "export: {variants: ['${hydra:job.name}']}\n",
            "recipes/bad.yaml:9: recipe.export.variants[0]",
        ),
        (GOOD + "defaults: mnist_2x4\n", "recipes/bad.yaml:9: recipe.defaults must be a list of recipes"),
        (
            "defaults:\n  - override hydra/launcher: joblib\n",
            "recipes/bad.yaml:1: recipe.defaults has {'override hydra/launcher': 'joblib'}",
        ),
        ("defaults: [mnist_2x4@hydra]\n", "recipes/bad.yaml:1: recipe.defaults has 'mnist_2x4@hydra'"),
        ("defaults: [/hydra/output/default]\n", "recipes/bad.yaml:1: recipe.defaults has '/hydra/output/def"),
        ("defaults: [../bad]\n", "recipes/bad.yaml:1: recipe.defaults has '../bad'"),
        ("defaults: [sub/../../bad]\n", "recipes/bad.yaml:1: recipe.defaults has 'sub/../../bad'"),
        ("defaults: ['${oc.env:X}']\n", "recipes/bad.yaml:1: recipe.defaults"),
        (
            "defaults: [bad, _self_]\n",
            "recipes/bad.yaml:1: recipe.defaults: a recipe cannot inherit from its",
        ),
        (
            "defaults: [" + "x" * 10_000 + "]\n",
            "recipes/bad.yaml:1: recipe.defaults: There is no recipe 'xxx",
        ),
        (
            "description: ${..tracking.uri}\n",
            "recipes/bad.yaml:1: recipe.description is '${..tracking.uri}': a",
        ),
        (
            'description: "\\e[31m"\n',
            "recipes/bad.yaml:1: recipe.description is '\\x1b[31m', with the control",
        ),
        ("model: {units: " + "9" * 400 + "}\n", "recipes/bad.yaml:1: recipe.model.units is 99999"),
        ("model: {units: !!binary aGk=}\n", "recipes/bad.yaml:1: recipe.model.units is b'hi', but must be"),
        ("defaults: [nowhere]\n", "recipes/bad.yaml:1: recipe.defaults: There is no recipe 'nowhere'."),
    ],
)
def test_refuses_what_is_more_than_data(own: Path, written: str, told: str) -> None:
    assert refusal(own, written).startswith(told)


def test_refers_to_itself_and_escapes(own: Path) -> None:
    vet(
        {
            "a": "${recipe.training.epochs} and ${.b} and ${.c.d[0]}",
            "b": r"an escaped \${oc.env:HOME}",
            "c": "$HOME {x}",
        },
        lambda key: "here",
    )

    with pytest.raises(UserError, match=r"^here: recipe\.d is"):
        vet({"d": r"a backslash \\${oc.env:HOME}"}, lambda key: "here")


def test_inherits_across_folders_in_order(own: Path) -> None:
    (own / "child.yaml").write_text("defaults: [parent, _self_]\ntraining: {epochs: 9}\n")
    (own / "parent.yaml").write_text("defaults: [mnist_2x4, _self_]\n")

    files = lineage("child")

    assert [file.path.name for file in files] == ["mnist_2x4.yaml", "parent.yaml", "child.yaml"]
    assert files[-1].parents == ("parent",)


def test_inherits_from_beside_it_and_tells_of_a_parent_that_is_nowhere(own: Path) -> None:
    (own / "sub").mkdir()
    (own / "sub" / "parent.yaml").write_text("defaults: [mnist_constant, _self_]\n")
    child = own / "sub" / "child.yaml"
    child.write_text("defaults: [parent, _self_]\n")

    names = [str(file.path.relative_to(file.path.parents[1])) for file in lineage("sub/child")]
    assert names == ["recipes/mnist_constant.yaml", "sub/parent.yaml", "sub/child.yaml"]
    assert origins("sub/child", {})("recipe.training.epochs").endswith("recipes/mnist_constant.yaml:7")

    child.write_text("description: x\ndefaults: [sub/parnt, _self_]\n")
    with pytest.raises(UserError) as refused:
        lineage("sub/child")
    assert str(refused.value).startswith(
        "recipes/sub/child.yaml:2: recipe.defaults: There is no recipe 'sub/parnt'. Did you mean 'sub/parent"
    )
    child.write_text("defaults: [child, _self_]\n")
    with pytest.raises(UserError, match="cannot inherit from itself: sub/child -> sub/child"):
        lineage("sub/child")


def test_a_circle_of_parents_is_shown(own: Path) -> None:
    (own / "a.yaml").write_text("defaults: [b]\n")
    (own / "b.yaml").write_text("defaults: [a]\n")

    with pytest.raises(UserError, match=r"cannot inherit from itself: a -> b -> a"):
        lineage("a")


def test_a_parent_is_named_once(own: Path) -> None:
    (own / "small.yaml").write_text(GOOD)
    told = "recipes/bad.yaml:1: recipe.defaults: names small twice; a recipe inherits from another one once"
    assert refusal(own, f"defaults: [{'small, ' * 3_000}_self_]") == told
    (own / "folder").mkdir()
    (own / "folder" / "bad.yaml").write_text("defaults: [small, small.yaml, _self_]")
    with pytest.raises(UserError, match=r"^recipes/folder/bad\.yaml:1: recipe\.defaults: names small twice"):
        lineage("folder/bad")


def test_parents_that_double_in_each_generation_are_refused_at_once(own: Path) -> None:
    for side in "ab":
        (own / f"{side}0.yaml").write_text(GOOD)
        for number in range(1, 17):
            (own / f"{side}{number}.yaml").write_text(f"defaults: [a{number - 1}, b{number - 1}, _self_]")
    began = time.monotonic()
    told = refusal(own, "defaults: [a16, b16, _self_]")
    assert "bad is composed of more than the 64 recipes that a recipe may inherit from" in told
    assert time.monotonic() - began < 2


def test_a_long_line_of_parents_is_read_fast(own: Path) -> None:
    (own / "d0.yaml").write_text(GOOD)
    for number in range(1, 26):
        (own / f"d{number}.yaml").write_text(f"defaults: [d{number - 1}, _self_]")
    began = time.monotonic()
    assert [file.path.stem for file in lineage("d24")] == [f"d{number}" for number in range(25)]
    assert time.monotonic() - began < 2
    with pytest.raises(
        UserError, match=r"^recipes/d1\.yaml:1: recipe\.defaults: d25 has more than the 24 gen"
    ):
        lineage("d25")


def test_two_parents_may_have_one_parent(own: Path) -> None:
    (own / "top.yaml").write_text(GOOD)
    (own / "left.yaml").write_text("defaults: [top, _self_]")
    (own / "right.yaml").write_text("defaults: [top, _self_]")
    (own / "below.yaml").write_text("defaults: [left, right, _self_]")
    assert [file.path.stem for file in lineage("below")] == ["top", "left", "top", "right", "below"]


def test_a_bad_parent_is_refused_by_its_own_name(own: Path) -> None:
    (own / "child.yaml").write_text("defaults: [parent]\n")
    (own / "parent.yaml").write_text("model: {_target_: os.system}\n")

    with pytest.raises(UserError, match=r"^recipes/parent\.yaml:1: recipe\.model\._target_"):
        lineage("child")


def test_origins_name_the_override_or_the_line_that_set_a_value(own: Path) -> None:
    (own / "parent.yaml").write_text(GOOD)
    (own / "child.yaml").write_text("defaults: [parent, _self_]\ntraining: {epochs: 9}\n")
    overrides = {
        "recipe.training.batch_size": "recipe.training.batch_size=0",
        "recipe.trainin.epochs": "recipe.trainin.epochs=3",
        "recipe.layers.new": "recipe.layers.new={targets: x}",
        "recipe.layers.al.schedule.sparsity": "recipe.layers.al.schedule.sparsity=0.5",
    }

    where = origins("child", overrides)

    assert where("recipe.training.epochs") == "recipes/child.yaml:2"
    assert where("recipe.model.name") == "recipes/parent.yaml:3"
    assert where("recipe.training.batch_size") == "command line"
    assert where("recipe.layers.new.targets") == "command line"
    # Nobody wrote these two, but only the command line speaks of their rule.
    for missing in ("recipe.layers.al.targets", "recipe.layers.al.schedule.name"):
        assert where(missing) == "command line, recipe.layers.al.schedule.sparsity=0.5"
    assert where("recipe.trainin") == "command line, recipe.trainin.epochs=3"
    assert where("recipe.training.loss") == "recipes/child.yaml:2"
    assert where("recipe.export") == "recipes/child.yaml"
