from pathlib import Path

import pytest

from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.process.wording import visible
from runner.recipe.library import (
    describe_recipes,
    find_recipe,
    names_in,
    parent_name,
    path_in,
    recipe_folders,
    recipe_listing,
    recipe_names,
)

SINGLE = ["cifar10_resnet20", "mnist_2x4", "mnist_constant", "mnist_polynomial", "two_conv_2x4"]
STUDY = [
    f"study_schedules/{name}" for name in ("constant", "dense", "polynomial", "random_mask", "small_dense")
]
SHIPPED = SINGLE + STUDY


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `recipes` where the user stands."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    return folder


def test_without_an_own_folder_the_shipped_recipes_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert recipe_folders() == [packaged_folder("recipes")]
    assert recipe_names() == SHIPPED
    assert find_recipe("mnist_2x4") == packaged_folder("recipes") / "mnist_2x4.yaml"


def test_the_own_folder_comes_first(own: Path) -> None:
    for name in ("mnist_2x4", "mine"):
        (own / f"{name}.yaml").write_text("description: mine\n")

    assert recipe_folders() == [own, packaged_folder("recipes")]
    assert recipe_names() == [*sorted(["mine", *SINGLE]), *STUDY]
    assert find_recipe("mnist_2x4") == own / "mnist_2x4.yaml"
    assert find_recipe("two_conv_2x4") == packaged_folder("recipes") / "two_conv_2x4.yaml"


def test_standing_in_the_repository_its_folder_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packaged_folder("recipes").parent)

    assert recipe_folders() == [packaged_folder("recipes")]


def test_an_unknown_name_gets_the_nearest_and_the_list(own: Path) -> None:
    (own / "mine.yaml").touch()

    with pytest.raises(UserError) as refused:
        find_recipe("mnist_2x5")

    assert str(refused.value).splitlines() == [
        "There is no recipe 'mnist_2x5'. Did you mean 'mnist_2x4'?",
        *(f"  {name}" for name in [*sorted(["mine", *SINGLE]), *STUDY]),
        f"looked for mnist_2x5.yaml in recipes and {packaged_folder('recipes')}",
    ]


def test_a_path_is_no_name_but_finds_the_nearest(own: Path) -> None:
    (own.parent / "outside.yaml").touch()

    with pytest.raises(UserError, match=r"no recipe '\.\./outside'"):
        find_recipe("../outside")
    with pytest.raises(UserError, match="Did you mean 'mnist_2x4'"):
        find_recipe("recipes/mnist_2x4.yaml")


def test_another_suffix_is_pointed_out(own: Path) -> None:
    (own / "mine.yml").touch()

    with pytest.raises(UserError, match=r"recipes/mine\.yml is there, but recipes end in \.yaml: rename it"):
        find_recipe("mine")


def test_describes_every_recipe_even_a_broken_one(own: Path) -> None:
    (own / "broken.yaml").write_text("data: {")
    (own / "listed.yaml").write_text("- a\n")
    (own / "mine.yaml").write_text("description: of mine\n")
    (own / "silent.yaml").write_text("data: {}\n")

    described = describe_recipes()

    assert list(described) == [*sorted(["broken", "listed", "mine", "silent", *SINGLE]), *STUDY]
    assert described["broken"] == described["listed"] == "(cannot be read; running it says why)"
    assert described["mine"] == "of mine"
    assert described["silent"] == ""
    assert described["mnist_2x4"].startswith("2:4 on the second convolution")


def test_no_recipe_keeps_the_others_from_being_described(own: Path) -> None:
    broken = {
        "bomb": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)),
        "deep": "a: " + "[" * 3_000,
        "digits": "description: of digits\nseed: " + "9" * 6_000,
        "date": "description: of date\na: 2026-13-45\nb: !!python/object:os.system x\n",
        "escape": 'description: "a \\e[31m b\\nc"\n',
        "long": "#" * 100_000,
        "name\x1b[31m": "description: of nobody\n",
    }
    for name, written in broken.items():
        (own / f"{name}.yaml").write_text(written)

    described = describe_recipes()

    unreadable = "(cannot be read; running it says why)"
    assert {name: described.get(name) for name in broken} == {
        "bomb": unreadable,
        "deep": unreadable,
        "digits": "of digits",
        "date": "of date",
        "escape": "a ␛[31m b c",
        "long": unreadable,
        "name\x1b[31m": None,
    }
    assert set(SHIPPED) < set(described)


@pytest.mark.parametrize("name", ["x" * 10_000, "x/" * 10_000 + "x", "a\x1b[31m", "a\0", "\ud800", "ü" * 126])
def test_a_name_that_no_file_can_have_is_an_unknown_recipe(own: Path, name: str) -> None:
    assert path_in(own, name) is None
    with pytest.raises(UserError) as refused:
        find_recipe(name)
    told = str(refused.value)
    assert told.startswith("There is no recipe '")
    assert "looked for" not in told
    assert len(told) < 1_000
    assert visible(told) == told


def write(own: Path, *names: str) -> None:
    for name in names:
        path = own / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"description: of {name}\n")


def test_recipes_in_folders_are_named_with_them(own: Path) -> None:
    write(own, "b", "sub/x", "sub/deep/y", "a", "study_schedules/dense", "study_schedules/mine")

    assert names_in(own) == ["a", "b", "study_schedules/dense", "study_schedules/mine", "sub/x", "sub/deep/y"]
    assert [name for name in recipe_names() if name.startswith("study")] == sorted(
        [*STUDY, "study_schedules/mine"]
    )
    assert find_recipe("sub/deep/y") == own / "sub" / "deep" / "y.yaml"
    assert find_recipe("study_schedules/dense") == own / "study_schedules" / "dense.yaml"
    shipped = packaged_folder("recipes") / "study_schedules"
    assert find_recipe("study_schedules/constant") == shipped / "constant.yaml"


def test_hidden_folders_and_copies_are_not_listed(own: Path) -> None:
    write(own, "a", ".hidden", ".ipynb_checkpoints/a-checkpoint", "sub/.ipynb_checkpoints/x-checkpoint")
    (own / "folder.yaml").mkdir()

    assert names_in(own) == ["a"]


def test_no_name_leaves_the_folder(own: Path) -> None:
    assert path_in(own, "sub/x") == own / "sub" / "x.yaml"
    for name in ("", "/etc/x", "../x", "sub/../../x", "sub//x", "./x", "sub/"):
        assert path_in(own, name) is None, name


def test_a_folder_is_no_recipe_but_all_of_its_recipes(own: Path) -> None:
    with pytest.raises(UserError) as refused:
        find_recipe("study_schedules")

    assert str(refused.value).splitlines()[0] == (
        "There is no recipe 'study_schedules'. It is a folder: recipe=study_schedules/constant runs one in"
        " it, --multirun 'recipe=glob(study_schedules/*)' all."
    )


def test_a_pattern_is_pointed_to_glob(own: Path) -> None:
    with pytest.raises(UserError, match=r"A pattern takes glob: --multirun 'recipe=glob\(mnist_\*\)'"):
        find_recipe("mnist_*")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("polynomial", "study_schedules/polynomial"),
        ("schedules/polynomial", "study_schedules/polynomial"),
        ("study_schedules/constnt", "study_schedules/constant"),
        ("study_schedule/constant", "study_schedules/constant"),
        ("recipes/study_schedules/dense.yaml", "study_schedules/dense"),
        ("mnist_polynomal", "mnist_polynomial"),
    ],
)
def test_the_nearest_is_found_across_folders(own: Path, asked: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"There is no recipe '{asked}'. Did you mean '{meant}'"):
        find_recipe(asked)


def test_a_parent_is_beside_its_child_or_named_as_on_the_command_line(own: Path) -> None:
    write(own, "sub/parent", "sub/mnist_2x4")

    assert parent_name("sub/child", "parent") == "sub/parent"
    assert parent_name("sub/child", "mnist_constant") == "mnist_constant"
    assert parent_name("sub/child", "study_schedules/dense") == "study_schedules/dense"
    assert parent_name("sub/deep/child", "sub/parent") == "sub/parent"
    assert parent_name("child", "sub/parent") == "sub/parent"
    # Beside comes first, but no recipe is its own parent while another of the name is there.
    assert parent_name("sub/child", "mnist_2x4") == "sub/mnist_2x4"
    assert parent_name("sub/mnist_2x4", "mnist_2x4") == "mnist_2x4"
    assert parent_name("sub/child", "nowhere") == "nowhere"


def test_the_listing_sets_folders_apart(own: Path) -> None:
    write(own, "sub/x")

    lines = recipe_listing()

    assert lines[: len(SINGLE)] == [f"{name:<16}  {describe_recipes()[name]}" for name in SINGLE]
    assert [line.split("  ")[0].strip() for line in lines[len(SINGLE) :]] == ["", *STUDY, "", "sub/x"]
    assert lines[-1] == "sub/x  of sub/x"
